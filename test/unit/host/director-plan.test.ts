import { describe, expect, test } from 'vitest';
import { masqueradeMark } from '../../../src/host/masquerade.js';
import { planFor } from '../../../src/host/plan-for.js';
import type { HostState } from '../../../src/host/state.js';
import type { Director } from '../../../src/model/director.js';
import { address, host, link } from './state.js';

const NAT: Director = {
  mode: 'nat',
  device: 'eth0',
  vips: ['192.0.2.100'],
  inside: { network: '10.1.0.0/24', device: 'eth1', address: '10.1.0.1/24' },
};
const MASQUERADE: Director = { ...NAT, inside: { network: '10.1.0.0/24', device: 'eth1', masquerade: true } };
const directorPlan = (description: Director, state: HostState) => planFor({ role: 'director', description }, state);
const TWO = [link('lo'), link('eth0'), link('eth1')];

function whats(description: Director, state = host({ links: TWO })): string[] {
  return directorPlan(description, state).steps.map(({ id, what, done }) => `${done ? '+' : '-'} ${id}: ${what}`);
}

test('DR and TUN: the VIPs, as they are written, and nothing of forwarding', () => {
  for (const mode of ['dr', 'tun'] as const) {
    const vips = ['10.0.0.100/24', '2001:db8::100'];
    expect(whats({ mode, device: 'eth0', vips, gateway: '10.0.0.254' })).toEqual([
      '- vip: add 10.0.0.100/24 to eth0',
      '- vip: add 2001:db8::100/128 to eth0',
      '- gateway: make 10.0.0.254 the default gateway',
    ]);
  }
});

test('a VIP of IPv6 is never the source of what the director sends itself', () => {
  const { steps } = directorPlan({ mode: 'dr', device: 'eth0', vips: ['10.0.0.100', '2001:db8::100'] }, host());
  expect(steps).toMatchObject([{ deprecated: false }, { deprecated: true }]);
});

test('a VIP that has another prefix is there', () => {
  const state = host({ addresses: [address('eth0', '10.0.0.100/24')] });
  expect(whats({ mode: 'dr', device: 'eth0', vips: ['10.0.0.100'] }, state).at(-1)).toMatch(/^\+ vip/);
});

describe('NAT', () => {
  test('forwards, and is the gateway inside, before the VIPs bring packets', () => {
    expect(whats(NAT)).toEqual([
      '- inside-address: add 10.1.0.1/24 to eth1',
      '- ip-forward: set net.ipv4.ip_forward to 1',
      '- vip: add 192.0.2.100/32 to eth0',
    ]);
  });

  test('of IPv6 forwards IPv6', () => {
    const description: Director = { ...NAT, vips: ['2001:db8::100'], inside: { network: '2001:db8:1::/64' } };
    expect(whats(description).slice(0, -1)).toEqual(['- ip-forward: set net.ipv6.conf.all.forwarding to 1']);
  });

  test('in one network sends no redirects', () => {
    expect(whats({ ...NAT, inside: { network: '192.0.2.0/24' } }).slice(0, 3)).toEqual([
      '- send-redirects: set net.ipv4.conf.all.send_redirects to 0',
      '- send-redirects: set net.ipv4.conf.eth0.send_redirects to 0',
      '- ip-forward: set net.ipv4.ip_forward to 1',
    ]);
  });

  test('switches forwarding on for a device on which someone switched it off', () => {
    const sysctls = { 'net.ipv4.ip_forward': '1', 'net.ipv4.conf.eth1.forwarding': '0' };
    expect(whats(NAT, host({ links: TWO, sysctls })).filter((text) => text.includes('ip-forward'))).toEqual([
      '+ ip-forward: set net.ipv4.ip_forward to 1',
      '- ip-forward: set net.ipv4.conf.eth1.forwarding to 1',
    ]);
  });
});

