import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { announce, whoHas, whoHave } from '../../src/neighbours/neighbour-probe.js';
import { RouteClient } from '../../src/netlink/route/client.js';
import { type Host, Lan } from '../lab/network.js';
import { rejection } from './fixture.js';

let lan: Lan;
let asker: Host;
let bare: Host;
let one: Host;
let two: Host;
beforeAll(async () => {
  lan = await Lan.create();
  asker = await lan.host('asker', '10.0.0.1/24', '2001:db8::1/64');
  bare = await lan.host('bare');
  one = await lan.host('one', '10.0.0.11/24', '10.0.0.100/32', '2001:db8::11/64', '2001:db8::100/128');
  two = await lan.host('two', '10.0.0.12/24', '10.0.0.100/32', '2001:db8::12/64', '2001:db8::100/128');
});
afterAll(() => lan[Symbol.asyncDispose]());

const on = (host: Host, timeout = 300) => ({ device: 'eth0', netns: host.namespacePath, timeout });

async function macOf(host: Host): Promise<string> {
  await using client = await RouteClient.open({ netns: host.namespacePath });
  const mac = (await client.links()).find(({ name }) => name === 'eth0')?.mac;
  if (mac === undefined) throw new Error(`${host.name} has no eth0`);
  return mac;
}

test.each([
  ['IPv4', '10.0.0.11', '10.0.0.100', '10.0.0.99'],
  ['IPv6', '2001:db8::11', '2001:db8::100', '2001:db8::99'],
])('%s: one owner, two, none', async (_, single, shared, nobodys) => {
  const namespace = readlinkSync('/proc/thread-self/ns/net');
  expect(await whoHas(single, on(asker))).toEqual([await macOf(one)]);
  expect((await whoHas(shared, on(asker))).toSorted()).toEqual([await macOf(one), await macOf(two)].toSorted());
  expect(await whoHas(nobodys, on(asker))).toEqual([]);
  expect(readlinkSync('/proc/thread-self/ns/net')).toBe(namespace);
});

test('a host without addresses asks too, and its neighbours learn nothing', async () => {
  expect((await whoHas('10.0.0.100', on(bare))).toSorted()).toEqual([await macOf(one), await macOf(two)].toSorted());
  expect(await one.run('ip', 'neighbour')).not.toContain(await macOf(bare));
});

test('who is told not to answer does not', async () => {
  await one.sysctl({ 'net.ipv4.conf.eth0.arp_ignore': 8 });
  expect(await whoHas('10.0.0.100', on(asker))).toEqual([await macOf(two)]);
  await one.sysctl({ 'net.ipv4.conf.eth0.arp_ignore': 0 });
});

test.each([
  ['IPv4', '10.0.0.100'],
  ['IPv6', '2001:db8::100'],
])('%s: an announcement moves an address that a neighbour knew elsewhere', async (_, address) => {
  await asker.ip(`neighbour replace ${address} lladdr 02:00:00:00:00:77 dev eth0 nud stale`);
  await announce(address, { device: 'eth0', netns: two.namespacePath });
  await using client = await RouteClient.open({ netns: asker.namespacePath });
  const known = (await client.neighbours()).find((entry) => entry.address === address);
  expect(known?.mac).toBe(await macOf(two));
});

test('an announcement of an IPv6 address says whether this host is a router', async () => {
  const router = async () => (await asker.run('ip', '-6', 'neighbour', 'show', '2001:db8::100')).includes('router');
  await two.sysctl({ 'net.ipv6.conf.eth0.forwarding': 1 });
  await announce('2001:db8::100', { device: 'eth0', netns: two.namespacePath });
  expect(await router()).toBe(true);
  await two.sysctl({ 'net.ipv6.conf.eth0.forwarding': 0 });
  await announce('2001:db8::100', { device: 'eth0', netns: two.namespacePath });
  expect(await router()).toBe(false);
});

test('what cannot be asked is refused with a reason', async () => {
  expect(await rejection(whoHas('10.0.0.300', on(asker)))).toMatchObject({ issues: [{ path: 'address' }] });
  expect(await rejection(whoHas('10.0.0.11', { ...on(asker), device: 'nowhere' }))).toMatchObject({
    message: 'neighbour probe: device: there is no device "nowhere"',
  });
  expect(await rejection(whoHas('10.0.0.11', { ...on(asker), device: 'lo' }))).toMatchObject({
    message: 'neighbour probe: device: lo has no Ethernet neighbours',
  });
  await bare.ip('link set eth0 down');
  expect(await rejection(whoHas('10.0.0.11', on(bare)))).toMatchObject({ code: 'ENETDOWN' });
});

test('a wait that is aborted ends at once', async () => {
  const signal = AbortSignal.timeout(20);
  const started = performance.now();
  expect(await rejection(whoHas('10.0.0.99', { ...on(asker, 20_000), signal }))).toBe(signal.reason);
  expect(performance.now() - started).toBeLessThan(5000);
});

test('many addresses are asked for in the time of one', async () => {
  const many = Array.from({ length: 1000 }, (_, index) => `10.0.${1 + (index >> 8)}.${index & 255}`);
  const begin = performance.now();
  const owners = await whoHave(['10.0.0.11', ...many, '10.0.0.100', '2001:db8::12'], on(asker, 500));
  // One after the other it would take 500 s.
  expect(performance.now() - begin).toBeLessThan(25_000);
  expect(owners.get('10.0.0.11')).toEqual([await macOf(one)]);
  expect(owners.get('10.0.0.100')?.toSorted()).toEqual([await macOf(one), await macOf(two)].toSorted());
  expect(owners.get('2001:db8::12')).toEqual([await macOf(two)]);
  expect([...owners.values()].filter((macs) => macs.length > 0)).toHaveLength(3);
});
