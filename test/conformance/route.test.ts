import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RouteClient } from '../../src/netlink/route/client.js';
import { type Host, Lan } from '../lab/network.js';
import { rejection } from './fixture.js';

let lan: Lan;
let host: Host;
let client: RouteClient;

beforeAll(async () => {
  lan = await Lan.create();
  host = await lan.host('host', '10.0.0.1/24', '2001:db8::1/64');
  client = await RouteClient.open({ netns: host.namespacePath });
});
afterAll(async () => {
  client.close();
  await lan[Symbol.asyncDispose]();
});

describe('links', () => {
  test('are those of the namespace, with their flags, kinds and masters', async () => {
    await host.ip(
      'link add bridge0 type bridge',
      'link add dummy0 mtu 1400 type dummy',
      'link set dummy0 master bridge0',
      // Not ipip: once that module is loaded, every new namespace has a tunl0, also those of other tests.
      'link add monitor0 type nlmon',
    );
    const links = await client.links();
    const byName = new Map(links.map((link) => [link.name, link]));
    expect(byName.get('lo')).toMatchObject({ index: 1, mtu: 65536, up: true, lowerUp: true, loopback: true });
    expect(byName.get('lo')).not.toHaveProperty('kind');
    expect(byName.get('eth0')).toMatchObject({ kind: 'veth', up: true, loopback: false, noarp: false });
    expect(byName.get('eth0')?.mac).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    expect(byName.get('dummy0')).toMatchObject({ kind: 'dummy', mtu: 1400, up: false, noarp: true, master: 'bridge0' });
    expect(byName.get('monitor0')).toMatchObject({ kind: 'nlmon', noarp: true });
    expect(byName.get('monitor0')).not.toHaveProperty('mac');
    await host.ip('link del monitor0', 'link del dummy0', 'link del bridge0');
  });

  test('are switched on and off', async () => {
    await host.ip('link add dummy1 type dummy');
    const isUp = async () => (await client.links()).find(({ name }) => name === 'dummy1')?.up;
    await client.setLinkUp('dummy1', true);
    expect(await isUp()).toBe(true);
    await client.setLinkUp('dummy1', false);
    expect(await isUp()).toBe(false);
    await host.ip('link del dummy1');
  });

  test('that are not there are named in the refusal', async () => {
    expect(await rejection(client.setLinkUp('nowhere0', true))).toMatchObject({
      code: 'ENODEV',
      command: 'set link up',
      object: 'nowhere0',
      reason: 'there is no device "nowhere0"',
    });
    const tooLong = 'a-name-of-more-than-15-characters';
    expect(await rejection(client.addAddress({ device: tooLong, address: '10.0.0.9', prefix: 32 }))).toMatchObject({
      command: 'add address',
      object: `10.0.0.9/32 on ${tooLong}`,
      reason: `there is no device "${tooLong}"`,
    });
  });
});