describe('masquerade', () => {
  const mark = masqueradeMark('10.1.0.0/24', ['192.0.2.100']);

  test('takes connection tracking and a rule by the tool that works', () => {
    const state = host({ links: TWO, masquerade: { ipv4: { tool: 'iptables-legacy', marks: [] } } });
    expect(whats(MASQUERADE, state).slice(1, 3)).toEqual([
      '- conntrack: set net.ipv4.vs.conntrack to 1',
      '- masquerade: masquerade connections that IPVS sends to 10.1.0.0/24, by iptables-legacy',
    ]);
    expect(directorPlan(MASQUERADE, state)).toMatchObject({ obstacles: [] });
  });

  test('is done if the very rule is there', () => {
    const done = (...marks: string[]) => {
      const state = host({ links: TWO, masquerade: { ipv4: { tool: 'nft', marks } } });
      return directorPlan(MASQUERADE, state).steps.find(({ id }) => id === 'masquerade')?.done;
    };
    expect(done('ipvs-ts-00000000')).toBe(false);
    expect(done('ipvs-ts-00000000', mark)).toBe(true);
  });

  test('is in the way of a plan where nothing can do it', () => {
    const problem = 'nft: there is no such program';
    const state = host({
      links: TWO,
      masquerade: { ipv4: { problem, marks: [] } },
      sysctls: { 'net.ipv4.vs.conntrack': undefined },
    });
    expect(directorPlan(MASQUERADE, state).obstacles).toEqual([
      expect.objectContaining({ id: 'no-module', hint: 'modprobe ip_vs' }),
      expect.objectContaining({ id: 'no-masquerade', what: `no program here can masquerade: ${problem}` }),
    ]);
  });
});

test('devices that are missing are named, each once', () => {
  const missing = (description: Director) =>
    directorPlan(description, host({ links: [] })).obstacles.map(({ what }) => what);
  expect(missing(NAT)).toEqual(['there is no device eth0', 'there is no device eth1']);
  expect(missing({ ...NAT, inside: { network: '192.0.2.0/24' } })).toEqual(['there is no device eth0']);
});

describe('VIPs that no client can call', () => {
  const described = (vip: string): Director => ({ mode: 'dr', device: 'eth0', vips: [vip] });

  test.each([
    ['0.0.0.0', 'the unspecified address'],
    ['127.0.0.1', 'a loopback address'],
    ['224.0.0.18', 'a multicast address'],
    ['255.255.255.255', 'the broadcast address'],
    ['10.0.0.0/24', 'the network address of 10.0.0.0/24'],
    ['10.0.0.255/24', 'the broadcast address of 10.0.0.255/24'],
    ['10.0.0.250-10.0.0.255/24', 'the broadcast address of 10.0.0.255/24'],
    ['::', 'the unspecified address'],
    ['::1', 'a loopback address'],
    ['ff02::1', 'a multicast address'],
  ])('%s is refused', (vip, what) => {
    expect(() => directorPlan(described(vip), host())).toThrow(new RegExp(`^director: vips\\[0\\].*${what}`));
  });

  test.each(['10.0.0.0/31', '10.0.0.255', '10.0.0.0', '2001:db8::/64'])('%s is taken', (vip) => {
    expect(directorPlan(described(vip), host()).obstacles).toEqual([]);
  });

  test.each([
    ['10.0.0.255', 'broadcast'],
    ['10.0.0.0', 'network'],
  ])('%s is an obstacle where it ends a network of the host', (vip, end) => {
    const state = host({ addresses: [address('eth0', '10.0.0.2/24')] });
    expect(directorPlan(described(vip), state).obstacles).toEqual([
      {
        id: 'vip-unusable',
        what: `${vip} is the ${end} address of the network of 10.0.0.2/24 on eth0`,
        hint: 'choose another virtual IP',
      },
    ]);
  });
});

test('a device without IPv6 is an obstacle for an IPv6 address', () => {
  const vips = ['10.0.0.100', '2001:db8::100'];
  const obstacles = (value: string | undefined) =>
    directorPlan({ mode: 'dr', device: 'eth0', vips }, host({ sysctls: { 'net.ipv6.conf.eth0.disable_ipv6': value } }))
      .obstacles;
  expect(obstacles('1')).toEqual([
    { id: 'no-ipv6', what: 'IPv6 is disabled on eth0', hint: 'sysctl -w net.ipv6.conf.eth0.disable_ipv6=0' },
  ]);
  expect(obstacles(undefined)).toMatchObject([{ id: 'no-ipv6', what: 'there is no IPv6 on eth0' }]);
});
