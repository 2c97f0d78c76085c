import { describe, expect, test } from 'vitest';
import { KernelError, ProtocolError } from '../../../src/errors.js';
import { AttributeWriter } from '../../../src/netlink/attributes.js';
import { FouClient, formatFouPort } from '../../../src/netlink/fou.js';
import { GENL_ID_CTRL, writeGenericHeader } from '../../../src/netlink/generic.js';
import { acknowledgement, done, FakeTransport, message } from '../../fake-kernel.js';

const FOU = 0x1f;
const NLM_F_ACK = 4;
const ENOENT = -2;
const EADDRINUSE = -98;

function generic(command: number, write: (writer: AttributeWriter) => void): Uint8Array {
  const writer = new AttributeWriter();
  writeGenericHeader(writer, command, 1);
  write(writer);
  return writer.written.slice();
}

/** A kernel whose family `fou` has a number, with these ports. */
function kernel(ports: readonly Uint8Array[] = [], errno = 0) {
  return new FakeTransport(({ type, flags, sequence, payload }) => {
    if (type === GENL_ID_CTRL) {
      return [
        message(
          type,
          sequence,
          generic(1, (writer) => writer.u16(1, FOU)),
        ),
        acknowledgement(sequence),
      ];
    }
    if (type !== FOU) return (flags & NLM_F_ACK) === 0 ? [] : [acknowledgement(sequence)];
    if (payload[0] === 3) return [...ports.map((port) => message(FOU, sequence, port)), done(sequence)];
    return errno === 0 ? [] : [acknowledgement(sequence, errno)];
  });
}

const sentTo = (transport: FakeTransport) =>
  transport.messages.filter(({ type }) => type === FOU).map(({ payload }) => Buffer.from(payload).toString('hex'));

async function client(transport = kernel()): Promise<FouClient> {
  const opened = await FouClient.over(transport);
  if (opened === undefined) throw new Error('no family');
  return opened;
}

describe('what is sent, byte for byte', () => {
  test('a port to open', async () => {
    const transport = kernel();
    await using fou = await client(transport);
    await fou.addGue(6080, 'ipv4');
    await fou.addGue(6080, 'ipv6');
    const port = '0600010017c00000';
    const gue = '0500040002000000';
    expect(sentTo(transport)).toEqual([
      `01010000${port}0500020002000000${gue}`,
      `01010000${port}050002000a000000${gue}`,
    ]);
  });

  test('a port to close', async () => {
    const transport = kernel();
    await using fou = await client(transport);
    await fou.delete(65535, 'ipv4');
    expect(sentTo(transport)).toEqual(['0201000006000100ffff000005000200020000000500040002000000']);
  });
});

describe('what is read', () => {
  // As fou_fill_info in net/ipv4/fou.c writes it: all fields, zero or not.
  const entry = (change: (writer: AttributeWriter) => void = () => {}, family = 2, type = 2) =>
    generic(1, (writer) => {
      writer.u8(2, family);
      writer.be16(1, 6080);
      writer.be16(10, 0);
      writer.u8(3, 0);
      writer.u8(4, type);
      writer.u32(11, 0);
      writer.bytes(family === 2 ? 6 : 7, new Uint8Array(family === 2 ? 4 : 16));
      change(writer);
    });

  test('ports of every kind', async () => {
    const local = (writer: AttributeWriter) => writer.bytes(8, Uint8Array.of(10, 0, 0, 2));
    const unknown = (writer: AttributeWriter) => writer.u32(99, 1);
    await using fou = await client(
      kernel([entry(), entry(unknown, 10), entry(local), entry(() => {}, 2, 1), entry(unknown, 2, 7)]),
    );
    const port = { port: 6080, family: 'ipv4', type: 'gue', bound: false };
    expect(await fou.ports()).toEqual([
      port,
      { ...port, family: 'ipv6' },
      { ...port, bound: true },
      { ...port, type: 'direct' },
      { ...port, type: 'type7' },
    ]);
  });

  test('no ports', async () => {
    await using fou = await client();
    expect(await fou.ports()).toEqual([]);
  });

  test.each([
    ['nothing', new Uint8Array()],
    ['no port', generic(1, (writer) => writer.u8(2, 2))],
    ['a port of one byte', generic(1, (writer) => writer.u8(1, 2))],
  ])('%s is refused', async (_, payload) => {
    await using fou = await client(kernel([payload]));
    await expect(fou.ports()).rejects.toThrow(ProtocolError);
  });
});

test('a refusal names the port', async () => {
  await using fou = await client(kernel([], EADDRINUSE));
  const error = await fou.addGue(6080, 'ipv6').catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KernelError);
  expect(error).toMatchObject({ code: 'EADDRINUSE', message: 'add FOU port 6080 (IPv6): EADDRINUSE' });
});

test('a kernel without the module', async () => {
  const transport = new FakeTransport(({ sequence }) => [acknowledgement(sequence, ENOENT)]);
  expect(await FouClient.over(transport)).toBeUndefined();
  expect(transport.closed).toBe(true);
});

test('the name of a port', () => {
  expect(formatFouPort({ port: 1, family: 'ipv4' })).toBe('1 (IPv4)');
});
