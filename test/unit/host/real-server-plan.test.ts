import { describe, expect, test } from 'vitest';
import { InvalidArgumentError } from '../../../src/errors.js';
import { withoutAddresses } from '../../../src/host/plan.js';
import { planFor } from '../../../src/host/plan-for.js';
import { parseHostPlan } from '../../../src/host/schema.js';
import type { HostState } from '../../../src/host/state.js';
import type { RealServer } from '../../../src/model/real-server.js';
import { address, defaultRoute, host, link } from './state.js';

const DR: RealServer = { mode: 'dr', vips: ['10.0.0.100/24', '2001:db8::100'], gateway: '10.0.0.254' };
const TUN: RealServer = { mode: 'tun', vips: ['10.0.0.100', '2001:db8::100'] };

const realServerPlan = (description: RealServer, state: HostState) =>
  planFor({ role: 'real-server', description }, state);

function whats(description: RealServer, state = host()): string[] {
  return realServerPlan(description, state).steps.map(({ id, what, done }) => `${done ? '+' : '-'} ${id}: ${what}`);
}

test('DR: silence about ARP first, then the VIPs, alone on lo', () => {
  expect(whats(DR)).toEqual([
    '+ lo-up: switch lo on',
    '- arp-ignore: set net.ipv4.conf.all.arp_ignore to 1',
    '- arp-announce: set net.ipv4.conf.all.arp_announce to 2',
    '- vip: add 10.0.0.100/32 to lo',
    '- vip: add 2001:db8::100/128 to lo',
    '- gateway: make 10.0.0.254 the default gateway',
  ]);
  expect(whats({ mode: 'dr', vips: ['2001:db8::100'] })).toEqual([
    '+ lo-up: switch lo on',
    '- vip: add 2001:db8::100/128 to lo',
  ]);
});

test('TUN: the device of each family, with the loose filter', () => {
  const state = host({ links: [link('lo'), link('tunl0', { up: false }), link('ip6tnl0', { up: false })] });
  expect(whats(TUN, state).slice(3)).toEqual([
    '- rp-filter: set net.ipv4.conf.tunl0.rp_filter to 2',
    '- tunnel-up: switch tunl0 on',
    '- vip: add 10.0.0.100/32 to tunl0',
    '- tunnel-up: switch ip6tnl0 on',
    '- vip: add 2001:db8::100/128 to ip6tnl0',
  ]);
});

test('TUN: a device that is missing is named with the module to load', () => {
  expect(realServerPlan(TUN, host()).obstacles).toEqual([
    { id: 'no-device', what: 'there is no device tunl0', hint: 'modprobe ipip' },
    { id: 'no-device', what: 'there is no device ip6tnl0', hint: 'modprobe ip6_tunnel' },
  ]);
  expect(realServerPlan({ ...TUN, tunnel: 'gre' }, host()).obstacles).toEqual([
    { id: 'no-device', what: 'there is no device gre0', hint: 'modprobe ip_gre' },
    { id: 'no-device', what: 'there is no device ip6gre0', hint: 'modprobe ip6_gre' },
  ]);
});

