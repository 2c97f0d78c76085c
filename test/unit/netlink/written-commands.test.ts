import { expect, it } from 'vitest';
import { KernelError, OverrunError, ProtocolError, TimeoutError } from '../../../src/errors.js';
import type { AttributeWriter } from '../../../src/netlink/attributes.js';
import { type CommandRefusal, Connection } from '../../../src/netlink/connection.js';
import { NLMSG_NOOP } from '../../../src/netlink/message.js';
import { ENOBUFS } from '../../../src/netlink/transport.js';
import { CommandWriter, type WrittenCommands } from '../../../src/netlink/written-commands.js';
import { type Answer, acknowledgement, done, FakeTransport, message, type Sent } from '../../fake-kernel.js';

const ACK = 4;
const DUMP = 0x300;
const TYPE = 0x20;
const BROKEN = -1;

/** A command whose payload is one number. */
function command(number: number) {
  return {
    type: TYPE,
    write(writer: AttributeWriter) {
      writer.setU32(writer.reserve(4), number);
      if (number === BROKEN) throw new ProtocolError('cannot be written');
    },
  };
}

function written(...numbers: number[]): WrittenCommands {
  const writer = new CommandWriter();
  for (const number of numbers) writer.add(command(number));
  const [commands] = writer.take();
  if (commands === undefined) throw new Error('nothing was written');
  return commands;
}

function numberIn(payload: Uint8Array): number | undefined {
  return payload.length < 4 ? undefined : new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
}

/** Answers as the kernel does: errors always, acknowledgements when asked for. Refuses these numbers. */
function kernel(...refused: number[]) {
  return ({ sequence, flags, payload }: Sent): Answer => {
    if (refused.includes(numberIn(payload) ?? 0)) return [acknowledgement(sequence, -17)];
    return (flags & ACK) === 0 ? [] : [acknowledgement(sequence)];
  };
}

