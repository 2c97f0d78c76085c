import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readJournal } from '../../src/host/journal.js';
import type { HostPlan } from '../../src/host/plan.js';
import type { HostSetup } from '../../src/host/setup.js';
import { Host as SetUpHost } from '../../src/host.js';
import type { Director } from '../../src/model/director.js';
import type { RealServer } from '../../src/model/real-server.js';
import { type Host, Lan } from '../lab/network.js';
import { execute, succeed } from '../lab/process.js';
import { sample, TAKES_ALL } from '../lab/sample.js';
import { rejection } from './fixture.js';
import { dumpOf } from './host-dump.js';

const KILLED = fileURLToPath(new URL('./host-fixtures/killed.mjs', import.meta.url));

let lan: Lan;
let host: Host;
let target: SetUpHost;
let before: string;

beforeAll(async () => {
  await succeed('modprobe', ['-a', 'ipip', 'ip6_tunnel', 'ip_gre', 'ip6_gre']);
  lan = await Lan.create();
  host = await lan.host('host', '10.0.0.2/24', '2001:db8::2/64');
  target = await SetUpHost.open({ netns: host.namespacePath });
  await host.ip(
    'link add eth1 type dummy',
    'link set eth1 up',
    'route add default via 10.0.0.254',
    'route add default via 10.0.0.253 metric 5',
    'route add default via 2001:db8::254',
  );
  // The first time that a tunnel is on it gets a queue and IPv6 sysctls, and the first look at a nat table makes it: these stay.
  for (const device of ['tunl0', 'gre0', 'ip6gre0', 'ip6tnl0']) {
    await host.ip(`link set ${device} up`, `link set ${device} down`);
  }
  for (const tool of ['iptables-legacy', 'ip6tables-legacy']) await host.run(tool, '-t', 'nat', '-S');
  // Of what undoing could overlook: values that the kernel sets with ip_forward.
  await host.sysctl({ 'net.ipv4.conf.eth1.forwarding': 1, 'net.ipv6.conf.eth1.forwarding': 1 });
  await vi.waitFor(
    async () => expect(await host.run('ip', '-6', '-o', 'address', 'show', 'tentative')).toBe(''),
    10_000,
  );
  before = await dump();
  expect(before).toMatch(/^ipv4\/ip_forward:0$/m);
});
afterAll(async () => {
  await lan[Symbol.asyncDispose]();
  await succeed('modprobe', ['-r', 'ip6_gre', 'ip_gre', 'ip6_tunnel', 'ipip']);
});

const dump = () => dumpOf(host);

const makePlan = (setup: HostSetup) => target.plan(setup);
const up = async (setup: HostSetup) => target.apply(await makePlan(setup));
const ids = (plan: HostPlan) => plan.steps.map(({ id, what }) => `${id}: ${what}`);
const doneOf = (plan: HostPlan) => plan.steps.map(({ done }) => done);

const director = (description: Director): HostSetup => ({ role: 'director', description });
const realServer = (description: RealServer): HostSetup => ({ role: 'real-server', description });

const NAT: Director = {
  mode: 'nat',
  device: 'eth0',
  vips: ['10.0.0.100', '192.0.2.1-192.0.2.3/24'],
  gateway: '10.0.0.252',
  inside: { network: '10.1.0.0/24', device: 'eth1', address: '10.1.0.1/24', masquerade: true },
};
const TUN: RealServer = { mode: 'tun', vips: ['10.0.0.100', '10.0.0.101'] };

const SETUPS: Record<string, HostSetup> = {
  'a director for DR': director({ mode: 'dr', device: 'eth0', vips: ['10.0.0.100/24', '10.0.0.101'] }),
  'a director for DR, IPv6': director({ mode: 'dr', device: 'eth0', vips: ['2001:db8::100', '2001:db8:9::1/64'] }),
  'a director for TUN, both families': director({ mode: 'tun', device: 'eth0', vips: ['10.0.0.100', '2001:db8::100'] }),
  'a director for NAT with everything': director(NAT),
  'a director for NAT in one network': director({
    mode: 'nat',
    device: 'eth0',
    vips: ['10.0.0.100'],
    inside: { network: '10.0.0.0/24' },
  }),
  'a director for NAT, IPv6': director({
    mode: 'nat',
    device: 'eth0',
    vips: ['2001:db8::100'],
    gateway: '2001:db8::253',
    inside: { network: '2001:db8:1::/64', device: 'eth1', address: '2001:db8:1::1/64', masquerade: true },
  }),
  'a real server for DR': realServer({ mode: 'dr', vips: ['10.0.0.100-10.0.0.104'], gateway: '10.0.0.252' }),
  'a real server for DR, IPv6': realServer({ mode: 'dr', vips: ['2001:db8::100'], gateway: '2001:db8::253' }),
  'a real server for TUN': realServer(TUN),
  'a real server for TUN, IPv6': realServer({ mode: 'tun', vips: ['2001:db8::100'] }),
  'a real server for TUN by GRE, both families': realServer({
    mode: 'tun',
    tunnel: 'gre',
    vips: ['10.0.0.100', '2001:db8::100'],
  }),
  'a real server for TUN by GRE with checksums, both families': realServer({
    mode: 'tun',
    tunnel: 'gre',
    checksum: true,
    vips: ['10.0.0.100', '2001:db8::100'],
  }),
  'a real server for NAT': realServer({ mode: 'nat', gateway: '10.0.0.252' }),
  'a real server for NAT, IPv6': realServer({ mode: 'nat', gateway: '2001:db8::253' }),
};