describe('TUN by GRE with checksums', () => {
  const GRE: RealServer = { mode: 'tun', vips: ['10.0.0.100'], tunnel: 'gre', checksum: true };
  const own = (...texts: string[]) => texts.map((text) => address(text.startsWith('172') ? 'docker0' : 'eth0', text));
  const links = [link('lo'), link('eth0'), link('docker0'), link('dummy0', { noarp: true })];
  const missing = { id: 'no-local', hint: 'name it: --local ADDR, or local in the description' };

  test('makes a device that takes them, to the address of this host', () => {
    const description = { ...GRE, vips: ['10.0.0.100', '2001:db8::100'] };
    const state = host({ links, addresses: own('10.0.0.11/24', '2001:db8::11/64') });
    const plan = realServerPlan(description, state);
    expect(plan.obstacles).toEqual([]);
    expect(plan.steps.slice(3).map(({ id, what }) => `${id}: ${what}`)).toEqual([
      'tunnel-up: make ipvs-gre, which takes GRE packets to 10.0.0.11 that have checksums',
      'rp-filter: set net.ipv4.conf.ipvs-gre.rp_filter to 2',
      'tunnel-up: switch ipvs-gre on',
      'vip: add 10.0.0.100/32 to ipvs-gre',
      'tunnel-up: make ipvs-gre6, which takes GRE packets to 2001:db8::11 that have checksums',
      'tunnel-up: switch ipvs-gre6 on',
      'vip: add 2001:db8::100/128 to ipvs-gre6',
    ]);
    expect(parseHostPlan(plan)).toEqual(plan);
  });

  test.each([
    [['10.0.0.11/24', '10.0.0.100/24'], [], '10.0.0.11'],
    [['10.0.0.11/24', '172.17.0.1/16'], [defaultRoute('10.0.0.254')], '10.0.0.11'],
  ])('%j with %j is %s', (texts, routes, local) => {
    const { steps } = realServerPlan(GRE, host({ links, addresses: own(...texts), routes }));
    expect(steps.find(({ kind }) => kind === 'gre-device')).toMatchObject({ local });
  });

  test.each([
    [[], 'none is known'],
    [['10.0.0.11/24', '172.17.0.1/16'], '10.0.0.11, 172.17.0.1'],
  ])('%j needs a word, and takes it', (texts, found) => {
    const state = host({ links, addresses: own(...texts) });
    const what = `which IPv4 address of this host the director sends GRE packets to is not known (${found})`;
    expect(realServerPlan(GRE, state).obstacles).toEqual([{ ...missing, what }]);
    const named = realServerPlan({ ...GRE, local: ['172.17.0.1'] }, state);
    expect(named.obstacles).toEqual([]);
    expect(named.steps.find(({ kind }) => kind === 'gre-device')).toMatchObject({ local: '172.17.0.1' });
  });

  test.each([
    ['is there', { greChecksum: true, greLocal: '10.0.0.11' }, true],
    ['takes none', { greChecksum: false, greLocal: '10.0.0.11' }, false],
    ['is for another address', { greChecksum: true, greLocal: '10.0.0.12' }, false],
  ])('a device that %s', (_, differs, done) => {
    const device = link('ipvs-gre', { noarp: true, kind: 'gre', ...differs });
    const state = host({ links: [...links, device], addresses: own('10.0.0.11/24') });
    expect(realServerPlan(GRE, state).steps.find(({ kind }) => kind === 'gre-device')).toMatchObject({ done });
  });

  test.each<[Partial<RealServer>, string]>([
    [{ tunnel: 'ipip' }, 'checksum: is only for the tunnel gre'],
    [{ checksum: false, local: ['10.0.0.11'] }, 'local: is only for checksum: true'],
    [{ local: ['10.0.0.11', '10.0.0.12'] }, 'local: must have at most one address of a family'],
  ])('%j is wrong', (differs, message) => {
    expect(() => realServerPlan({ ...GRE, ...differs } as RealServer, host())).toThrow(message);
  });
});

test('a VIP on the device of an earlier form is not there for the next one', () => {
  const before = realServerPlan({ mode: 'tun', vips: ['10.0.0.100'], tunnel: 'gre' }, host()).steps;
  const state = host({
    links: [link('lo'), link('eth0'), link('gre0', { noarp: true })],
    addresses: [address('gre0', '10.0.0.100/32'), address('eth0', '10.0.0.11/24')],
  });
  const next: RealServer = { mode: 'tun', vips: ['10.0.0.100'], tunnel: 'gre', checksum: true };
  const vip = (of: HostState) => realServerPlan(next, of).steps.find(({ id }) => id === 'vip');
  expect(vip(state)).toMatchObject({ done: true });
  expect(vip(withoutAddresses(state, before))).toMatchObject({ device: 'ipvs-gre', done: false });
});

describe('TUN by GUE', () => {
  const GUE: RealServer = { mode: 'tun', vips: ['10.0.0.100', '2001:db8::100'], tunnel: 'gue', port: 6080 };
  const links = [link('lo'), link('tunl0', { noarp: true }), link('ip6tnl0', { noarp: true })];
  const port = { port: 6080, family: 'ipv4', type: 'gue', bound: false } as const;

  test('opens the port of each family beside the devices for IP in IP', () => {
    const plan = realServerPlan(GUE, host({ links, fou: { ports: [port] } }));
    expect(plan.obstacles).toEqual([]);
    expect(plan.steps.slice(3).map(({ what, done }) => `${done ? '+' : '-'} ${what}`)).toEqual([
      '- set net.ipv4.conf.tunl0.rp_filter to 2',
      '+ switch tunl0 on',
      '+ open the UDP port 6080 (IPv4) for GUE packets',
      '- add 10.0.0.100/32 to tunl0',
      '+ switch ip6tnl0 on',
      '- open the UDP port 6080 (IPv6) for GUE packets',
      '- add 2001:db8::100/128 to ip6tnl0',
    ]);
    expect(parseHostPlan(plan)).toEqual(plan);
  });

  test.each<[string, HostState['fou'], object]>([
    ['no module', {}, { id: 'no-module', what: 'this kernel has no FOU ports', hint: 'modprobe fou' }],
    ['a port of another type', { ports: [{ ...port, type: 'direct' }] }, { id: 'port-taken' }],
    ['a port for some packets alone', { ports: [{ ...port, bound: true }] }, { id: 'port-taken' }],
  ])('%s keeps it from being set up', (_, fou, obstacle) => {
    const { obstacles } = realServerPlan({ ...GUE, vips: ['10.0.0.100'] }, host({ links, fou }));
    expect(obstacles).toEqual([expect.objectContaining(obstacle)]);
  });

  test('a port with another number or of the other family is none of ours', () => {
    const ports = [{ ...port, port: 6081 }, { ...port, family: 'ipv6', type: 'direct' } as const];
    const plan = realServerPlan({ ...GUE, vips: ['10.0.0.100'] }, host({ links, fou: { ports } }));
    expect(plan.obstacles).toEqual([]);
    expect(plan.steps.find(({ kind }) => kind === 'fou-port')).toMatchObject({ done: false });
  });
});