/** Executes, and gives the errnos by place. */
async function execute(connection: Connection, commands: WrittenCommands, options = {}): Promise<[number, number][]> {
  const refused: [number, number][] = [];
  const onRefused = (place: number, { errno }: CommandRefusal) => refused.push([place, errno]);
  await connection.executeWritten(commands, onRefused, options);
  return refused;
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

it('are 128 in a datagram, with a barrier behind them', async () => {
  const writer = new CommandWriter();
  for (const number of numbers(258)) writer.add(command(number));
  const datagrams = writer.take();
  expect(datagrams.map(({ count }) => count)).toEqual([128, 128, 2]);
  expect(writer.take()).toEqual([]);
  const transport = new FakeTransport(kernel());
  const connection = new Connection(transport);
  await Promise.all(datagrams.map((commands) => execute(connection, commands)));
  expect(transport.sent.map((messages) => messages.length)).toEqual([129, 129, 3]);
  expect(transport.sent.map((messages) => messages.at(-1)?.type)).toEqual([NLMSG_NOOP, NLMSG_NOOP, NLMSG_NOOP]);
  expect(transport.messages.filter(({ flags }) => (flags & ACK) !== 0)).toHaveLength(3);
  const sent = transport.messages.filter(({ type }) => type === TYPE).map(({ payload }) => numberIn(payload));
  expect(sent).toEqual(numbers(258));
});

it('have sequence numbers in a row, past 0 and past what is in flight', async () => {
  const transport = new FakeTransport((sent) => ((sent.flags & DUMP) === DUMP ? [] : kernel()(sent)));
  const connection = new Connection(transport);
  const dump = connection.dump({ ...command(0), command: 'dump' }, () => {});
  await new Promise(setImmediate);
  for (let round = 0; round < 3; round++) await execute(connection, written(...numbers(64)));
  for (const messages of transport.sent.slice(1)) {
    const [{ sequence: first } = { sequence: 0 }] = messages;
    expect(messages.map(({ sequence }) => sequence)).toEqual(numbers(65).map((n) => first + n - 1));
  }
  expect(new Set(transport.messages.map(({ sequence }) => sequence)).size).toBe(transport.messages.length);
  transport.arrive(done(transport.messages[0]?.sequence ?? 0));
  await dump;
});

it('that are refused are named by their place, whatever their number', async () => {
  const connection = new Connection(new FakeTransport(kernel(1, 7, 64)));
  expect(await execute(connection, written(...numbers(64)))).toEqual([
    [0, -17],
    [6, -17],
    [63, -17],
  ]);
  expect(await execute(connection, written(5, 6, 7))).toEqual([[2, -17]]);
});

it('that cannot be written are left out', async () => {
  const writer = new CommandWriter();
  writer.add(command(1));
  expect(() => writer.add(command(BROKEN))).toThrow(ProtocolError);
  writer.add(command(2));
  const transport = new FakeTransport(kernel());
  for (const commands of writer.take()) await execute(new Connection(transport), commands);
  expect(transport.messages.map(({ payload }) => numberIn(payload))).toEqual([1, 2, undefined]);
});

it('wait until what was sent before them is answered, and let others wait for them', async () => {
  const transport = new FakeTransport(() => []);
  const connection = new Connection(transport);
  const order: string[] = [];
  const note = (name: string) => () => order.push(name);
  const before = connection.execute({ ...command(1), command: 'before' }).then(note('before'));
  const middle = execute(connection, written(2, 3)).then(note('written'));
  const after = connection.execute({ ...command(4), command: 'after' }).then(note('after'));
  const acknowledgeLast = () => transport.arrive(acknowledgement(transport.messages.at(-1)?.sequence ?? 0));
  for (let datagrams = 1; datagrams <= 3; datagrams++) {
    await new Promise(setImmediate);
    expect(transport.sent).toHaveLength(datagrams);
    acknowledgeLast();
  }
  await Promise.all([before, middle, after]);
  expect(order).toEqual(['before', 'written', 'after']);
});

it('travel while a dump is under way', async () => {
  const transport = new FakeTransport((sent) => ((sent.flags & DUMP) === DUMP ? [] : kernel(2)(sent)));
  const connection = new Connection(transport);
  const dump = connection.dump({ ...command(0), command: 'dump' }, () => {});
  await new Promise(setImmediate);
  expect(await execute(connection, written(1, 2))).toEqual([[1, -17]]);
  transport.arrive(done(transport.messages[0]?.sequence ?? 0));
  await dump;
});

it('are lost, not done, where the kernel dropped answers', async () => {
  const transport = new FakeTransport((sent) => (numberIn(sent.payload) === 1 ? [-ENOBUFS] : kernel(2)(sent)));
  const connection = new Connection(transport);
  const refused: number[] = [];
  const execution = connection.executeWritten(written(1, 2, 3), (place) => refused.push(place));
  await expect(execution).rejects.toThrow(OverrunError);
  expect(refused).toEqual([1]);
  expect(await execute(connection, written(3))).toEqual([]);
});

it('that cannot be sent say so', async () => {
  const transport = new FakeTransport(kernel());
  transport.sendErrno = -90;
  const connection = new Connection(transport);
  const error = await execute(connection, written(1, 2)).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KernelError);
  expect(error).toMatchObject({ code: 'EMSGSIZE', command: '2 commands sent together' });
  transport.sendErrno = 0;
  expect(await execute(connection, written(1))).toEqual([]);
});

it('end with the signal, sent or not, and their late answers disturb nobody', async () => {
  const transport = new FakeTransport(() => []);
  const connection = new Connection(transport);
  const controller = new AbortController();
  const { signal } = controller;
  const refused: number[] = [];
  const sent = connection.executeWritten(written(1), (place) => refused.push(place), { signal });
  const waiting = execute(connection, written(2), { signal });
  await new Promise(setImmediate);
  controller.abort();
  await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  const [first, barrier] = transport.messages;
  transport.arrive(acknowledgement(first?.sequence ?? 0, -17), acknowledgement(barrier?.sequence ?? 0));
  expect(refused).toEqual([]);
  expect(transport.sent).toHaveLength(1);
});

it('that are not answered end at the deadline', async () => {
  const connection = new Connection(new FakeTransport(() => []), { timeout: 20 });
  await expect(execute(connection, written(1))).rejects.toThrow(TimeoutError);
});

it('answered with nonsense fail together', async () => {
  const transport = new FakeTransport(({ sequence, type }) =>
    type === TYPE ? [message(2, sequence, new Uint8Array(0))] : [acknowledgement(sequence)],
  );
  await expect(execute(new Connection(transport), written(1, 2))).rejects.toThrow(ProtocolError);
});
