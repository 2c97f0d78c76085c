import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  ClosedError,
  InterruptedError,
  KernelError,
  OverrunError,
  ProtocolError,
  TimeoutError,
} from '../../../src/errors.js';
import { Connection, type Request } from '../../../src/netlink/connection.js';
import { NLMSG_NOOP } from '../../../src/netlink/message.js';
import { ENOBUFS } from '../../../src/netlink/transport.js';
import { type Answer, acknowledgement, concat, done, FakeTransport, message, type Sent } from '../../fake-kernel.js';

const ACK = 4;
const DUMP = 0x300;
const TYPE = 0x20;

/** A request whose payload is one number. */
function request(number: number): Request {
  return {
    type: TYPE,
    command: `command ${number}`,
    write(writer) {
      writer.setU32(writer.reserve(4), number);
    },
  };
}

function numberIn(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
}

function data(sequence: number, number: number, flags = 0): Uint8Array {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, number, true);
  return message(TYPE, sequence, payload, flags);
}

/** Answers as the kernel does: errors always, acknowledgements when asked for. Commands that have an errno fail. */
function kernel(refused: (number: number) => number = () => 0) {
  return ({ sequence, flags, payload }: Sent): Answer => {
    const errno = payload.length === 0 ? 0 : refused(numberIn(payload));
    return errno !== 0 || (flags & ACK) !== 0 ? [acknowledgement(sequence, errno)] : [];
  };
}

/** The numbers of the requests that were sent, in order. */
function requested(transport: FakeTransport): number[] {
  return transport.messages.filter(({ type }) => type === TYPE).map(({ payload }) => numberIn(payload));
}

const readNumber = ({ bytes, start }: { bytes: { view: DataView }; start: number }) =>
  bytes.view.getUint32(start, true);
const settled = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: unknown) => error,
  );
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

afterEach(() => vi.useRealTimers());

describe('commands', () => {
  it('made together travel in one datagram, and a no-op at its end asks for the only acknowledgement', async () => {
    const transport = new FakeTransport(kernel());
    const connection = new Connection(transport);
    await Promise.all(numbers(5).map((n) => connection.execute(request(n))));
    expect(transport.sent).toHaveLength(1);
    expect(transport.messages.map(({ flags }) => (flags & ACK) !== 0)).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
    expect(transport.messages.map(({ type }) => type)).toEqual([TYPE, TYPE, TYPE, TYPE, TYPE, NLMSG_NOOP]);
    expect(requested(transport)).toEqual([0, 1, 2, 3, 4]);
  });

  it("carry the flags of their own beside the connection's", async () => {
    const transport = new FakeTransport(kernel());
    const connection = new Connection(transport);
    await connection.execute({ ...request(1), flags: 0x600 });
    expect(transport.messages[0]?.flags).toBe(0x601);
  });

  it('are at most 64 in flight', async () => {
    const transport = new FakeTransport(kernel());
    const connection = new Connection(transport);
    await Promise.all(numbers(300).map((n) => connection.execute(request(n))));
    expect(transport.sent.map((datagram) => datagram.length)).toEqual([65, 65, 65, 65, 45]);
  });

  it('fail one by one', async () => {
    const refused = (n: number) => (n % 3 === 0 ? -17 : 0);
    const connection = new Connection(new FakeTransport(kernel(refused)));
    const results = await Promise.all(numbers(200).map((n) => settled(connection.execute(request(n)))));
    for (const [n, result] of results.entries()) {
      if (refused(n) === 0) expect(result).toBe('done');
      else expect(result).toMatchObject({ code: 'EEXIST', errno: -17, command: `command ${n}` });
    }
  });

  it('are told apart when 5,000 are refused', async () => {
    const connection = new Connection(new FakeTransport(kernel(() => -22)));
    const results = await Promise.all(numbers(5000).map((n) => settled(connection.execute(request(n)))));
    expect(results.every((result, n) => result instanceof KernelError && result.command === `command ${n}`)).toBe(true);
  });

  it('that cannot be written fail alone', async () => {
    const transport = new FakeTransport(kernel());
    const connection = new Connection(transport);
    const broken: Request = {
      type: TYPE,
      command: 'broken',
      write(writer) {
        writer.reserve(100);
        throw new ProtocolError('cannot be written');
      },
    };
    const results = await Promise.all(
      [request(1), broken, request(2), broken].map((r) => settled(connection.execute(r))),
    );
    expect(results).toEqual(['done', expect.any(ProtocolError), 'done', expect.any(ProtocolError)]);
    expect(requested(transport)).toEqual([1, 2]);
  });

  it('of which none can be written do not hold up what waits behind them', async () => {
    const connection = new Connection(new FakeTransport(kernel()));
    const broken: Request = {
      type: TYPE,
      command: 'broken',
      write() {
        throw new ProtocolError('cannot be written');
      },
    };
    const all = [...numbers(70).map(() => broken), request(1)].map((r) => settled(connection.execute(r)));
    expect((await Promise.all(all)).at(-1)).toBe('done');
  });

  it('answered with data are errors', async () => {
    const connection = new Connection(new FakeTransport(({ sequence }) => [data(sequence, 1)]));
    await expect(connection.execute(request(1))).rejects.toThrow(ProtocolError);
  });

  it('that cannot be sent say so', async () => {
    const transport = new FakeTransport(kernel());
    transport.sendErrno = -90;
    const connection = new Connection(transport);
    await expect(connection.execute(request(1))).rejects.toMatchObject({ code: 'EMSGSIZE' });
    transport.sendErrno = 0;
    await connection.execute(request(2));
  });
});

