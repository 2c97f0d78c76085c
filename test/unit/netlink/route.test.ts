import { describe, expect, test, vi } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { AttributeWriter } from '../../../src/netlink/attributes.js';
import { RouteClient } from '../../../src/netlink/route/client.js';
import { restorable } from '../../../src/netlink/route/route-attributes.js';
import { type Answer, acknowledgement, done, FakeTransport, message, type Sent } from '../../fake-kernel.js';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
const NLM_F_DUMP_INTR = 0x10;

/** One device, eth0, whose number is 7; commands are acknowledged, dumps of routes are the test's. */
function kernel(routes: (sent: Sent) => Answer = () => []) {
  return new FakeTransport((sent) => {
    const { type, flags, sequence } = sent;
    const dumping = (flags & NLM_F_DUMP) === NLM_F_DUMP;
    if (type === RTM_GETLINK) return [message(RTM_NEWLINK, sequence, eth0()), ...(dumping ? [done(sequence)] : [])];
    if (type === RTM_GETROUTE) return routes(sent);
    return (flags & NLM_F_ACK) !== 0 ? [acknowledgement(sequence)] : [];
  });
}

function eth0(): Uint8Array {
  const writer = new AttributeWriter();
  const start = writer.reserve(16);
  writer.setU32(start + 4, 7);
  writer.setU32(start + 8, 1);
  writer.string(3, 'eth0');
  writer.nested(18, () => writer.string(1, 'veth'));
  return writer.written.slice();
}

/** `10.1.0.0/24 dev eth0` in the main table, and what the test adds. */
function route(flags = 0, add: (writer: AttributeWriter) => void = () => {}): Uint8Array {
  const writer = new AttributeWriter();
  const start = writer.reserve(12);
  for (const [index, byte] of [2, 24, 0, 0, 254, 3, 253, 1].entries()) writer.setU8(start + index, byte);
  writer.setU32(start + 8, flags);
  writer.bytes(1, Uint8Array.of(10, 1, 0, 0));
  writer.u32(4, 7);
  add(writer);
  return writer.written.slice();
}

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');
const sentOf = (transport: FakeTransport, type: number) => transport.messages.find((sent) => sent.type === type);

describe('what is sent, byte for byte', () => {
  test('a GRE device that takes checksums', async () => {
    const transport = kernel();
    await using client = RouteClient.over(transport);
    await client.addGre('ipvs-gre', '10.0.0.11');
    const kind = '0800010067726500';
    const data = '14000200' + '0600020080000000' + '080006000a00000b';
    expect(hex(sentOf(transport, RTM_NEWLINK)?.payload)).toContain(`20001200${kind}${data}`);
  });

  test('an address', async () => {
    const transport = kernel();
    await using client = RouteClient.over(transport);
    await client.addAddress({
      device: 'eth0',
      address: '10.0.0.100',
      prefix: 32,
      scope: 'link',
      label: 'eth0:vip',
      broadcast: '10.0.0.100',
      noprefixroute: true,
    });
    const sent = sentOf(transport, RTM_NEWADDR);
    expect(hex(sent?.payload)).toBe(
      ['022000fd07000000', '080002000a000064', '080001000a000064', '0800080000020000'].join('') +
        ['0d000300657468303a76697000000000', '080004000a000064'].join(''),
    );
    // NLM_F_REQUEST | NLM_F_EXCL | NLM_F_CREATE
    expect(sent?.flags).toBe(0x601);
  });

  test('a route, by a gateway of its family or the other', async () => {
    const transport = kernel();
    await using client = RouteClient.over(transport);
    const spec = { destination: '10.1.0.0/24', device: 'eth0', metric: 5, onlink: true };
    await client.addRoute({ ...spec, gateway: '10.0.0.254' });
    await client.replaceRoute({ ...spec, gateway: 'fe80::1' });
    const start = '02180000fe03000104000000080001000a0100000800040007000000080006000500 0000'.replace(' ', '');
    const [four, six] = transport.messages.filter(({ type }) => type === RTM_NEWROUTE);
    expect(hex(four?.payload)).toBe(`${start}080005000a0000fe`);
    expect(hex(six?.payload)).toBe(`${start}160012000a00fe8000000000000000000000000000010000`);
    // NLM_F_REQUEST | NLM_F_REPLACE | NLM_F_CREATE
    expect(six?.flags).toBe(0x501);
  });

  test('nothing for what is wrong with a label or a prefix', async () => {
    const transport = kernel();
    await using client = RouteClient.over(transport);
    const spec = { device: 'eth0', address: '10.0.0.100', prefix: 32 };
    await expect(client.addAddress({ ...spec, label: 'vip' })).rejects.toMatchObject({ issues: [{ path: 'label' }] });
    await expect(client.addAddress({ ...spec, prefix: 33 })).rejects.toMatchObject({ issues: [{ path: 'prefix' }] });
    await expect(client.addAddress({ ...spec, address: '::1', label: 'eth0' })).rejects.toMatchObject({
      issues: [{ path: 'label' }],
    });
    await expect(client.deleteAddress({ ...spec, address: 'x' })).rejects.toMatchObject({
      issues: [{ path: 'address' }],
    });
    expect(transport.messages).toEqual([]);
  });
});