describe.each(sample(Object.entries(SETUPS), 7))('%s', (_, setup) => {
  test('goes up, stays as it is the second time, and leaves no trace', async () => {
    const plan = await makePlan(setup);
    expect(plan.obstacles).toEqual([]);
    expect(doneOf(plan)).toContain(false);
    const told: string[] = [];
    const result = await target.apply(plan, { onProgress: ({ step }) => told.push(step.what) });
    const { path } = result;
    expect(told).toEqual(result.record.steps.map(({ step }) => step.what));
    expect(told).toEqual(plan.steps.filter(({ done }) => !done).map(({ what }) => what));
    expect(JSON.parse(JSON.stringify(result.record))).toEqual(readJournal(path));
    expect(await target.setups()).toEqual([readJournal(path)]);
    const after = await dump();

    expect(doneOf(await target.check(plan))).not.toContain(false);
    const again = await makePlan(setup);
    expect(ids(again)).toEqual(ids(plan));
    expect(doneOf(again)).not.toContain(false);
    expect((await target.apply(plan)).record.steps).toEqual([]);
    expect(await dump()).toBe(after);

    const { undone, left } = await target.revert(setup);
    expect(left).toEqual([]);
    expect(undone.map(({ what }) => what)).toEqual(told.toReversed());
    expect(await dump()).toBe(before);
    expect(existsSync(path)).toBe(false);
    expect(await target.revert({ record: path })).toEqual({ undone: [], left: [] });
  });
});

test('what is so already is found done, and left by down', async () => {
  const setup = realServer({ mode: 'dr', vips: ['10.0.0.100', '2001:db8::100'], gateway: '10.0.0.254' });
  await host.sysctl({ 'net.ipv4.conf.all.arp_ignore': 2, 'net.ipv4.conf.all.arp_announce': 2 });
  await host.ip('address add 10.0.0.100/32 dev lo', 'address add 2001:db8::100/128 dev lo nodad');
  const prepared = await dump();
  const plan = await makePlan(setup);
  expect(doneOf(plan)).not.toContain(false);
  const result = await target.apply(plan);
  expect(result.record.steps).toEqual([]);
  expect(result.already).toHaveLength(plan.steps.length);
  await target.revert();
  expect(await dump()).toBe(prepared);
  await host.ip('address del 10.0.0.100/32 dev lo', 'address del 2001:db8::100/128 dev lo');
  await host.sysctl({ 'net.ipv4.conf.all.arp_ignore': 0, 'net.ipv4.conf.all.arp_announce': 0 });
  expect(await dump()).toBe(before);
});

describe('a plan that is refused', () => {
  // No neighbour has this address: the kernel refuses the route, as the last step.
  const REFUSED = realServer({ mode: 'dr', vips: ['10.0.0.100', '10.0.0.101'], gateway: '172.31.0.1' });

  test('is taken back, and says what was not done', async () => {
    expect(await rejection(up(REFUSED))).toMatchObject({
      code: 'ERR_APPLY',
      step: 'make 172.31.0.1 the default gateway',
      takenBack: [
        'add 10.0.0.101/32 to lo',
        'add 10.0.0.100/32 to lo',
        'set net.ipv4.conf.all.arp_announce to 2',
        'set net.ipv4.conf.all.arp_ignore to 1',
      ],
      inForce: [],
      notTried: [],
      cause: { code: 'ENETUNREACH' },
    });
    expect(await dump()).toBe(before);
    expect(await target.setups()).toEqual([]);
  });

  test('stays if that is wanted, but for the step that was refused', async () => {
    const error = await rejection(target.apply(await makePlan(REFUSED), { rollback: false }));
    expect(error).toMatchObject({ takenBack: [], inForce: expect.arrayContaining(['add 10.0.0.101/32 to lo']) });
    expect((error as Error).message).toMatch(
      /^make 172.31.0.1 the default gateway: .*ENETUNREACH.*; still in force: set /,
    );
    expect(await host.ip('route show default')).toContain('via 10.0.0.254');
    expect((await target.setups())[0]?.steps).toHaveLength(4);
    await target.revert();
    expect(await dump()).toBe(before);
  });

  test('takes back nothing of an earlier run', async () => {
    await up(realServer({ mode: 'dr', vips: ['10.0.0.100'] }));
    const earlier = await dump();
    await rejection(up(REFUSED));
    expect(await dump()).toBe(earlier);
    await target.revert();
    expect(await dump()).toBe(before);
  });
});

test('ends where its signal says, and is taken back', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const plan = await makePlan(director(NAT));
  const stop = (): void => controller.abort(reason);
  expect(await rejection(target.apply(plan, { signal: controller.signal, onProgress: stop }))).toBe(reason);
  expect(await dump()).toBe(before);
});