describe('an overrun', () => {
  it('makes commands without an answer of their own lost, never done', async () => {
    // The kernel had no room for the refusal of 1: it drops it, and the socket says so before anything else.
    const transport = new FakeTransport((sent) =>
      sent.payload.length > 0 && numberIn(sent.payload) === 1 ? [-ENOBUFS] : kernel((n) => (n === 2 ? -17 : 0))(sent),
    );
    const connection = new Connection(transport);
    const results = await Promise.all(numbers(4).map((n) => settled(connection.execute(request(n)))));
    expect(results[0]).toBeInstanceOf(OverrunError);
    expect(results[1]).toBeInstanceOf(OverrunError);
    expect(results[2]).toMatchObject({ code: 'EEXIST' });
    expect(results[3]).toBeInstanceOf(OverrunError);
  });

  it('is survived', async () => {
    let lost = true;
    const transport = new FakeTransport((sent) => {
      const answer = lost ? [-ENOBUFS] : kernel()(sent);
      lost = false;
      return answer;
    });
    const connection = new Connection(transport);
    const results = await Promise.all(numbers(130).map((n) => settled(connection.execute(request(n)))));
    expect(results.slice(64).every((result) => result === 'done')).toBe(true);
    expect(results.slice(0, 64).every((result) => result instanceof OverrunError)).toBe(true);
    await connection.execute(request(1));
  });

  it('leaves a dump running', async () => {
    const transport = new FakeTransport(({ sequence, flags }) =>
      (flags & DUMP) === DUMP ? [data(sequence, 1, 2), -ENOBUFS, data(sequence, 2, 2), done(sequence)] : [],
    );
    const seen: number[] = [];
    await new Connection(transport).dump(request(0), (entry) => seen.push(readNumber(entry)));
    expect(seen).toEqual([1, 2]);
  });
});

describe('queries', () => {
  it('give what the reply says, and need no acknowledgement', async () => {
    const transport = new FakeTransport(({ sequence, payload }) => [data(sequence, numberIn(payload) * 10)]);
    const connection = new Connection(transport);
    const results = await Promise.all(numbers(100).map((n) => connection.query(request(n), readNumber)));
    expect(results).toEqual(numbers(100).map((n) => n * 10));
    expect(transport.messages.every(({ flags }) => (flags & ACK) === 0)).toBe(true);
  });

  it('vouch for the commands before them', async () => {
    const transport = new FakeTransport(({ sequence, payload }) =>
      numberIn(payload) === 9 ? [data(sequence, 9)] : [],
    );
    const connection = new Connection(transport);
    const command = connection.execute(request(1));
    expect(await connection.query(request(9), readNumber)).toBe(9);
    await command;
    expect(transport.sent).toHaveLength(1);
  });

  it('whose reply makes no sense fail alone', async () => {
    const connection = new Connection(
      new FakeTransport(({ sequence, payload }) => [data(sequence, numberIn(payload))]),
    );
    const read = (reply: Parameters<typeof readNumber>[0]) => {
      if (readNumber(reply) === 1) throw new ProtocolError('nonsense');
      return readNumber(reply);
    };
    const results = await Promise.all(
      numbers(3).map((n) => connection.query(request(n), read).catch((e: unknown) => e)),
    );
    expect(results).toEqual([0, expect.any(ProtocolError), 2]);
  });

  it('acknowledged without a reply are errors', async () => {
    const connection = new Connection(new FakeTransport(({ sequence }) => [acknowledgement(sequence)]));
    await expect(connection.query(request(1), readNumber)).rejects.toThrow(ProtocolError);
  });
});