describe('addresses', () => {
  const find = async (address: string) => (await client.addresses()).find((entry) => entry.address === address);

  test('of both families are listed as ip has them', async () => {
    expect(await find('10.0.0.1')).toEqual({
      device: 'eth0',
      family: 'ipv4',
      address: '10.0.0.1',
      prefix: 24,
      scope: 'global',
      label: 'eth0',
      flags: ['permanent'],
    });
    expect(await find('2001:db8::1')).toMatchObject({ device: 'eth0', family: 'ipv6', prefix: 64, scope: 'global' });
    expect((await find('2001:db8::1'))?.flags).toContain('nodad');
    expect(await find('127.0.0.1')).toMatchObject({ device: 'lo', scope: 'host', prefix: 8 });
  });

  test('are added with scope, label and broadcast, and deleted, leaving the host as it was', async () => {
    const before = await host.run('ip', '-d', 'address');
    const spec = { device: 'eth0', address: '10.0.0.100', prefix: 32 } as const;
    await client.addAddress({ ...spec, scope: 'link', label: 'eth0:vip', broadcast: '10.0.0.100' });
    expect(await host.run('ip', '-o', 'address', 'show', 'to', '10.0.0.100')).toContain(
      'inet 10.0.0.100/32 brd 10.0.0.100 scope link eth0:vip',
    );
    expect(await find('10.0.0.100')).toMatchObject({ scope: 'link', label: 'eth0:vip', broadcast: '10.0.0.100' });
    expect(await rejection(client.addAddress(spec))).toMatchObject({
      code: 'EEXIST',
      message: expect.stringContaining('add address 10.0.0.100/32 on eth0: EEXIST'),
    });
    await client.deleteAddress(spec);
    expect(await rejection(client.deleteAddress(spec))).toMatchObject({ code: 'EADDRNOTAVAIL' });
    expect(await host.run('ip', '-d', 'address')).toBe(before);
  });

  test('of IPv6 are added without detection, and without the route to their network', async () => {
    await client.addAddress({ device: 'lo', address: '2001:db8::100', prefix: 128, nodad: true });
    await client.addAddress({
      device: 'eth0',
      address: '2001:db8:5::1',
      prefix: 64,
      nodad: true,
      noprefixroute: true,
    });
    expect((await find('2001:db8::100'))?.flags).toEqual(expect.arrayContaining(['nodad', 'permanent']));
    expect((await find('2001:db8:5::1'))?.flags).toContain('noprefixroute');
    // The kernel adds its own route to the address a moment later (addrconf_dad_work).
    const destinations = async () => (await client.routes('ipv6')).map(({ destination }) => destination);
    await expect.poll(destinations).toContain('2001:db8:5::1/128');
    expect(await destinations()).not.toContain('2001:db8:5::/64');
    await client.deleteAddress({ device: 'lo', address: '2001:db8::100', prefix: 128 });
    await client.deleteAddress({ device: 'eth0', address: '2001:db8:5::1', prefix: 64 });
  });

  test('of IPv6 may be none that the host chooses as its own', async () => {
    const address = { device: 'eth0', address: '2001:db8::100', prefix: 128 };
    await client.addAddress({ ...address, nodad: true, deprecated: true });
    // The kernel looks at lifetimes a moment later (addrconf_verify_work).
    await expect.poll(async () => (await find('2001:db8::100'))?.flags).toContain('deprecated');
    expect(await host.run('ip', '-6', 'address', 'show', 'dev', 'eth0')).toMatch(
      /2001:db8::100\/128 scope global nodad deprecated \n\s*valid_lft forever preferred_lft 0sec/,
    );
    await client.deleteAddress(address);
  });

  test('a second one of a network is secondary; a point-to-point one has its peer', async () => {
    await client.addAddress({ device: 'eth0', address: '10.0.0.7', prefix: 24 });
    await host.ip('address add 10.9.0.1 peer 10.9.0.2/32 dev eth0');
    expect((await find('10.0.0.7'))?.flags).toContain('secondary');
    expect(await find('10.9.0.1')).toMatchObject({ prefix: 32, peer: '10.9.0.2' });
    await client.deleteAddress({ device: 'eth0', address: '10.0.0.7', prefix: 24 });
    await host.ip('address del 10.9.0.1 peer 10.9.0.2/32 dev eth0');
  });
});