test('a record comes back by its content too, and twice', async () => {
  const { record, path } = await up(director(NAT));
  rmSync(path);
  const copy = JSON.parse(JSON.stringify(record));
  await target.revert({ record: copy });
  expect(await dump()).toBe(before);
  await target.revert({ record: copy });
  expect(await dump()).toBe(before);
});

describe('what somebody changed meanwhile is left, and told', () => {
  const leftBy = async () => (await target.revert()).left.map(({ what }) => what);

  test('a sysctl that has a third value', async () => {
    await up(realServer({ mode: 'dr', vips: ['10.0.0.100'] }));
    await host.sysctl({ 'net.ipv4.conf.all.arp_ignore': 8 });
    expect(await leftBy()).toEqual(['net.ipv4.conf.all.arp_ignore is 8 now, neither 0 as before nor 1: it stays']);
    await host.sysctl({ 'net.ipv4.conf.all.arp_ignore': 0 });
    expect(await dump()).toBe(before);
  });

  test('forwarding that was switched off again, on a device that had it before', async () => {
    await up(director(NAT));
    await host.sysctl({ 'net.ipv4.ip_forward': 0, 'net.ipv4.conf.eth1.forwarding': 1 });
    await target.revert();
    expect(await dump()).toBe(before);
  });

  test('an address or route that is gone, and one that is back', async () => {
    await up(realServer({ mode: 'dr', vips: ['10.0.0.100'], gateway: '10.0.0.252' }));
    await host.ip('address del 10.0.0.100/32 dev lo', 'route replace default via 10.0.0.254');
    expect(await leftBy()).toEqual([]);
    expect(await dump()).toBe(before);
  });

  test("another one's address that the kernel would delete with ours", async () => {
    await up(director({ mode: 'dr', device: 'eth0', vips: ['192.0.2.1/24'] }));
    await host.ip('address add 192.0.2.9/24 dev eth0');
    await target.revert();
    expect(await host.ip('address show dev eth0')).toContain('192.0.2.9/24');
    await host.ip('address del 192.0.2.9/24 dev eth0');
    expect(await dump()).toBe(before);
  });

  test("a tunnel that bears another one's address", async () => {
    await up(realServer(TUN));
    await host.ip('address add 192.0.2.9/32 dev tunl0');
    expect(await leftBy()).toEqual(['tunl0 has the address 192.0.2.9 now: it stays on']);
    await host.ip('link set tunl0 down', 'address del 192.0.2.9/32 dev tunl0');
    expect(await dump()).toBe(before);
  });
});

test('what is in the way is told, and nothing is changed', async () => {
  const plan = await makePlan(director({ mode: 'dr', device: 'eth7', vips: ['10.0.0.100'] }));
  expect(plan.obstacles).toMatchObject([{ id: 'no-device', what: 'there is no device eth7' }]);
  expect(await rejection(target.apply(plan))).toMatchObject({
    code: 'ERR_UNAVAILABLE',
    message: expect.stringContaining('there is no device eth7 ('),
  });
  expect(await target.setups()).toEqual([]);
});

/** Runs `up` or `down` in a process of its own, which is killed after its k-th write; whether it came so far. */
async function killed(verb: 'up' | 'down', plan: HostPlan, kill: number): Promise<boolean> {
  const job = JSON.stringify({ verb, plan, netns: host.namespacePath, kill });
  const { code, stderr } = await execute(process.execPath, [KILLED, job]);
  if (code === -1) return true;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return false;
}

/**
 * A process for each write takes minutes where starting one is slow: every fifth write is tried, from a different first one
 * in each run. With IPVS_TEST_ALL=1, every write is.
 */
const STRIDE = TAKES_ALL ? 1 : 5;
const firstKill = () => 1 + Math.floor(Math.random() * STRIDE);

const SHORT = director({ ...NAT, vips: ['10.0.0.100'] });

test.each([
  ['a director for NAT', SHORT],
  ['a real server for TUN', realServer({ mode: 'tun', vips: ['10.0.0.100'] })],
])('%s that was killed at any moment of going up is taken back', { timeout: 600_000 }, async (_, setup) => {
  const plan = await makePlan(setup);
  let kill = firstKill();
  for (; await killed('up', plan, kill); kill += STRIDE) {
    await target.revert();
    expect(await dump(), `killed after write ${kill}`).toBe(before);
  }
  await target.revert();
  expect(await dump()).toBe(before);
  expect(kill).toBeGreaterThan(3 * 4);
});

test('a director that was killed at any moment of going down is taken back the next time', {
  timeout: 600_000,
}, async () => {
  const plan = await makePlan(SHORT);
  await target.apply(plan);
  let kill = firstKill();
  for (; await killed('down', plan, kill); kill += STRIDE) {
    await target.revert();
    expect(await dump(), `killed after write ${kill}`).toBe(before);
    await target.apply(plan);
  }
  expect(await dump()).toBe(before);
  expect(kill).toBeGreaterThan(3 * 4);
});
