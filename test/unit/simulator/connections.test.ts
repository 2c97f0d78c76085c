/** What the lab cannot show in reasonable time, or not at all: minutes, SCTP, input that is none. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidArgumentError, Ipvs } from '../../../src/index.js';
import type { Service } from '../../../src/model/service.js';
import { type Opening, type SctpChunk, SimulatedKernel, type TcpFlag } from '../../../src/simulator/index.js';

const VIRTUAL = { address: '192.0.2.1', port: 80 };
const KEY = 'tcp://192.0.2.1:80';
const SECOND = 1000;
const MINUTE = 60 * SECOND;

let kernel: SimulatedKernel;
let ipvs: Ipvs;

beforeEach(async () => {
  kernel = new SimulatedKernel({ now: () => 0 });
  ipvs = await Ipvs.open({ kernel });
});

afterEach(() => ipvs.close());

async function add(service: Partial<Service> = {}, servers = 2): Promise<void> {
  await ipvs.addService({ protocol: 'tcp', ...VIRTUAL, scheduler: 'rr', ...service } as Service);
  for (let number = 1; number <= servers; number++) {
    await ipvs.addDestination(KEY, { address: `198.51.100.${number}`, port: 8080, forward: 'nat' });
  }
}

function syn(port: number, opening: Partial<Opening> = {}): Opening {
  return { protocol: 'tcp', client: { address: '203.0.113.7', port }, virtual: VIRTUAL, ...opening };
}

function connect(opening: Opening) {
  const { connection, refused } = kernel.connect(opening);
  if (connection === undefined) throw new Error(`refused: ${refused}`);
  return connection;
}

describe('time', () => {
  it('TCP: each state has its own, and settings change those of new packets', async () => {
    await add();
    const connection = connect(syn(1));
    expect([connection.state, connection.expires, connection.active]).toEqual(['SYN_RECV', 60, true]);
    const steps: ['send' | 'reply', TcpFlag[], string, number, boolean][] = [
      ['reply', ['SYN', 'ACK'], 'SYN_RECV', 60, true],
      ['send', ['ACK'], 'ESTABLISHED', 900, true],
      ['send', ['FIN', 'ACK'], 'CLOSE_WAIT', 60, false],
      ['reply', ['FIN', 'ACK'], 'TIME_WAIT', 120, false],
    ];
    for (const [verb, flags, state, expires, active] of steps) {
      connection[verb](...flags);
      expect([connection.state, connection.expires, connection.active]).toEqual([state, expires, active]);
    }
    await ipvs.setTimeouts({ tcp: 10, tcpFin: 7 });
    const other = connect(syn(2));
    other.send('ACK');
    expect(other.expires).toBe(10);
    other.reply('FIN');
    expect([other.state, other.expires]).toEqual(['FIN_WAIT', 7]);
    kernel.advance(7 * SECOND - 1);
    expect(other.expired).toBe(false);
    kernel.advance(1);
    expect([other.expired, other.expires, other.state]).toEqual([true, 0, 'FIN_WAIT']);
    expect(other.reply('ACK').refused).toBe('no-service');
    expect(other.send('ACK').refused).toBe('not-scheduled');
    kernel.advance(2 * MINUTE);
    expect(kernel.connectionCount).toBe(0);
    expect(await ipvs.listConnections()).toEqual([]);
  });

  it('a template that is due stays by the minute for as long as it has connections', async () => {
    await add({ persistence: { timeout: 30 } });
    const connection = connect(syn(1));
    connection.send('ACK');
    const template = async () => (await ipvs.listConnections()).find(({ client }) => client.port === 0)?.expires;
    expect(await template()).toBe(30);
    kernel.advance(30 * SECOND);
    expect(await template()).toBe(60);
    kernel.advance(14 * MINUTE);
    expect(await template()).toBe(60);
    // The connection ends 900 s after its last packet, the template a full minute after its last look.
    kernel.advance(30 * SECOND);
    expect(connection.expired).toBe(true);
    expect(kernel.connectionCount).toBe(1);
    kernel.advance(MINUTE);
    expect(kernel.connectionCount).toBe(0);
  });

  it('a template is ASSURED once a connection was established', async () => {
    await add({ persistence: { timeout: 300 } });
    const connection = connect(syn(1));
    const state = async () => (await ipvs.listConnections()).find(({ client }) => client.port === 0)?.state;
    expect(await state()).toBe('NONE');
    connection.send('ACK');
    expect(await state()).toBe('ASSURED');
  });

  it('a real server in the trash goes two minutes after a look found it without connections', async () => {
    await add({}, 1);
    connect(syn(1));
    await ipvs.deleteDestination(KEY, { address: '198.51.100.1', port: 8080 });
    kernel.advance(59 * SECOND);
    await ipvs.addDestination(KEY, { address: '198.51.100.1', port: 8080, forward: 'nat' });
    expect((await ipvs.listDestinations(KEY))[0]?.activeConnections).toBe(1);
    await ipvs.deleteDestination(KEY, { address: '198.51.100.1', port: 8080 });
    kernel.advance(10 * MINUTE);
    await ipvs.addDestination(KEY, { address: '198.51.100.1', port: 8080, forward: 'nat' });
    const [entry] = await ipvs.listDestinations(KEY);
    expect([entry?.activeConnections, entry?.stats?.connections]).toEqual([0, 0n]);
  });

  it('goes by the clock that is given, too', async () => {
    let now = 5;
    const other = new SimulatedKernel({ now: () => now });
    await using client = await Ipvs.open({ kernel: other });
    await client.addService({ protocol: 'tcp', ...VIRTUAL, scheduler: 'rr' });
    await client.addDestination(KEY, { address: '198.51.100.1', port: 80 });
    expect(other.connect(syn(1)).connection?.expires).toBe(60);
    now += 59_999;
    expect((await client.listDestinations(KEY))[0]?.activeConnections).toBe(1);
    now += 1;
    expect((await client.listDestinations(KEY))[0]?.activeConnections).toBe(0);
  });
});

describe('statistics', () => {
  it('show every two seconds, and rates follow by a quarter', async () => {
    await add({}, 1);
    for (let port = 1001; port <= 1100; port++) connect(syn(port, { bytes: 1000 })).reply('SYN', 'ACK');
    const stats = async () => (await ipvs.listDestinations(KEY))[0]?.stats;
    expect((await stats())?.connections).toBe(0n);
    kernel.advance(2 * SECOND);
    expect(await stats()).toMatchObject({
      connections: 100n,
      inPackets: 100n,
      outPackets: 100n,
      inBytes: 100_000n,
      outBytes: 4000n,
      // 50 each second, of which a first estimation takes a quarter.
      rates: { connections: 12, inPackets: 12, outPackets: 12, inBytes: 12_500, outBytes: 500 },
    });
    kernel.advance(2 * SECOND);
    expect((await stats())?.rates).toMatchObject({ connections: 9, inBytes: 9375 });
    expect((await ipvs.getService(KEY))?.stats?.connections).toBe(100n);
    kernel.advance(60 * MINUTE);
    expect((await stats())?.rates).toEqual({ connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 });
  });

  it('ZERO starts them anew, rates included', async () => {
    await add({}, 1);
    for (let port = 1; port <= 10; port++) connect(syn(port));
    kernel.advance(2 * SECOND);
    await ipvs.zero(KEY);
    connect(syn(11));
    kernel.advance(2 * SECOND);
    expect((await ipvs.getService(KEY))?.stats).toMatchObject({ connections: 1n, rates: { connections: 0 } });
  });

  it('stand still without run_estimation', async () => {
    kernel.setSysctls({ run_estimation: 0 });
    await add({}, 1);
    connect(syn(1));
    kernel.advance(MINUTE);
    expect((await ipvs.getService(KEY))?.stats?.connections).toBe(0n);
  });
});

describe('what is refused', () => {
  it('says why', async () => {
    await add({}, 0);
    expect(kernel.connect(syn(1)).refused).toBe('no-destination');
    expect(kernel.connect(syn(1, { virtual: { address: '192.0.2.1', port: 81 } })).refused).toBe('no-service');
    expect(kernel.connect(syn(1, { flags: ['ACK'] })).refused).toBe('not-scheduled');
    expect(kernel.connect(syn(20)).refused).toBe('not-scheduled');
    await ipvs.addDestination(KEY, { address: '198.51.100.1', port: 8080, forward: 'nat' });
    const connection = connect(syn(2));
    expect(connection.destination).toEqual({ address: '198.51.100.1', port: 8080 });
    await ipvs.deleteDestination(KEY, { address: '198.51.100.1', port: 8080 });
    expect(connection.send('ACK').refused).toBe('dropped');
    await ipvs.updateService({ protocol: 'tcp', ...VIRTUAL, scheduler: 'none' });
    expect(kernel.connect(syn(3)).refused).toBe('no-destination');
    kernel.setSysctls({ sloppy_tcp: 1 });
    expect(kernel.connect(syn(1, { flags: ['RST'] })).refused).toBe('not-scheduled');
    expect(kernel.connect(syn(1, { flags: ['ACK'] })).refused).toBe('no-destination');
  });

  it.each<[string, Partial<Record<keyof Opening, unknown>>]>([
    ['protocol', { protocol: 'icmp' }],
    ['client.address', { client: { address: '203.0.113', port: 1 } }],
    ['client.port', { client: { address: '203.0.113.1', port: 65536 } }],
    ['virtual.address', { virtual: { address: '2001:db8::1', port: 80 } }],
    ['virtual.port', { virtual: { address: '192.0.2.1', port: 1.5 } }],
    ['mark', { mark: -1 }],
    ['flags', { flags: ['PSH'] }],
    ['chunk', { chunk: 'INIT' }],
    ['bytes', { bytes: 0 }],
  ])('what is no packet: %s', (path, wrong) => {
    const act = () => kernel.connect({ ...syn(1), ...wrong } as Opening);
    expect(act).toThrow(InvalidArgumentError);
    expect(act).toThrow(`connection: ${path}: `);
  });

  it('unknown sysctls, and time that goes back', () => {
    expect(() => kernel.setSysctls({ conn_reuse_mode: -1 })).toThrow('sysctls: conn_reuse_mode: ');
    expect(() => kernel.setSysctls({ tcp_syncookies: 1 } as object)).toThrow('sysctls: tcp_syncookies: is not one of');
    expect(kernel.sysctls.conn_reuse_mode).toBe(1);
    expect(() => kernel.advance(-1)).toThrow('milliseconds');
  });
});

describe('SCTP (by the table of ip_vs_proto_sctp.c; no kernel was asked)', () => {
  const key = 'sctp://192.0.2.1:80';
  const init = (port: number): Opening => syn(port, { protocol: 'sctp' });

  beforeEach(async () => {
    await ipvs.addService({ protocol: 'sctp', ...VIRTUAL, scheduler: 'rr' });
    await ipvs.addDestination(key, { address: '198.51.100.1', port: 80, forward: 'nat' });
  });

  it.each<['nat' | 'dr', ...['in' | 'out', SctpChunk, string, number][]]>([
    [
      'nat',
      ['out', 'INIT-ACK', 'C-SENT', 61],
      ['in', 'COOKIE-ECHO', 'C-REPLIED', 61],
      ['out', 'COOKIE-ACK', 'ESTABLISHED', 900],
      ['in', 'DATA', 'ESTABLISHED', 900],
      ['out', 'SACK', 'ESTABLISHED', 900],
      ['in', 'SHUTDOWN', 'S-RECEIVED', 61],
      ['out', 'SHUTDOWN-ACK', 'S-ACK-SENT', 61],
      ['in', 'SHUTDOWN-COMPLETE', 'CLOSED', 61],
    ],
    ['nat', ['out', 'ABORT', 'REJECTED', 4]],
    ['nat', ['out', 'INIT-ACK', 'C-SENT', 61], ['in', 'ABORT', 'CLOSED', 61]],
    [
      'dr',
      ['in', 'INIT', 'INIT', 61],
      ['in', 'COOKIE-ECHO', 'ESTABLISHED', 900],
      ['in', 'HEARTBEAT', 'ESTABLISHED', 900],
      ['in', 'SHUTDOWN-ACK', 'CLOSED', 61],
    ],
  ])('%s', async (forward, ...steps) => {
    await ipvs.updateDestination(key, { address: '198.51.100.1', port: 80, forward });
    const connection = connect(init(1));
    expect([connection.state, connection.expires, connection.active]).toEqual(['INIT1', 4, false]);
    for (const [direction, chunk, state, expires] of steps) {
      connection.packet({ direction, chunk });
      expect([connection.state, connection.expires]).toEqual([state, expires]);
      expect(connection.active).toBe(state === 'ESTABLISHED');
    }
  });

  it('starts with INIT alone; the port of a closed one is used again', async () => {
    expect(kernel.connect({ ...init(1), chunk: 'DATA' }).refused).toBe('dropped');
    const connection = connect(init(1));
    connection.packet({ direction: 'out', chunk: 'INIT-ACK' });
    connection.packet({ chunk: 'ABORT' });
    const again = kernel.connect(init(1));
    expect(connection.expired).toBe(true);
    expect(again.connection?.state).toBe('INIT1');
  });
});

describe('the connection table', () => {
  it('is read with IPv6, marks and tunnels across families', async () => {
    await ipvs.addService({
      protocol: 'fwmark',
      mark: 7,
      family: 'ipv6',
      scheduler: 'rr',
      persistence: { timeout: 60 },
    });
    await ipvs.addDestination('fwmark://7?family=ipv6', { address: '198.51.100.9', forward: 'tun' });
    const opening = {
      protocol: 'udp',
      client: { address: '2001:db8::7', port: 53 },
      virtual: { address: '2001:db8::1', port: 53 },
      mark: 7,
    } as const;
    expect(kernel.connect(opening).destination).toEqual({ address: '198.51.100.9', port: 53 });
    expect((await ipvs.listConnections()).sort((left, right) => left.client.port - right.client.port)).toEqual([
      {
        protocol: 'ip',
        client: { address: '2001:db8::7', port: 0 },
        virtual: { mark: 7 },
        destination: { address: '198.51.100.9', port: 0 },
        state: 'NONE',
        expires: 60,
      },
      {
        protocol: 'udp',
        client: opening.client,
        virtual: opening.virtual,
        destination: { address: '198.51.100.9', port: 53 },
        state: 'UDP',
        expires: 300,
      },
    ]);
  });

  it('keeps ten thousand apart, and forgets them all', async () => {
    await add({}, 3);
    const connections = Array.from({ length: 10_000 }, (_, index) =>
      connect(syn(1001 + index, { client: { address: `10.0.${index >> 8}.${index & 255}`, port: 1001 + index } })),
    );
    expect(kernel.connectionCount).toBe(10_000);
    for (const connection of connections) expect(connection.send('ACK').connection).toBe(connection);
    const counts = (await ipvs.listDestinations(KEY)).map(({ activeConnections }) => activeConnections);
    expect(counts.sort()).toEqual([3333, 3333, 3334]);
    expect(new Set((await ipvs.listConnections()).map(({ client }) => client.port)).size).toBe(10_000);
    kernel.advance(900 * SECOND);
    expect(kernel.connectionCount).toBe(0);
    expect((await ipvs.listDestinations(KEY)).map(({ activeConnections }) => activeConnections)).toEqual([0, 0, 0]);
  });
});

it.each([{ toString: 0, valueOf: 0 }, [5], '5', -1, Number.NaN])(
  'the clock is not put forward by value %#',
  (value) => {
    expect(() => new SimulatedKernel().advance(value as number)).toThrow(InvalidArgumentError);
  },
);