describe('dumps', () => {
  const pieces = ({ sequence, payload }: Sent): Answer => {
    const n = numberIn(payload);
    return [concat(data(sequence, n, 2), data(sequence, n + 1, 2)), data(sequence, n + 2, 2), done(sequence)];
  };

  it('arrive in pieces of any size', async () => {
    const connection = new Connection(new FakeTransport(pieces));
    const seen: number[] = [];
    await connection.dump(request(10), (entry) => seen.push(readNumber(entry)));
    expect(seen).toEqual([10, 11, 12]);
  });

  it('run one at a time, with other calls beside them', async () => {
    let running = 0;
    let most = 0;
    const transport = new FakeTransport(({ sequence, flags }) => {
      if ((flags & DUMP) !== DUMP) return [data(sequence, 1)];
      most = Math.max(most, ++running);
      return [];
    });
    const connection = new Connection(transport);
    const dumps = numbers(3).map((n) => connection.dump(request(n), () => {}));
    expect(await connection.query(request(1), readNumber)).toBe(1);
    for (let ended = 0; ended < 3; ended++) {
      const dump = transport.messages.filter(({ flags }) => (flags & DUMP) === DUMP)[ended];
      running--;
      transport.arrive(done(dump?.sequence ?? 0));
      await dumps[ended];
    }
    expect(most).toBe(1);
  });

  it('let acknowledgements of other calls come between their pieces', async () => {
    const transport = new FakeTransport(({ sequence, flags }) =>
      (flags & DUMP) === DUMP ? [data(sequence, 1, 2)] : [acknowledgement(sequence)],
    );
    const connection = new Connection(transport);
    const seen: number[] = [];
    const dump = connection.dump(request(0), (entry) => seen.push(readNumber(entry)));
    await connection.execute(request(1));
    const sequence = transport.messages.find(({ flags }) => (flags & DUMP) === DUMP)?.sequence ?? 0;
    transport.arrive(data(sequence, 2, 2), done(sequence));
    await dump;
    expect(seen).toEqual([1, 2]);
  });

  it('end with the errno in DONE', async () => {
    const connection = new Connection(new FakeTransport(({ sequence }) => [data(sequence, 1, 2), done(sequence, -12)]));
    await expect(connection.dump(request(0), () => {})).rejects.toMatchObject({ code: 'ENOMEM' });
  });

  it('end with the errno in ERROR, and make room for the next', async () => {
    let first = true;
    const transport = new FakeTransport(({ sequence }) => {
      const answer = first ? [acknowledgement(sequence, -16)] : [done(sequence)];
      first = false;
      return answer;
    });
    const connection = new Connection(transport);
    await expect(connection.dump(request(0), () => {})).rejects.toMatchObject({ code: 'EBUSY' });
    await connection.dump(request(1), () => {});
  });

  it('say when they were interrupted', async () => {
    const connection = new Connection(new FakeTransport(({ sequence }) => [data(sequence, 1, 0x12), done(sequence)]));
    await expect(connection.dump(request(0), () => {})).rejects.toThrow(InterruptedError);
  });

  it('whose reader throws are read to their end all the same', async () => {
    const connection = new Connection(new FakeTransport(pieces));
    const read = () => {
      throw new ProtocolError('nonsense');
    };
    await expect(connection.dump(request(1), read)).rejects.toThrow('nonsense');
    const seen: number[] = [];
    await connection.dump(request(5), (entry) => seen.push(readNumber(entry)));
    expect(seen).toEqual([5, 6, 7]);
  });
});

