import { describe, expect, test } from 'vitest';
import { deviceSysctl, readSysctl, readSysctls, sysctlPath, writeSysctl } from '../../../src/linux/sysctl.js';

test.each([
  ['net.ipv4.ip_forward', '/proc/sys/net/ipv4/ip_forward'],
  ['net/ipv4/ip_forward', '/proc/sys/net/ipv4/ip_forward'],
  ['net.ipv4.conf.eth0/5.arp_ignore', '/proc/sys/net/ipv4/conf/eth0.5/arp_ignore'],
  ['net/ipv4/conf/eth0.5/arp_ignore', '/proc/sys/net/ipv4/conf/eth0.5/arp_ignore'],
])('%s is %s', (name, path) => {
  expect(sysctlPath(name)).toBe(path);
});

test.each([
  '',
  'net',
  '.net.ipv4',
  'net..ipv4',
  'net/../../etc/passwd',
  'net.//.x',
  'net/./x',
  'net/x\0',
  '/proc/sys/net/x',
])('%j is refused', (name) => {
  expect(() => sysctlPath(name)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
});

test('a device with a dot in its name keeps it', () => {
  expect(sysctlPath(deviceSysctl('ipv6', 'eth0.5', 'forwarding'))).toBe('/proc/sys/net/ipv6/conf/eth0.5/forwarding');
});

describe('without a namespace', () => {
  test('sysctls are read, also many', () => {
    expect(readSysctl('kernel.ostype')).toBe('Linux');
    expect(readSysctls(['kernel.ostype', 'kernel.no_such_thing'])).toEqual({
      'kernel.ostype': 'Linux',
      'kernel.no_such_thing': undefined,
    });
  });

  test('what can be neither read nor set says so', () => {
    expect(() => readSysctl('net.ipv4')).toThrow('read sysctl net.ipv4: EISDIR');
    expect(() => writeSysctl('kernel.no_such_thing', 1)).toThrow(
      'set sysctl kernel.no_such_thing to 1: ENOENT; there is no such sysctl',
    );
    expect(() => writeSysctl('kernel.ostype', 'a\nb')).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', issues: [expect.objectContaining({ path: 'value' })] }),
    );
  });
});
