/**
 * Several set-ups of one host, several programs at once, and namespaces that come and go.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Journals } from '../../src/host/journals.js';
import type { HostPlan } from '../../src/host/plan.js';
import type { RevertTarget } from '../../src/host/revert.js';
import type { HostSetup } from '../../src/host/setup.js';
import { Host as SetUpHost } from '../../src/host.js';
import type { RealServer } from '../../src/model/real-server.js';
import { type Host, Lan } from '../lab/network.js';
import { succeed } from '../lab/process.js';
import { rejection } from './fixture.js';

let lan: Lan;
let host: Host;
let target: SetUpHost;
let before: string;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-setups-'));
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await succeed('modprobe', ['-r', 'ip_gre', 'ipip']);
});
beforeEach(async () => {
  lan = await Lan.create();
  host = await lan.host('host', '10.0.0.2/24');
  await host.ip('route add default via 10.0.0.254');
  target = await SetUpHost.open({ netns: host.namespacePath });
  before = await dump();
});
afterEach(() => lan[Symbol.asyncDispose]());

const dump = () =>
  host.run(
    'sh',
    '-c',
    'ip -o address; ip route; cd /proc/sys/net/ipv4; grep . ip_forward conf/*/arp_* conf/*/forwarding',
  );
const dr = (...vips: string[]): HostSetup => ({ role: 'real-server', description: { mode: 'dr', vips } });
const nat = (vip: string, network: string): HostSetup => ({
  role: 'director',
  description: { mode: 'nat', device: 'eth0', vips: [vip], inside: { network } },
});
const up = async (setup: HostSetup) => target.apply(await target.plan(setup));
const open = async (setup: HostSetup) =>
  (await target.plan(setup)).steps.filter(({ done }) => !done).map(({ what }) => what);

describe('what another set-up needs stays', () => {
  const [A, B] = [dr('10.0.0.100'), dr('10.0.0.101')];

  test.each([
    ['the first', A, B],
    ['the second', B, A],
  ])('%s goes first', async (_, first, second) => {
    await up(A);
    await up(B);
    const { left } = await target.revert(first);
    expect(await open(second)).toEqual([]);
    expect(await open(first)).toHaveLength(1);
    const stays = left.map(({ what }) => what);
    if (first === A)
      expect(stays).toContainEqual(
        expect.stringMatching(/^net.ipv4.conf.all.arp_ignore = 1 stays: real server dr 10.0.0.101 /),
      );
    await target.revert(second);
    expect(await dump()).toBe(before);
    expect(await target.setups()).toEqual([]);
  });

  test('with journals in files of their own', async () => {
    const [a, b] = [join(directory, 'a'), join(directory, 'b')];
    await target.apply(await target.plan(A), { record: a });
    await target.apply(await target.plan(B), { record: b });
    await target.revert({ record: a });
    expect(await open(B)).toEqual([]);
    await target.revert({ record: b });
    expect(await dump()).toBe(before);
  });

  test('forwarding, of two directors', async () => {
    const [one, two] = [nat('10.0.0.100', '10.1.0.0/24'), nat('10.0.0.101', '10.2.0.0/24')];
    await up(one);
    await up(two);
    await target.revert(one);
    expect(await open(two)).toEqual([]);
    await target.revert({ role: 'director' });
    expect(await dump()).toBe(before);
  });

  test('and what contradicts it is refused', async () => {
    const by = (gateway: string): HostSetup => ({ role: 'real-server', description: { mode: 'nat', gateway } });
    await up(by('10.0.0.252'));
    const after = await dump();
    expect(await rejection(up(by('10.0.0.251')))).toMatchObject({
      code: 'ERR_UNAVAILABLE',
      message: expect.stringContaining('make 10.0.0.251 the default gateway: real server nat by 10.0.0.252'),
    });
    expect(await dump()).toBe(after);
    await target.revert();
    expect(await dump()).toBe(before);
  });
});

test('a set-up that is described anew takes the place of its earlier form', async () => {
  const named = (gateway: string, ...vips: string[]): HostSetup => ({
    name: '/etc/ipvs-ts.yaml',
    role: 'real-server',
    description: { mode: 'dr', vips, gateway },
  });
  await up(named('10.0.0.252', '10.0.0.100', '10.0.0.101'));
  await up(named('10.0.0.251', '10.0.0.101', '10.0.0.102'));
  expect(await open(named('10.0.0.251', '10.0.0.101', '10.0.0.102'))).toEqual([]);
  expect(await host.ip('address show dev lo')).not.toContain('10.0.0.100/');
  const after = await dump();
  // The kernel refuses this route as the last step: the form before is in force again.
  await rejection(up(named('172.31.0.1', '10.0.0.101', '10.0.0.103')));
  expect(await dump()).toBe(after);
  await target.revert({ role: 'real-server', name: '/etc/ipvs-ts.yaml' });
  expect(await dump()).toBe(before);
});

test('its VIPs move to the device of the new form', async () => {
  await succeed('modprobe', ['-a', 'ipip', 'ip_gre']);
  const named = (description: RealServer): HostSetup => ({ name: 'moving', role: 'real-server', description });
  const tun = { mode: 'tun', vips: ['10.0.0.100'] } as const;
  const forms: [RealServer, string][] = [
    [{ mode: 'dr', vips: ['10.0.0.100'] }, 'lo'],
    [tun, 'tunl0'],
    [{ ...tun, tunnel: 'gre' }, 'gre0'],
    [{ ...tun, tunnel: 'gre', checksum: true }, 'ipvs-gre'],
  ];
  for (const [description, device] of forms) {
    await up(named(description));
    expect(await open(named(description))).toEqual([]);
    expect(await host.run('ip', '-o', 'address', 'show', 'to', '10.0.0.100')).toMatch(
      new RegExp(`^\\d+: ${device} [^\\n]*\\n$`),
    );
  }
  const elsewhere = named({ ...tun, tunnel: 'gre', checksum: true, local: ['10.0.0.3'] });
  expect(await rejection(up(elsewhere))).toMatchObject({
    message: expect.stringContaining('there is a device ipvs-gre for packets to 10.0.0.2'),
  });
  await target.revert({ role: 'real-server', name: 'moving' });
  expect(await host.run('ip', '-o', 'address', 'show', 'to', '10.0.0.100')).toBe('');
  expect(await host.run('ip', '-o', 'link', 'show')).not.toContain('ipvs-gre');
});

describe('without a journal', () => {
  test('a set-up is left, and what stands of it is named', async () => {
    const { path } = await up(dr('10.0.0.100'));
    rmSync(path);
    const after = await dump();
    const { undone, left } = await target.revert(dr('10.0.0.100'));
    expect(undone).toEqual([]);
    expect(left.map(({ what }) => what)).toEqual([
      '10.0.0.100/32 on lo stays: no journal says who set it up; force takes it away',
      'net.ipv4.conf.all.arp_announce = 2 stays: no journal says what was there before',
      'net.ipv4.conf.all.arp_ignore = 1 stays: no journal says what was there before',
      'lo up stays: no journal says what was there before',
    ]);
    expect(await dump()).toBe(after);
    const forced = await target.revert(dr('10.0.0.100'), { force: true });
    expect(forced.undone.map(({ what }) => what)).toEqual(['add 10.0.0.100/32 to lo']);
    expect(await host.ip('address show dev lo')).not.toContain('10.0.0.100');
  });
});

describe('a namespace', () => {
  test('that comes after another one has none of its journals', async () => {
    const old = await lan.host('old', '10.0.0.3/24');
    const netns = old.namespacePath;
    const first = await SetUpHost.open({ netns });
    const plan = await first.plan(dr('10.0.0.100'));
    const { path } = await first.apply(plan);
    // Not by a host, which has mounts of its own.
    await succeed('ip', ['netns', 'delete', old.namespace]);
    await succeed('ip', ['netns', 'add', old.namespace]);
    await old.ip('link set lo up', 'address add 10.0.0.100/32 dev lo');
    const second = await SetUpHost.open({ netns });
    expect(await second.revert()).toEqual({ undone: [], left: [] });
    expect((await second.revert(dr('10.0.0.100'))).undone).toEqual([]);
    const another = { code: 'ERR_UNAVAILABLE', message: expect.stringContaining('made for another network namespace') };
    expect(await rejection(second.revert({ record: path }))).toMatchObject(another);
    expect(await rejection(second.apply(plan))).toMatchObject(another);
    expect(await rejection(second.check(plan))).toMatchObject(another);
    expect(await old.ip('address show dev lo')).toContain('10.0.0.100/32');
  });
});

test('one program at a time changes a host', async () => {
  const plan = await target.plan(dr('10.0.0.100', '10.0.0.101'));
  const twice = await Promise.all([target.apply(plan), target.apply(plan)]);
  expect(twice.map(({ record }) => record.steps.length).toSorted()).toEqual([0, 4]);
  expect(await open(dr('10.0.0.100', '10.0.0.101'))).toEqual([]);

  {
    using _ = await new Journals(target.namespace).lock({});
    const locked = { code: 'ERR_LOCKED', message: expect.stringContaining(`(pid ${process.pid})`) };
    expect(await rejection(target.revert({}, { timeout: 50 }))).toMatchObject(locked);
    expect(await rejection(target.apply(plan, { timeout: 50 }))).toMatchObject(locked);
  }
  await target.revert();
  expect(await dump()).toBe(before);
});

describe('a virtual IP that another host has', () => {
  const VIP: HostSetup = { role: 'director', description: { mode: 'dr', device: 'eth0', vips: ['10.0.0.100'] } };

  test('is not taken, but by force', async () => {
    const other = await lan.host('other', '10.0.0.3/24', '10.0.0.100/32');
    const [{ mac } = { mac: '' }] = other.interfaces;
    expect(await rejection(up(VIP))).toMatchObject({
      code: 'ERR_UNAVAILABLE',
      message: expect.stringContaining(`another host on the network has 10.0.0.100 (${mac})`),
    });
    expect(await dump()).toBe(before);
    expect(await target.setups()).toEqual([]);
    await target.apply(await target.plan(VIP), { force: true });
    expect(await host.ip('address show dev eth0')).toContain('10.0.0.100/32');
    await target.revert();
    expect(await dump()).toBe(before);
  });
});

describe('what is handed in is checked, and nothing is changed', () => {
  const wrongPlans: [string, (plan: HostPlan) => unknown, string][] = [
    ['nothing', () => null, 'host plan'],
    ['no steps', ({ steps: _, ...plan }) => plan, 'steps'],
    ['a step of another kind', (plan) => ({ ...plan, steps: [{ ...plan.steps[0], kind: 'exec' }] }), 'steps[0].kind'],
    [
      'a sysctl of something else',
      (plan) => ({
        ...plan,
        steps: plan.steps.map((step) => (step.kind === 'sysctl' ? { ...step, name: 'kernel.core_pattern' } : step)),
      }),
      'steps[1].name',
    ],
    [
      'an address that is none',
      (plan) => ({
        ...plan,
        steps: plan.steps.map((step) => (step.kind === 'address' ? { ...step, address: 'x' } : step)),
      }),
      'steps[3].address',
    ],
  ];
  test.each(wrongPlans)('%s', async (_, change, path) => {
    const plan = change(await target.plan(dr('10.0.0.100')));
    expect(await rejection(target.apply(plan as HostPlan))).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining(path),
    });
    expect(await dump()).toBe(before);
  });

  test.each([
    [null, 'must be an object'],
    [{ role: 'router' }, 'role'],
    [{ nmae: 'x' }, 'nmae: unknown field'],
    [{ record: 5 }, 'host record'],
  ])('%j is nothing to take back', async (what, path) => {
    expect(await rejection(target.revert(what as unknown as RevertTarget))).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining(path),
    });
  });

  test.each([
    [{ role: 'router', description: {} }, 'role'],
    [{ role: 'director', name: 'two\nlines', description: {} }, 'name'],
    [null, 'must be an object'],
  ])('%j is no set-up', async (setup, path) => {
    expect(await rejection(target.plan(setup as unknown as HostSetup))).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining(path),
    });
  });
});
