/**
 * Connections that are ended, moved and put back, with traffic on each: what a client and the real servers notice, and what others
 * do not.
 */
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Family } from '../../src/address/ip.js';
import { formatServiceKey, Ipvs, type NormalDestination } from '../../src/index.js';
import { drain } from '../../src/reconcile/index.js';
import { Lan } from '../lab/network.js';
import { TAKES_ALL } from '../lab/sample.js';
import { SctpClient, serveSctp } from '../lab/sctp.js';
import type { Answers, Calls } from '../lab/traffic.js';
import { ADDRESSES, MARK, TrafficLan } from '../lab/traffic-lan.js';

const PROGRAM = fileURLToPath(new URL('../lab/connections-in-hand.mjs', import.meta.url));
/** Connections of a group: so many on each of the two real servers. */
const EACH = 5;
/** Connections of the largest group that is put back. */
const MANY = TAKES_ALL ? 10_000 : 2000;
const FAMILIES = ['ipv4', 'ipv6'] as const;

/** What is called, how, and by what the director forwards it. */
interface Way {
  readonly way: 'nat' | 'dr' | 'tun' | 'mark';
  readonly family: Family;
  readonly protocol: 'tcp' | 'udp';
}

const WAYS: readonly Way[] = (['nat', 'dr', 'tun', 'mark'] as const).flatMap((way) =>
  FAMILIES.flatMap((family) => (['tcp', 'udp'] as const).map((protocol) => ({ way, family, protocol }))),
);

/** A service of a way at a port, the same as what a client calls, and its real servers. */
function serviceOf({ way, family, protocol }: Way, port: number) {
  const { virtual, servers } = ADDRESSES[family];
  const address = virtual[way === 'mark' ? 'marked' : way];
  const called = { protocol, address, port } as const;
  const key = way === 'mark' ? ({ protocol: 'fwmark', mark: MARK, family } as const) : called;
  const forward = way === 'mark' ? 'dr' : way;
  const [first, second] = servers.map(
    (server) => ({ address: server, port: way === 'mark' ? 0 : port, forward }) as const,
  );
  const calls = { group: `${protocol} ${way} ${family} ${port}`, protocol, to: address, port, count: 2 * EACH };
  return { key, called, calls, servers: [first, second] as [NormalDestination, NormalDestination] };
}

async function addService(
  ipvs: Ipvs,
  { key, servers }: ReturnType<typeof serviceOf>,
  more: { readonly persistence?: { readonly timeout: number } } = {},
): Promise<void> {
  await ipvs.addService({ ...key, scheduler: 'rr', ...more });
  for (const server of servers) await ipvs.addDestination(key, server);
}

test('a director that is its own client and real server', async () => {
  await using lan = await Lan.create();
  const director = await lan.host('director', '10.0.0.2/24', '10.0.0.100/32');
  expect(JSON.parse(await director.run(process.execPath, PROGRAM))).toEqual({
    ended: { matched: 3, changed: 3, left: [] },
    gone: 0,
    daemons: [],
    restored: { saved: 3, restored: 3, expired: 0, present: 0, missing: 0 },
    answers: ['after', 'after', 'after'],
    resets: ['ECONNRESET', 'ECONNRESET', 'ECONNRESET'],
  });
});

