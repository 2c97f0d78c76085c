import { readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deviceSysctl, readSysctl, readSysctls, writeSysctl } from '../../src/linux/sysctl.js';
import { type Host, Lan } from '../lab/network.js';

let lan: Lan;
let host: Host;
beforeAll(async () => {
  lan = await Lan.create();
  host = await lan.host('host', '10.0.0.1/24');
});
afterAll(() => lan[Symbol.asyncDispose]());

const ARP_IGNORE = 'net.ipv4.conf.all.arp_ignore';

test('a sysctl is read and set in the namespace, and nowhere else', async () => {
  const namespace = readlinkSync('/proc/thread-self/ns/net');
  const netns = host.namespacePath;
  const outside = readSysctl(ARP_IGNORE);
  await host.sysctl({ [ARP_IGNORE]: 3 });
  expect(readSysctl(ARP_IGNORE, { netns })).toBe('3');
  writeSysctl(ARP_IGNORE, 8, { netns: host.namespace });
  expect(await host.run('cat', '/proc/sys/net/ipv4/conf/all/arp_ignore')).toBe('8\n');
  expect(readSysctl(ARP_IGNORE)).toBe(outside);
  expect(readFileSync('/proc/sys/net/ipv4/conf/all/arp_ignore', 'utf8')).toBe(`${outside}\n`);
  expect(readlinkSync('/proc/thread-self/ns/net')).toBe(namespace);
});

test('the devices are those of the namespace, also one with a dot in its name', async () => {
  const netns = host.namespacePath;
  await host.ip('link add link eth0 name eth0.5 type vlan id 5');
  const name = deviceSysctl('ipv4', 'eth0.5', 'arp_announce');
  writeSysctl(name, 2, { netns });
  expect(
    readSysctls([name, 'net/ipv4/conf/eth0.5/arp_announce', 'net.ipv4.conf.eth0.arp_announce'], { netns }),
  ).toEqual({ [name]: '2', 'net/ipv4/conf/eth0.5/arp_announce': '2', 'net.ipv4.conf.eth0.arp_announce': '0' });
  expect(readSysctl(name)).toBeUndefined();
  await host.ip('link del eth0.5');
});

test('values of several words come as they are', () => {
  const netns = host.namespacePath;
  writeSysctl('net.ipv4.ip_local_port_range', '2000 3000', { netns });
  expect(readSysctl('net.ipv4.ip_local_port_range', { netns })).toBe('2000\t3000');
});

test('what the kernel refuses says which and why', () => {
  const netns = host.namespacePath;
  expect(() => writeSysctl('net.ipv4.conf.nowhere.arp_ignore', 1, { netns })).toThrow(
    expect.objectContaining({ code: 'ENOENT', command: 'set sysctl', object: 'net.ipv4.conf.nowhere.arp_ignore to 1' }),
  );
  expect(() => writeSysctl('net.ipv4.ip_forward', 'yes', { netns })).toThrow(
    'set sysctl net.ipv4.ip_forward to yes: EINVAL; the kernel does not take this value',
  );
  expect(() => readSysctl(ARP_IGNORE, { netns: 'nowhere' })).toThrow(
    'the network namespace /run/netns/nowhere cannot be entered: open: ENOENT',
  );
});