describe('routes', () => {
  const dump = async () => (await host.run('ip', '-d', 'route')) + (await host.run('ip', '-d', '-6', 'route'));

  test('are made as ip makes them', async () => {
    await client.addRoute({
      destination: '10.1.0.0/24',
      gateway: '10.0.0.254',
      metric: 5,
      preferredSource: '10.0.0.1',
    });
    await client.addRoute({ destination: '10.2.0.1', device: 'eth0', protocol: 'static' });
    await client.addRoute({ destination: '10.3.0.0/16', gateway: '172.31.0.1', device: 'eth0', onlink: true });
    await client.addRoute({ destination: '10.4.0.0/16', gateway: '2001:db8::9', device: 'eth0' });
    await client.addRoute({ destination: '10.5.0.0/16', type: 'blackhole' });
    await client.addRoute({ destination: '10.6.0.0/16', type: 'local', device: 'lo' });
    await client.addRoute({ destination: '2001:db8:1::/48', gateway: '2001:db8::254' });
    const ours = await dump();
    const local = await host.run('ip', '-d', 'route', 'show', 'table', 'local', '10.6.0.0/16');

    const entries = [...(await client.routes('ipv4')), ...(await client.routes('ipv6'))];
    const made = entries.filter(({ destination }) => /^10\.[1-6]\.|^2001:db8:1:/.test(destination));
    expect(made).toHaveLength(7);
    expect(made).toContainEqual(
      expect.objectContaining({ destination: '10.4.0.0/16', gateway: '2001:db8::9', device: 'eth0' }),
    );
    expect(made).toContainEqual(expect.objectContaining({ destination: '10.3.0.0/16', onlink: true }));
    expect(made).toContainEqual(expect.objectContaining({ destination: '10.6.0.0/16', type: 'local', table: 'local' }));
    for (const route of made) await client.deleteRoute(route);

    await host.ip(
      'route add 10.1.0.0/24 via 10.0.0.254 metric 5 src 10.0.0.1',
      'route add 10.2.0.1 dev eth0 proto static',
      'route add 10.3.0.0/16 via 172.31.0.1 dev eth0 onlink',
      'route add 10.4.0.0/16 via inet6 2001:db8::9 dev eth0',
      'route add blackhole 10.5.0.0/16',
      'route add local 10.6.0.0/16 dev lo',
      'route add 2001:db8:1::/48 via 2001:db8::254',
    );
    expect(await dump()).toBe(ours);
    expect(await host.run('ip', '-d', 'route', 'show', 'table', 'local', '10.6.0.0/16')).toBe(local);
    for (const route of made) await client.deleteRoute(route);
  });

  test('are refused, replaced and deleted by their destination and metric', async () => {
    const route = { destination: '0.0.0.0/0', gateway: '10.0.0.254' };
    await client.addRoute(route);
    expect(await rejection(client.addRoute(route))).toMatchObject({
      code: 'EEXIST',
      message: 'add route 0.0.0.0/0 via 10.0.0.254: EEXIST',
    });
    await client.replaceRoute({ ...route, gateway: '10.0.0.253' });
    expect(await host.run('ip', 'route', 'show', 'default')).toContain('via 10.0.0.253');
    await client.deleteRoute({ destination: '0.0.0.0/0' });
    expect(await rejection(client.deleteRoute({ destination: '0.0.0.0/0' }))).toMatchObject({ code: 'ESRCH' });
    expect(await rejection(client.addRoute({ destination: '10.1.0.0/24', gateway: '172.31.0.1' }))).toMatchObject({
      code: 'ENETUNREACH',
      message: expect.stringContaining('Nexthop has invalid gateway'),
    });
  });

  test("are put back from the kernel's own words, whatever they are", async () => {
    await host.ip(
      'link add dummy2 type dummy',
      'link set dummy2 up',
      'nexthop add id 5 via 10.0.0.9 dev eth0',
      'route add 10.21.0.0/24 via 10.0.0.5 mtu lock 1400 advmss 1300 rtt 30ms metric 5 realm 3',
      'route add 10.22.0.0/24 nexthop via 10.0.0.5 weight 2 nexthop via 10.0.0.6',
      'route add 10.23.0.0/24 nhid 5',
      'route add 10.24.0.0/24 via inet6 2001:db8::9 dev eth0',
      'route add unreachable 10.25.0.0/24 metric 9',
      'route add 10.26.0.0/24 tos 0x10 dev eth0 scope host',
      'route add 2001:db8:21::/48 via 2001:db8::5 dev eth0 pref high mtu 1300 quickack 1',
      'route add 2001:db8:22::/48 nexthop via 2001:db8::5 dev eth0 nexthop via 2001:db8::6 dev eth0 weight 3',
    );
    const before = await dump();
    const taken = [...(await client.routes('ipv4')), ...(await client.routes('ipv6'))].filter(({ destination }) =>
      /^10\.2\d\.|^2001:db8:2[12]:/.test(destination),
    );
    expect(taken).toHaveLength(8);
    for (const route of taken) await client.withdrawRoute(route);
    expect(await client.routes('ipv4')).not.toContainEqual(expect.objectContaining({ destination: '10.22.0.0/24' }));
    for (const route of taken) await client.restoreRoute(route);
    expect(await dump()).toBe(before);

    const [first] = taken;
    if (first === undefined) throw new Error('no route was taken');
    expect(await rejection(client.restoreRoute(first))).toMatchObject({ code: 'EEXIST' });
    for (const route of taken) await client.withdrawRoute(route);
    await host.ip('nexthop del id 5', 'link del dummy2');
  });

  test('that were dead when they were read are put back', async () => {
    await using other = await Lan.create();
    const router = await other.host('router', '10.0.0.1/24');
    await using routes = await RouteClient.open({ netns: router.namespacePath });
    await router.ip(
      'link add veth9 type veth peer name veth8',
      'link set veth9 up',
      'address add 10.30.0.1/24 dev veth9',
      'route add 10.31.0.0/24 via 10.30.0.2',
      'route add 10.32.0.0/24 nexthop via 10.30.0.2 nexthop via 10.0.0.2',
    );
    // The kernel marks the routes of a device without a carrier a moment after it is up, one after the other.
    const settled = async () => {
      const text = await router.run('ip', '-d', 'route');
      expect(text.match(/linkdown/g)).toHaveLength(3);
      return text;
    };
    const before = await vi.waitFor(settled, 10_000);
    const taken = (await routes.routes('ipv4')).filter(({ destination }) => /^10\.3[12]\./.test(destination));
    for (const route of taken) await routes.withdrawRoute(route);
    for (const route of taken) await routes.restoreRoute(route.message);
    expect(await router.run('ip', '-d', 'route')).toBe(before);
  });

  test('with an end to their time keep it', async () => {
    await host.ip('route add 2001:db8:40::/48 dev eth0 expires 1000');
    const isOurs = ({ destination }: { destination: string }) => destination === '2001:db8:40::/48';
    const route = (await client.routes('ipv6')).find(isOurs);
    if (route === undefined) throw new Error('the route is not listed');
    await client.withdrawRoute(route);
    expect(await rejection(client.withdrawRoute(route))).toMatchObject({ code: 'ESRCH' });
    await client.restoreRoute(route);
    expect(await host.run('ip', '-6', 'route', 'show', '2001:db8:40::/48')).toMatch(/expires (1000|99\d)sec/);
    await client.deleteRoute(route);
  });
});

