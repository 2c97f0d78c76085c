import { expect, test } from 'vitest';
import { type Director, parseDirector } from '../../../src/model/director.js';
import { issuesOf, pathsOf } from './issues.js';

const DR = { mode: 'dr', device: 'eth0', vips: ['10.0.0.100'] } as const;
const NAT = { ...DR, mode: 'nat', inside: { network: '10.1.0.0/24' } } as const;
type Loose = Record<string, unknown>;
const paths = (input: Loose) => pathsOf(() => parseDirector(input as Director));

test('in its one form has its VIPs one by one, and says whether it masquerades', () => {
  expect(parseDirector({ ...DR, vips: ['10.0.0.100-10.0.0.101/24', '2001:DB8::1'], gateway: '10.0.0.254' })).toEqual({
    mode: 'dr',
    device: 'eth0',
    vips: [
      { address: '10.0.0.100', prefix: 24 },
      { address: '10.0.0.101', prefix: 24 },
      { address: '2001:db8::1', prefix: 128 },
    ],
    gateway: '10.0.0.254',
  });
  expect(
    parseDirector({ ...NAT, inside: { network: '10.1.0.0/24', device: 'eth1', address: '10.1.0.1/24' } }),
  ).toMatchObject({
    inside: {
      network: { address: '10.1.0.0', prefix: 24 },
      device: 'eth1',
      address: { address: '10.1.0.1', prefix: 24 },
      masquerade: false,
    },
  });
});

const VIPS_4 = ['vips[0]', 'vips[1]', 'vips[2]', 'vips[3]'];

test.each<[string, Loose, string[]]>([
  ['another mode', { ...DR, mode: 'full-nat' }, ['mode']],
  ['no device', { mode: 'dr', vips: ['10.0.0.100'] }, ['device']],
  ['a device of 16 characters', { ...DR, device: 'x'.repeat(16) }, ['device']],
  ['no VIP', { ...DR, vips: [] }, ['vips']],
  ['a VIP that is none', { ...DR, vips: ['10.0.0.100', 'eth0'] }, ['vips[1]']],
  ['VIPs that no client can call', { ...DR, vips: ['127.0.0.1', '0.0.0.0', '224.0.0.1', '255.255.255.255'] }, VIPS_4],
  ['VIPs that no client can call by IPv6', { ...DR, vips: ['::', '::1', 'ff02::1', '2001:db8::'] }, VIPS_4.slice(0, 3)],
  [
    'the ends of a network',
    { ...DR, vips: ['10.0.0.0/24', '10.0.0.255/24', '10.0.0.254-10.0.0.255/24', '10.1.0.0-10.1.0.1/31'] },
    VIPS_4.slice(0, 3),
  ],
  ['a gateway with a prefix', { ...DR, gateway: '10.0.0.254/24' }, ['gateway']],
  ['an inside without NAT', { ...DR, inside: { network: '10.1.0.0/24' } }, ['inside']],
  ['NAT without an inside', { ...DR, mode: 'nat' }, ['inside']],
  ['a network without a prefix', { ...NAT, inside: { network: '10.1.0.0' } }, ['inside.network']],
  ['a misspelt field', { ...NAT, inside: { network: '10.1.0.0/24', masq: true } }, ['inside.masq']],
  ['real servers of another family', { ...NAT, inside: { network: '2001:db8::/64' } }, ['vips']],
  ['VIPs of two families for NAT', { ...NAT, vips: ['10.0.0.100', '2001:db8::1'] }, ['vips']],
  [
    "the director's own address of another family",
    { ...NAT, inside: { network: '10.1.0.0/24', address: '2001:db8::1/64' } },
    ['inside.address'],
  ],
])('refuses %s', (_, input, expected) => {
  expect(paths(input)).toEqual(expected);
});

test('says which modes there are', () => {
  expect(issuesOf(() => parseDirector({ ...DR, mode: 'lan' } as unknown as Director))).toEqual([
    { path: 'mode', message: 'must be nat, dr, tun' },
  ]);
});