describe('an abort', () => {
  it('before sending means that nothing is sent', async () => {
    const transport = new FakeTransport(kernel());
    const connection = new Connection(transport);
    const reason = new Error('enough');
    await expect(connection.execute(request(1), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const call = connection.execute(request(2), { signal: controller.signal });
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    await connection.execute(request(3));
    expect(requested(transport)).toEqual([3]);
  });

  it('after sending ends the call, and its late answer disturbs nobody', async () => {
    const transport = new FakeTransport(({ sequence, payload }) =>
      numberIn(payload) === 1 ? [] : [data(sequence, numberIn(payload))],
    );
    const connection = new Connection(transport);
    const controller = new AbortController();
    const call = connection.query(request(1), readNumber, { signal: controller.signal });
    await new Promise(setImmediate);
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    transport.arrive(acknowledgement(transport.messages[0]?.sequence ?? 0, -17));
    expect(await connection.query(request(7), readNumber)).toBe(7);
    expect(transport.watching).toBe(false);
  });

  it('of a dump lets the next begin when the kernel is done with it', async () => {
    const transport = new FakeTransport(({ sequence, payload }) =>
      numberIn(payload) === 1 ? [data(sequence, 1, 2)] : [done(sequence)],
    );
    const connection = new Connection(transport);
    const controller = new AbortController();
    const seen: number[] = [];
    const first = connection.dump(request(1), (entry) => seen.push(readNumber(entry)), { signal: controller.signal });
    await new Promise(setImmediate);
    controller.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    const second = connection.dump(request(2), () => {});
    await new Promise(setImmediate);
    expect(transport.messages).toHaveLength(1);
    const sequence = transport.messages[0]?.sequence ?? 0;
    transport.arrive(data(sequence, 2, 2), done(sequence));
    await second;
    expect(seen).toEqual([1]);
  });
});

describe('a deadline', () => {
  it('ends a call that is not answered, and only that', async () => {
    vi.useFakeTimers();
    const transport = new FakeTransport(({ sequence, payload }) =>
      numberIn(payload) === 1 ? [] : [data(sequence, numberIn(payload))],
    );
    const connection = new Connection(transport, { timeout: 1000 });
    const late = settled(connection.query(request(1), readNumber));
    const patient = settled(connection.query(request(1), readNumber, { timeout: 3000 }));
    await vi.advanceTimersByTimeAsync(1001);
    expect(await late).toBeInstanceOf(TimeoutError);
    expect(transport.watching).toBe(true);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await patient).toBeInstanceOf(TimeoutError);
    expect(transport.watching).toBe(false);
    expect(await connection.query(request(5), readNumber)).toBe(5);
  });

  it('counts for a dump from its last piece', async () => {
    vi.useFakeTimers();
    const transport = new FakeTransport(({ sequence }) => [data(sequence, 1, 2)]);
    const connection = new Connection(transport, { timeout: 1000 });
    const dump = settled(connection.dump(request(1), () => {}));
    for (let piece = 0; piece < 3; piece++) {
      await vi.advanceTimersByTimeAsync(800);
      transport.arrive(data(transport.messages[0]?.sequence ?? 0, piece, 2));
    }
    await vi.advanceTimersByTimeAsync(1001);
    expect(await dump).toBeInstanceOf(TimeoutError);
  });
});

describe('closing', () => {
  it('ends all calls, sent or not', async () => {
    const transport = new FakeTransport(() => []);
    const connection = new Connection(transport);
    const calls = [...numbers(100).map((n) => connection.execute(request(n))), connection.dump(request(1), () => {})];
    await new Promise(setImmediate);
    connection.close();
    connection.close();
    for (const result of await Promise.all(calls.map(settled))) expect(result).toBeInstanceOf(ClosedError);
    expect(transport.closed).toBe(true);
    await expect(connection.execute(request(1))).rejects.toThrow(ClosedError);
  });

  it('is allowed while an answer is read', async () => {
    const transport = new FakeTransport(({ sequence }) => [data(sequence, 1, 2), data(sequence, 2, 2), done(sequence)]);
    const connection = new Connection(transport);
    const dump = connection.dump(request(1), () => connection.close());
    await expect(dump).rejects.toThrow(ClosedError);
  });
});

describe('nonsense from the kernel', () => {
  it('that cannot be split ends every call in flight, and the connection goes on', async () => {
    let first = true;
    const transport = new FakeTransport(({ sequence }) => {
      const answer = first ? [Uint8Array.of(1, 2, 3, 4, 5)] : [acknowledgement(sequence)];
      first = false;
      return answer;
    });
    const connection = new Connection(transport);
    await expect(connection.execute(request(1))).rejects.toThrow(ProtocolError);
    await connection.execute(request(2));
  });

  it('longer than the buffer ends every call in flight', async () => {
    const connection = new Connection(new FakeTransport(() => [new Uint8Array(100_000)]));
    await expect(connection.execute(request(1))).rejects.toThrow('cut');
  });

  it('for nobody is ignored', async () => {
    const connection = new Connection(
      new FakeTransport(({ sequence }) => [
        data(0, 1),
        acknowledgement(sequence + 1000, -1),
        acknowledgement(sequence),
      ]),
    );
    await connection.execute(request(1));
  });
});

it('sequence numbers wrap past 0 and past those in flight', async () => {
  const transport = new FakeTransport(({ sequence }) => [acknowledgement(sequence)]);
  const connection = new Connection(transport);
  for (let i = 0; i < 70; i++) await connection.execute(request(i));
  const sequences = transport.messages.map(({ sequence }) => sequence);
  expect(new Set(sequences).size).toBe(sequences.length);
  expect(sequences).not.toContain(0);
});

it('the event loop has its turn during long work', async () => {
  const connection = new Connection(new FakeTransport(kernel()));
  const work = Promise.all(numbers(20_000).map((n) => connection.execute(request(n))));
  let turns = 0;
  const count = setInterval(() => turns++, 0);
  await work;
  clearInterval(count);
  expect(turns).toBeGreaterThan(1);
});