test('neighbours are listed with their state', async () => {
  await host.ip(
    'neighbour add 10.0.0.50 lladdr 02:00:00:00:00:50 dev eth0 nud permanent',
    'neighbour add 2001:db8::50 lladdr 02:00:00:00:00:51 dev eth0 nud stale',
  );
  const neighbours = await client.neighbours();
  const mac = '02:00:00:00:00:50';
  expect(neighbours).toContainEqual({ device: 'eth0', family: 'ipv4', address: '10.0.0.50', mac, state: 'permanent' });
  expect(neighbours).toContainEqual(
    expect.objectContaining({ family: 'ipv6', address: '2001:db8::50', mac: '02:00:00:00:00:51', state: 'stale' }),
  );
});

test('nothing is sent for what can be seen to be wrong', async () => {
  const spec = { device: 'eth0', address: '10.0.0.300', prefix: 32 };
  expect(await rejection(client.addAddress(spec))).toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: 'address: address: "10.0.0.300" is not an IPv4 or IPv6 address',
  });
  for (const destination of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'default', '10.0.0.0/-1']) {
    expect(await rejection(client.addRoute({ destination }))).toMatchObject({ issues: [{ path: 'destination' }] });
  }
  expect(await rejection(client.addRoute({ destination: '::/0', metric: -1 }))).toMatchObject({
    issues: [{ path: 'metric' }],
  });
});

