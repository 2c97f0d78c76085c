import { expect, test } from 'vitest';
import { parseRealServer, type RealServer } from '../../../src/model/real-server.js';
import { issuesOf, pathsOf } from './issues.js';

type Loose = Record<string, unknown>;
const DR = { mode: 'dr', vips: ['10.0.0.100'] } as const;

test('in its one form has its VIPs one by one, and its tunnel', () => {
  expect(parseRealServer({ ...DR, gateway: '10.0.0.254' })).toEqual({
    mode: 'dr',
    vips: [{ address: '10.0.0.100', prefix: 32 }],
    gateway: '10.0.0.254',
  });
  expect(parseRealServer({ ...DR, mode: 'tun' })).toMatchObject({ tunnel: 'ipip' });
  expect(parseRealServer({ ...DR, mode: 'tun', tunnel: 'gre' })).toMatchObject({ tunnel: 'gre' });
  expect(parseRealServer({ mode: 'nat', gateway: '2001:DB8::1' })).toEqual({ mode: 'nat', gateway: '2001:db8::1' });
});

test.each<[string, Loose, string[]]>([
  ['NAT without a gateway', { mode: 'nat' }, ['gateway']],
  ['NAT with VIPs, which are the director’s', { mode: 'nat', gateway: '10.0.0.2', vips: ['10.0.0.100'] }, ['vips']],
  ['DR without VIPs', { mode: 'dr' }, ['vips']],
  ['DR with a tunnel', { ...DR, tunnel: 'ipip' }, ['tunnel']],
  ['a tunnel by GUE without its port', { ...DR, mode: 'tun', tunnel: 'gue' }, ['port']],
  ['a port of GUE out of range', { ...DR, mode: 'tun', tunnel: 'gue', port: 65536 }, ['port']],
  ['a port for another tunnel', { ...DR, mode: 'tun', port: 6080 }, ['port']],
  ['GUE with GRE checksums', { ...DR, mode: 'tun', tunnel: 'gue', port: 6080, checksum: true }, ['checksum']],
  ['a gateway by name', { ...DR, gateway: 'router' }, ['gateway']],
])('refuses %s', (_, input, expected) => {
  expect(pathsOf(() => parseRealServer(input as RealServer))).toEqual(expected);
});

test('says which modes there are', () => {
  expect(issuesOf(() => parseRealServer({ ...DR, mode: 'lan' } as unknown as RealServer))).toEqual([
    { path: 'mode', message: 'must be nat, dr, tun' },
  ]);
});