describe('lists', () => {
  test("skip other tables and attributes nobody knows, and keep the kernel's words", async () => {
    const words = route(0, (writer) => writer.bytes(77, Uint8Array.of(1, 2, 3)));
    const elsewhere = route(0, (writer) => writer.u32(15, 100));
    const transport = kernel(({ sequence }) => [
      message(RTM_NEWROUTE, sequence, elsewhere),
      message(RTM_NEWROUTE, sequence, words),
      done(sequence),
    ]);
    await using client = RouteClient.over(transport);
    expect(await client.routes('ipv4')).toEqual([
      {
        family: 'ipv4',
        destination: '10.1.0.0/24',
        device: 'eth0',
        protocol: 'boot',
        scope: 'link',
        type: 'unicast',
        table: 'main',
        onlink: false,
        message: words,
      },
    ]);
  });

  test('that change while they are read are read again', async () => {
    let reads = 0;
    const transport = kernel(({ sequence }) => {
      const flags = ++reads < 3 ? NLM_F_DUMP_INTR : 0;
      return [message(RTM_NEWROUTE, sequence, route(), flags), done(sequence)];
    });
    await using client = RouteClient.over(transport);
    expect(await client.routes('ipv4')).toHaveLength(1);
    expect(reads).toBe(3);
  });

  test('that change for ever are an error', async () => {
    const transport = kernel(({ sequence }) => [
      message(RTM_NEWROUTE, sequence, route(), NLM_F_DUMP_INTR),
      done(sequence),
    ]);
    await using client = RouteClient.over(transport);
    await expect(client.routes('ipv4')).rejects.toMatchObject({ code: 'ERR_DUMP_INTERRUPTED' });
  });

  test('with a message cut short are an error', async () => {
    const transport = kernel(({ sequence }) => [message(RTM_NEWROUTE, sequence, new Uint8Array(8)), done(sequence)]);
    await using client = RouteClient.over(transport);
    await expect(client.routes('ipv4')).rejects.toBeInstanceOf(ProtocolError);
    const links = new FakeTransport(({ sequence }) => [
      message(RTM_NEWLINK, sequence, new Uint8Array(8)),
      done(sequence),
    ]);
    await using other = RouteClient.over(links);
    await expect(other.links()).rejects.toThrow('link: Unexpected Link message length (8)');
  });
});

describe('a restored route', () => {
  test('is the same bytes where the kernel takes them', () => {
    expect(restorable(route(4))).toEqual(Buffer.from(route(4)));
  });

  test('is without the state of the moment, in it and in each next hop', () => {
    // RTNH_F_DEAD | RTNH_F_ONLINK | RTNH_F_LINKDOWN | RTM_F_OFFLOAD
    const hops = (flags: number) => Uint8Array.of(8, 0, flags, 1, 7, 0, 0, 0, 8, 0, flags, 0, 7, 0, 0, 0);
    const dead = route(0x4015, (writer) => writer.bytes(9, hops(0x15)));
    expect(restorable(dead)).toEqual(Buffer.from(route(4, (writer) => writer.bytes(9, hops(4)))));
  });

  test('names its nexthop object alone', () => {
    const both = route(0, (writer) => {
      writer.bytes(5, Uint8Array.of(10, 0, 0, 9));
      writer.u32(30, 5);
    });
    expect(hex(restorable(both)).slice(24)).toBe('080001000a010000' + '08001e0005000000');
  });

  test('of bytes that are none is refused', async () => {
    await using client = RouteClient.over(kernel());
    await expect(client.restoreRoute(new Uint8Array(4))).rejects.toBeInstanceOf(ProtocolError);
    await expect(client.withdrawRoute(route(0, (writer) => writer.bytes(9, new Uint8Array(8))))).rejects.toThrow(
      'RTA_MULTIPATH: next hop of 0 bytes',
    );
  });
});

test('IPVS_DEBUG shows each message', async () => {
  vi.stubEnv('IPVS_DEBUG', '1');
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await using client = RouteClient.over(kernel());
    await client.links();
    expect(write.mock.calls.map(([line]) => line)).toContainEqual(
      expect.stringMatching(/^ipvs > .* RTM_GETLINK, 16 bytes: 0/),
    );
  } finally {
    write.mockRestore();
    vi.unstubAllEnvs();
  }
});