test('the process stays in its own namespace, whose devices are its own', async () => {
  const before = readlinkSync('/proc/thread-self/ns/net');
  await using inside = await RouteClient.open({ netns: host.namespace });
  expect((await inside.links()).map(({ name }) => name)).toContain('eth0');
  expect(readlinkSync('/proc/thread-self/ns/net')).toBe(before);
  await using own = await RouteClient.open();
  expect((await own.addresses()).map(({ address }) => address)).not.toContain('10.0.0.1');
});

test('a namespace that is not there is named', async () => {
  expect(await rejection(RouteClient.open({ netns: 'nowhere' }))).toMatchObject({
    code: 'ERR_UNAVAILABLE',
    message: 'the network namespace /run/netns/nowhere cannot be entered: open: ENOENT',
  });
});

describe('what the kernel would do with a packet', () => {
  test('that this host sends', async () => {
    expect(await client.lookUpRoute({ destination: '10.0.0.7' })).toEqual({ local: false, device: 'eth0' });
    expect(await client.lookUpRoute({ destination: '10.0.0.1' })).toEqual({ local: true, device: 'lo' });
    expect(await rejection(client.lookUpRoute({ destination: '192.0.2.1' }))).toMatchObject({ code: 'ENETUNREACH' });
    expect(await rejection(client.lookUpRoute({ destination: '2001:db8:9::1' }))).toMatchObject({
      code: 'ENETUNREACH',
    });
    await host.ip('route add 192.0.2.0/24 via 10.0.0.254', 'route add 2001:db8:9::/64 via 2001:db8::fe');
    const gateway = { local: false, device: 'eth0', gateway: '10.0.0.254' };
    expect(await client.lookUpRoute({ destination: '192.0.2.1', source: '10.0.0.1' })).toEqual(gateway);
    expect(await client.lookUpRoute({ destination: '2001:db8:9::1' })).toMatchObject({ gateway: '2001:db8::fe' });
    await host.ip('route del 192.0.2.0/24', 'route del 2001:db8:9::/64');
  });

  test('that comes in: taken, filtered or not forwarded', async () => {
    const packet = { destination: '10.0.0.1', source: '192.0.2.1', from: 'eth0' };
    expect(await client.lookUpRoute(packet)).toEqual({ local: true, device: 'lo' });
    await host.sysctl({ 'net.ipv4.conf.eth0.rp_filter': 1 });
    expect(await rejection(client.lookUpRoute(packet))).toMatchObject({ code: 'EXDEV' });
    // A policy rule knows a way back.
    await host.ip('route add default via 10.0.0.254 table 77', 'rule add to 192.0.2.0/24 table 77');
    expect(await client.lookUpRoute(packet)).toEqual({ local: true, device: 'lo' });
    await host.ip('rule del to 192.0.2.0/24 table 77', 'route flush table 77');
    await host.sysctl({ 'net.ipv4.conf.eth0.rp_filter': 0 });
    const through = { destination: '10.0.0.9', source: '10.0.0.8', from: 'eth0' };
    expect(await rejection(client.lookUpRoute(through))).toMatchObject({ code: 'EHOSTUNREACH' });
    expect(await rejection(client.lookUpRoute({ ...through, from: 'eth9' }))).toMatchObject({ code: 'ENODEV' });
  });
});
