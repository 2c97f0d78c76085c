import { describe, expect, test } from 'vitest';
import { type DaemonRole, parseDaemonRole, parseSyncDaemon, type SyncDaemon } from '../../../src/model/sync-daemon.js';
import { issuesOf, pathsOf } from './issues.js';

const MASTER = { role: 'master', interface: 'eth0' } as const;

test.each<[string, SyncDaemon]>([
  ['the least there is', MASTER],
  ['a backup', { role: 'backup', interface: 'eth0' }],
  ['the lowest numbers', { ...MASTER, syncId: 0, maxLength: 1, port: 1, ttl: 1 }],
  ['the highest numbers', { ...MASTER, syncId: 255, maxLength: 65507, port: 65535, ttl: 255 }],
  ['the first IPv4 group', { ...MASTER, group: '224.0.0.0' }],
  ['the last IPv4 group', { ...MASTER, group: '239.255.255.255' }],
  ['an IPv6 group', { ...MASTER, group: 'ff05::51' }],
  ['an interface of 15 characters', { ...MASTER, interface: 'x'.repeat(15) }],
  ['an interface with a VLAN', { ...MASTER, interface: 'eth0.100@x' }],
])('takes %s', (_, daemon) => {
  expect(issuesOf(() => parseSyncDaemon(daemon))).toEqual([]);
});

test.each<[string, object, string]>([
  ['a misspelt role', { ...MASTER, role: 'mastre' }, 'role'],
  ['no role', { interface: 'eth0' }, 'role'],
  ['no interface', { role: 'master' }, 'interface'],
  ['an empty interface', { ...MASTER, interface: '' }, 'interface'],
  ['an interface of 16 characters', { ...MASTER, interface: 'x'.repeat(16) }, 'interface'],
  ['a blank', { ...MASTER, interface: 'eth 0' }, 'interface'],
  ['an id of 256', { ...MASTER, syncId: 256 }, 'syncId'],
  ['an id of -1', { ...MASTER, syncId: -1 }, 'syncId'],
  ['length 0', { ...MASTER, maxLength: 0 }, 'maxLength'],
  ['length 65508', { ...MASTER, maxLength: 65508 }, 'maxLength'],
  ['port 0', { ...MASTER, port: 0 }, 'port'],
  ['port 65536', { ...MASTER, port: 65536 }, 'port'],
  ['TTL 0', { ...MASTER, ttl: 0 }, 'ttl'],
  ['TTL 256', { ...MASTER, ttl: 256 }, 'ttl'],
  ['an address before the groups', { ...MASTER, group: '223.255.255.255' }, 'group'],
  ['an address after the groups', { ...MASTER, group: '240.0.0.0' }, 'group'],
  ['an IPv6 address that is no group', { ...MASTER, group: 'fe80::1' }, 'group'],
  ['a group that looks octal', { ...MASTER, group: '224.0.0.081' }, 'group'],
  ['a misspelt field', { ...MASTER, syncid: 1 }, 'syncid'],
])('refuses %s', (_, daemon, path) => {
  expect(pathsOf(() => parseSyncDaemon(daemon as SyncDaemon))).toEqual([path]);
});

describe('one form', () => {
  test('has an id, and nothing else that was not given', () => {
    expect(parseSyncDaemon(MASTER)).toStrictEqual({ ...MASTER, syncId: 0 });
  });

  test('does not tell undefined from absent', () => {
    const daemon = parseSyncDaemon({ ...MASTER, maxLength: undefined, group: undefined, port: undefined });
    expect(daemon).toStrictEqual(parseSyncDaemon(MASTER));
  });

  test('writes IPv6 in one way, and is its own', () => {
    const daemon = parseSyncDaemon({ ...MASTER, group: 'FF05:0::0051', ttl: 3 });
    expect(daemon).toStrictEqual({ ...MASTER, syncId: 0, group: 'ff05::51', ttl: 3 });
    expect(parseSyncDaemon(daemon)).toStrictEqual(daemon);
  });
});

test('a role is one of two words', () => {
  expect([parseDaemonRole('master'), parseDaemonRole('backup')]).toEqual(['master', 'backup']);
  for (const role of ['Master', '', undefined]) {
    expect(pathsOf(() => parseDaemonRole(role as DaemonRole))).toEqual(['']);
  }
});