// Seen on Linux 6.1 with packets: the larger one of the two values rules.
test.each([
  ['0', '0', true],
  ['0', '1', false],
  ['0', '2', true],
  ['1', '0', false],
  ['1', '1', false],
  ['1', '2', true],
  ['2', '0', true],
  ['2', '1', true],
  ['2', '2', true],
])('TUN: rp_filter %s of all and %s of the device is %s', (all, own, done) => {
  const sysctls = { 'net.ipv4.conf.all.rp_filter': all, 'net.ipv4.conf.tunl0.rp_filter': own };
  const { steps } = realServerPlan(TUN, host({ sysctls }));
  expect(steps.find(({ id }) => id === 'rp-filter')).toMatchObject({ done });
});

describe('arp_ignore', () => {
  const ignoring = (sysctls: HostState['sysctls']) =>
    whats({ mode: 'dr', vips: ['10.0.0.100'] }, host({ sysctls })).filter((text) => text.includes('arp-ignore'));

  test.each(['1', '2', '8'])('%s is silence', (value) => {
    expect(ignoring({ 'net.ipv4.conf.all.arp_ignore': value })).toEqual([
      '+ arp-ignore: set net.ipv4.conf.all.arp_ignore to 1',
    ]);
  });

  test('3 is none, of all or of a device', () => {
    expect(ignoring({ 'net.ipv4.conf.all.arp_ignore': '3', 'net.ipv4.conf.eth0.arp_ignore': '3' })).toEqual([
      '- arp-ignore: set net.ipv4.conf.all.arp_ignore to 1',
      '- arp-ignore: set net.ipv4.conf.eth0.arp_ignore to 1',
    ]);
  });
});

describe('a step is done', () => {
  const DUMMY = link('dummy0', { noarp: true });
  test('if the VIP is alone on lo or a device without ARP, not with a network or elsewhere', () => {
    const done = (device: string, text: string) =>
      whats(
        { mode: 'dr', vips: ['10.0.0.100'] },
        host({ links: [link('lo'), link('eth0'), DUMMY], addresses: [address(device, text)] }),
      ).at(-1)?.[0];
    expect(done('lo', '10.0.0.100/32')).toBe('+');
    expect(done('lo', '10.0.0.100/24')).toBe('-');
    expect(done('eth0', '10.0.0.100/32')).toBe('-');
    expect(done('dummy0', '10.0.0.100/32')).toBe('+');
    expect(done('dummy0', '10.0.0.100/24')).toBe('-');
  });

  test('if the gateway is that of the default route that is taken', () => {
    const done = (...routes: HostState['routes']) =>
      whats({ mode: 'nat', gateway: '10.0.0.2' }, host({ routes }))[0]?.[0];
    expect(done()).toBe('-');
    expect(done(defaultRoute('10.0.0.2'))).toBe('+');
    expect(done(defaultRoute('10.0.0.254'), defaultRoute('10.0.0.2', 100))).toBe('-');
    expect(done(defaultRoute('10.0.0.254', 100), defaultRoute('10.0.0.2', 50))).toBe('+');
  });
});

test('a plan is plain JSON, says why, and does not touch the state', () => {
  const state = Object.freeze(host());
  const plan = realServerPlan(DR, state);
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  expect(plan).toMatchObject({ role: 'real-server', mode: 'dr', obstacles: [] });
  for (const { why, undo } of plan.steps) expect([why.length > 20, undo.length > 5]).toEqual([true, true]);
});

test('a wrong description is refused', () => {
  expect(() => realServerPlan({ mode: 'dr', vips: ['here'] }, host())).toThrow(InvalidArgumentError);
});