describe('with traffic', () => {
  let lan: TrafficLan;
  let ipvs: Ipvs;

  beforeAll(async () => {
    lan = await TrafficLan.create();
  });
  afterAll(() => lan[Symbol.asyncDispose]());
  beforeEach(async () => {
    ipvs = await Ipvs.open({ netns: lan.director.namespacePath });
  });
  afterEach(async () => {
    await ipvs.flush();
    await ipvs.close();
  });

  test.each(WAYS)('$protocol by $way, $family', async (way) => {
    const service = serviceOf(way, way.way === 'tun' ? 82 : 80);
    const { key, called, calls, servers } = service;
    const [first, second] = servers;
    const isTcp = way.protocol === 'tcp';
    await addService(ipvs, service);
    expect(await lan.client.open(calls)).toEqual({ rs1: EACH, rs2: EACH });

    await ipvs.updateDestination(key, { ...first, weight: 0 });
    const ended = await ipvs.endConnections({ service: called, server: first.address });
    expect(ended).toEqual({ matched: EACH, changed: EACH, left: [] });
    const afterEnd = isTcp ? { ECONNRESET: EACH, rs2: EACH } : { rs2: 2 * EACH, elsewhere: EACH };
    expect(await lan.client.ask(calls.group, 'ended')).toEqual(afterEnd);

    await ipvs.updateDestination(key, { ...first, weight: 1 });
    expect(await lan.client.open(calls)).toEqual({ rs1: EACH, rs2: EACH });
    const before = await lan.servers[0].resets();
    const moved = await ipvs.moveConnections({ service: called, server: second.address }, first.address);
    const there = isTcp ? 2 * EACH : 3 * EACH;
    expect(moved).toEqual({ matched: there, changed: there, left: [] });
    const afterMove = isTcp ? { rs1: EACH, ECONNRESET: EACH } : { rs1: 2 * EACH, elsewhere: EACH };
    expect(await lan.client.ask(calls.group, 'moved')).toEqual(afterMove);
    // It is the other real server that knows nothing of them.
    if (isTcp) expect((await lan.servers[0].resets()) - before).toBe(EACH);
  });

  test.each(FAMILIES)('persistent clients forget their server, or are led to another, %s', async (family) => {
    const service = serviceOf({ way: 'dr', family, protocol: 'tcp' }, 81);
    const { key, called, calls, servers } = service;
    const [one, two] = ADDRESSES[family].clients.map((from) => ({ ...calls, group: from, from, count: EACH })) as [
      Caller,
      Caller,
    ];
    await addService(ipvs, service, { persistence: { timeout: 300 } });
    const [own = ''] = Object.keys(await lan.client.open(one));
    const [other = ''] = Object.keys(await lan.client.open(two));
    expect([own, other].sort()).toEqual(['rs1', 'rs2']);
    const server = servers[own === 'rs1' ? 0 : 1];

    // A template would lead the client to its server in spite of the weight.
    await ipvs.updateDestination(key, { ...server, weight: 0 });
    const ended = await ipvs.endConnections({ service: called, client: one.from });
    expect(ended).toEqual({ matched: EACH + 1, changed: EACH + 1, left: [] });
    expect(await lan.client.ask(one.group, 'ended')).toEqual({ ECONNRESET: EACH });
    expect(await lan.client.open(one)).toEqual({ [other]: EACH });
    expect(await lan.client.ask(two.group, 'not cut')).toEqual({ [other]: EACH });

    const moved = await ipvs.moveConnections({ service: called, client: two.from }, server.address);
    expect(moved).toEqual({ matched: EACH + 1, changed: EACH + 1, left: [] });
    expect(await lan.client.ask(two.group, 'moved')).toEqual({ ECONNRESET: EACH });
    expect(await lan.client.open(two)).toEqual({ [own]: EACH });
    expect(await lan.client.ask(one.group, 'not cut')).toEqual({ [other]: EACH });
  });

  test.each(FAMILIES)('a drain with a long download ends at its deadline and cuts nothing else, %s', async (family) => {
    const { key, calls, servers } = serviceOf({ way: 'dr', family, protocol: 'tcp' }, 83);
    const [first, second] = servers;
    const neighbour = serviceOf({ way: 'dr', family, protocol: 'tcp' }, 84);
    await ipvs.addService({ ...key, scheduler: 'rr' });
    await ipvs.addDestination(key, first);
    await ipvs.addService({ ...neighbour.key, scheduler: 'rr' });
    await ipvs.addDestination(neighbour.key, neighbour.servers[0]);
    const long = { ...calls, group: 'long', count: 1 };
    expect(await lan.client.open(long)).toEqual({ rs1: 1 });
    expect(await lan.client.open(neighbour.calls)).toEqual({ rs1: 2 * EACH });
    await ipvs.addDestination(key, second);
    await lan.client.download(long.group);

    const { finished } = drain(ipvs, key, first, { deadline: 4000, poll: 200, end: true });
    expect(await lan.client.receives(long.group, 500)).toBeGreaterThan(100_000);
    expect(await lan.client.open(calls)).toEqual({ rs2: 2 * EACH });
    expect(await finished).toMatchObject({ outcome: 'deadline', removed: true, ended: 1 });

    // libuv calls a reset the end if bytes came with it.
    const [end] = Object.keys(await lan.client.ask(long.group, 'more'));
    expect(['ECONNRESET', 'closed']).toContain(end);
    expect(await lan.client.open(long)).toEqual({ rs2: 1 });
    expect(await lan.client.ask(calls.group, 'not cut')).toEqual({ rs2: 2 * EACH });
    expect(await lan.client.ask(neighbour.calls.group, 'not cut')).toEqual({ rs1: 2 * EACH });
  });

  describe('SCTP', () => {
    let client: SctpClient | undefined;
    beforeAll(async () => {
      if ((await lan.director.exec('modprobe', 'sctp')).code !== 0) return;
      for (const [index, name] of ['rs1', 'rs2'].entries()) {
        const own = FAMILIES.map((family) => ADDRESSES[family].servers[index] ?? '');
        const addresses = [...own, ...FAMILIES.map((family) => ADDRESSES[family].virtual.dr)];
        await serveSctp(lan.host(name), name, 80, addresses);
      }
      client = new SctpClient(lan.host('client'));
    });
    afterAll(() => client?.[Symbol.asyncDispose]());

    test.for([
      { way: 'nat', family: 'ipv4', from: '10.0.9.1' },
      { way: 'dr', family: 'ipv4', from: '10.0.0.1' },
      { way: 'dr', family: 'ipv6', from: 'fd00::1' },
    ] as const)('$way, $family', async ({ way, family, from }, context) => {
      if (client === undefined) return context.skip();
      const { virtual, servers } = ADDRESSES[family];
      const key = { protocol: 'sctp', address: virtual[way], port: 80 } as const;
      const [first, second] = servers;
      await ipvs.addService({ ...key, scheduler: 'rr' });
      for (const address of servers) await ipvs.addDestination(key, { address, port: 80, forward: way });
      const calls = { to: key.address, port: 80, from, count: 2 * EACH };
      const all = { service: key, state: 'ESTABLISHED' };
      const some = { matched: EACH, changed: EACH, left: [] };

      expect(await client.open(calls)).toEqual({ rs1: EACH, rs2: EACH });
      expect(await ipvs.endConnections({ ...all, server: first })).toEqual(some);
      expect(await client.ask('ended')).toEqual({ ECONNRESET: EACH, rs2: EACH });

      expect(await client.open(calls)).toEqual({ rs1: EACH, rs2: EACH });
      expect(await ipvs.moveConnections({ ...all, server: second }, first)).toEqual(some);
      expect(await client.ask('moved')).toEqual({ ECONNRESET: EACH, rs1: EACH });

      // Over IPv6 the table keeps what was ended until it expires, so that it can't be put back here.
      if (family === 'ipv6') return;
      expect(await client.open(calls)).toEqual({ rs1: EACH, rs2: EACH });
      const file: Uint8Array[] = [];
      for await (const piece of ipvs.saveConnections()) file.push(piece);
      const ended = await ipvs.endConnections(all);
      expect(ended.left).toEqual([]);
      expect(ended.changed).toBeGreaterThanOrEqual(2 * EACH);
      expect(await ipvs.restoreConnections(Readable.from(file))).toMatchObject({ missing: 0 });
      expect(await client.ask('after')).toEqual({ rs1: EACH, rs2: EACH });
    });
  });

  test(`${MANY} connections and some of every kind go on with another director`, { timeout: 600_000 }, async () => {
    const services = WAYS.map((way) => serviceOf(way, way.way === 'tun' ? 82 : 80));
    const persistent = FAMILIES.map((family) => serviceOf({ way: 'dr', family, protocol: 'tcp' }, 85));
    // TCP and UDP of a mark have one service.
    const isFirst = ({ key }: ReturnType<typeof serviceOf>, index: number) =>
      services.findIndex((service) => formatServiceKey(service.key) === formatServiceKey(key)) === index;
    for (const service of services.filter(isFirst)) await addService(ipvs, service);
    for (const service of persistent) await addService(ipvs, service, { persistence: { timeout: 300 } });
    const callers = persistent.flatMap(({ calls }, index) =>
      ADDRESSES[FAMILIES[index] ?? 'ipv4'].clients.map((from) => ({ ...calls, group: from, from })),
    );
    const groups = [...services.map(({ calls }) => calls), ...callers];
    const before = new Map<string, Answers>();
    for (const [index, calls] of groups.entries()) {
      const count = index === 0 ? MANY : calls.count;
      before.set(calls.group, await lan.client.open({ ...calls, count }));
    }
    // A call that is sent again takes a turn of its own: neither server has exactly half.
    const { rs1 = 0, rs2 = 0, ...others } = before.get(groups[0]?.group ?? '') ?? {};
    expect([rs1 + rs2, others]).toEqual([MANY, {}]);
    expect(rs1 / MANY).toBeCloseTo(0.5, 1);

    const file: Uint8Array[] = [];
    for await (const piece of ipvs.saveConnections()) file.push(piece);
    const rules = await ipvs.save();
    await using standby = await Ipvs.open({ netns: (await lan.replaceDirector()).namespacePath });
    await standby.restore(rules);
    const { saved, restored, expired, ...rest } = await standby.restoreConnections(Readable.from(file));
    expect(rest).toEqual({ present: 0, missing: 0 });
    expect(restored + expired).toBe(saved);
    expect(restored).toBeGreaterThan(MANY + 20 * 2 * EACH);
    for (const { group } of groups) expect(await lan.client.ask(group, 'after'), group).toEqual(before.get(group));

    // The clients' templates came along: in spite of the weight they lead to the same server.
    for (const { key, servers } of persistent) {
      for (const server of servers) await standby.updateDestination(key, { ...server, weight: 0 });
    }
    for (const calls of callers) expect(await lan.client.open(calls)).toEqual(before.get(calls.group));
  });
});

/** Calls of one of the client's addresses. */
type Caller = Calls & { readonly from: string };
