/**
 * No request gets through, and the doctor says why; once it does again, the doctor has nothing to say.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { examine } from '../../src/doctor/examine.js';
import type { ExamineOptions } from '../../src/doctor/gather.js';
import type { HostSetup } from '../../src/host/setup.js';
import { Host as SetUpHost } from '../../src/host.js';
import { Ipvs } from '../../src/index.js';
import type { Director } from '../../src/model/director.js';
import type { RealServer } from '../../src/model/real-server.js';
import { type Host, Lan } from '../lab/network.js';
import { succeed } from '../lab/process.js';

async function setUp({ namespacePath }: Host, setup: HostSetup): Promise<void> {
  const host = await SetUpHost.open({ netns: namespacePath });
  await host.apply(await host.plan(setup));
}

async function takeDown({ namespacePath }: Host): Promise<void> {
  const host = await SetUpHost.open({ netns: namespacePath });
  await host.revert({ role: 'real-server' });
}

async function look(host: Host, options: ExamineOptions = {}): Promise<string[]> {
  const findings = await examine({ ...options, netns: host.namespacePath });
  return findings.map(({ id, severity, subject }) => `${severity} ${id}: ${subject}`);
}

const sh = (host: Host, commands: string) => host.run('sh', '-ec', commands);

/** The port of the switch that a device of a host is connected to. */
function portOf({ interfaces }: Host, index: number): string {
  return `port${Number.parseInt(interfaces[index]?.mac.slice(-2) ?? '', 16)}`;
}

describe('DR with a public VIP and private real servers', () => {
  const VIP = '203.0.113.100';
  const director: Director = { mode: 'dr', device: 'eth0', vips: [VIP], gateway: '192.168.1.1' };
  const realServer: RealServer = { mode: 'dr', vips: [VIP], gateway: '192.168.1.1' };
  const hosts = new Map<string, Host>();
  const host = (name: string): Host => {
    const found = hosts.get(name);
    if (found === undefined) throw new Error(`there is no host ${name}`);
    return found;
  };
  let lan: Lan;

  beforeAll(async () => {
    lan = await Lan.create();
    const router = await lan.host('router', '203.0.113.1/24', '192.168.1.1/24');
    await lan.wire('world').connect(router, '198.51.100.1/24');
    await router.sysctl({ 'net.ipv4.ip_forward': 1 });
    const client = await lan.wire('world').host('client', '198.51.100.2/24');
    await client.ip('route add default via 198.51.100.1');
    const [d, rs1] = [await lan.host('director', '192.168.1.2/24'), await lan.host('rs1', '192.168.1.11/24')];
    await setUp(d, { role: 'director', description: director });
    await setUp(rs1, { role: 'real-server', description: realServer });
    await rs1.serveHttp();
    await using ipvs = await Ipvs.open({ netns: d.namespacePath });
    const service = { protocol: 'tcp', address: VIP, port: 80, scheduler: 'rr' } as const;
    await ipvs.addService(service);
    await ipvs.addDestination(service, { address: '192.168.1.11' });
    for (const one of lan.hosts) hosts.set(one.name, one);
  });
  afterAll(() => lan[Symbol.asyncDispose]());

  /**
   * What hosts remember of each other is gone after some minutes; here at once. Also a question about a host that could not
   * answer: it ends in "no route to host" for whoever waits, even if the host is back by then.
   */
  async function forgetNeighbours(): Promise<void> {
    for (const one of lan.hosts) await one.ip('neighbour flush all');
  }

  const ROUTE = 'ip route replace default via 192.168.1.1';
  test.each<[string, string, string, string, { director?: string[]; rs1?: string[] }]>([
    [
      'the source filter, without a default route',
      'director',
      'ip route del default; sysctl -qw net.ipv4.conf.all.rp_filter=1',
      `${ROUTE}; sysctl -qw net.ipv4.conf.all.rp_filter=0`,
      { director: ['error rp-filter-director: eth0'] },
    ],
    [
      "the director's device down",
      'director',
      'ip link set eth0 down',
      `ip link set eth0 up; ${ROUTE}`,
      { director: ['error device-down: eth0'] },
    ],
    [
      'a dead real server',
      'rs1',
      'ip link set eth0 down',
      `ip link set eth0 up; ${ROUTE}`,
      { director: ['error server-silent: 192.168.1.11'], rs1: ['error device-down: eth0', 'error gateway: 0.0.0.0/0'] },
    ],
    [
      'a real server without a way back',
      'rs1',
      'ip route del default',
      ROUTE,
      { rs1: ['error gateway: 0.0.0.0/0', 'error no-way-back: 0.0.0.0/0'] },
    ],
    [
      'the director as the gateway',
      'rs1',
      'ip route replace default via 192.168.1.2',
      ROUTE,
      { rs1: ['error gateway: 0.0.0.0/0', 'error gateway-is-director: 192.168.1.2'] },
    ],
    [
      'a director that answers no ARP request',
      'director',
      'sysctl -qw net.ipv4.conf.eth0.arp_ignore=8',
      'sysctl -qw net.ipv4.conf.eth0.arp_ignore=0',
      { director: ['error arp-mute: eth0'] },
    ],
    [
      'a real server that answers no ARP request',
      'rs1',
      'sysctl -qw net.ipv4.conf.all.arp_ignore=8',
      'sysctl -qw net.ipv4.conf.all.arp_ignore=1',
      { director: ['error server-silent: 192.168.1.11'], rs1: ['error arp-mute: eth0'] },
    ],
    [
      'a firewall that takes no requests',
      'director',
      'iptables-legacy -P INPUT DROP',
      'iptables-legacy -P INPUT ACCEPT',
      { director: [`error firewall: tcp://${VIP}:80`] },
    ],
    [
      'a real server that filters sources, with a default route by another device',
      'rs1',
      'ip link add d0 type dummy; ip link set d0 up; ip route replace default dev d0; sysctl -qw net.ipv4.conf.all.rp_filter=1',
      `ip link del d0; ${ROUTE}; sysctl -qw net.ipv4.conf.all.rp_filter=0`,
      { rs1: ['error gateway: 0.0.0.0/0', 'error rp-filter: eth0'] },
    ],
  ])('%s', async (_, name, wreck, repair, found) => {
    const url = `http://${VIP}/`;
    await sh(host(name), wreck);
    await forgetNeighbours();
    expect(await host('client').reaches(url)).toBe(false);
    if (found.director) expect(await look(host('director'))).toEqual(found.director);
    if (found.rs1) {
      expect(await look(host('rs1'), { role: 'real-server', description: realServer })).toEqual(found.rs1);
    }
    await sh(host(name), repair);
    await forgetNeighbours();
    await host('client').httpGet(url);
    expect(await look(host('director'), { role: 'director', description: director })).toEqual([]);
    expect(await look(host('rs1'))).toEqual([]);
  });

  test('a device without a carrier, also while the neighbour table still knows the real server', async () => {
    const port = portOf(host('director'), 0);
    await succeed('ip', ['-netns', lan.switch, 'link', 'set', port, 'down']);
    expect(await look(host('director'))).toEqual(['error device-down: eth0']);
    await succeed('ip', ['-netns', lan.switch, 'link', 'set', port, 'up']);
    await succeed('ip', ['-netns', lan.switch, 'link', 'set', portOf(host('rs1'), 0), 'down']);
    await host('director').ip('neighbour replace 192.168.1.11 lladdr 02:00:00:00:00:77 dev eth0 nud reachable');
    expect(await look(host('director'))).toEqual(['error server-silent: 192.168.1.11']);
    await succeed('ip', ['-netns', lan.switch, 'link', 'set', portOf(host('rs1'), 0), 'up']);
    await host('director').ip('neighbour del 192.168.1.11 dev eth0');
  });

  test('a router that is gone, seen from a real server', async () => {
    const port = portOf(host('router'), 0);
    await succeed('ip', ['-netns', lan.switch, 'link', 'set', port, 'down']);
    expect(await look(host('rs1'))).toEqual(['error gateway-silent: 192.168.1.1']);
    await succeed('ip', ['-netns', lan.switch, 'link', 'set', port, 'up']);
  });

  test('a client by name: the way back is looked at for that one', async () => {
    await host('rs1').ip('route add unreachable 198.51.100.0/24');
    expect(await look(host('rs1'))).toEqual([]);
    expect(await look(host('rs1'), { client: '198.51.100.2' })).toEqual(['error no-way-back: 198.51.100.2']);
    expect(await look(host('rs1'), { client: '192.0.2.2' })).toEqual([]);
    await host('rs1').ip('route del unreachable 198.51.100.0/24');
    await expect(look(host('rs1'), { client: '198.51.100' })).rejects.toMatchObject({ issues: [{ path: 'client' }] });
  });

  test('without CAP_NET_RAW it says that it did not ask', async () => {
    const module = new URL('../../dist/doctor/examine.js', import.meta.url);
    const options = JSON.stringify({ netns: host('director').namespacePath });
    const program = `const { examine } = await import('${module}'); console.log(JSON.stringify(await examine(${options})));`;
    const words = ['--bounding-set', '-net_raw', process.execPath, '--input-type=module', '-e', program];
    const findings = JSON.parse(await succeed('setpriv', words)) as { id: string }[];
    expect(findings.map(({ id }) => id)).toEqual(['not-probed']);
  });
});

describe('NAT between two networks', () => {
  const description: Director = {
    mode: 'nat',
    device: 'eth0',
    vips: ['10.0.0.100'],
    inside: { network: '10.1.0.0/24', device: 'eth1' },
  };
  const unseen = 'note nat-gateway-unseen: 10.1.0.11';
  const server: ExamineOptions = { role: 'real-server', description: { mode: 'nat', gateway: '10.1.0.1' } };
  let lan: Lan;
  let client: Host;
  let director: Host;
  let rs1: Host;

  beforeAll(async () => {
    lan = await Lan.create();
    client = await lan.host('client', '10.0.0.1/24');
    director = await lan.host('director', '10.0.0.2/24');
    await lan.wire('inside').connect(director, '10.1.0.1/24');
    rs1 = await lan.wire('inside').host('rs1', '10.1.0.11/24');
    await lan.wire('inside').host('other', '10.1.0.12/24');
    await setUp(director, { role: 'director', description });
    await setUp(rs1, { role: 'real-server', description: { mode: 'nat', gateway: '10.1.0.1' } });
    await rs1.serveHttp();
    await using ipvs = await Ipvs.open({ netns: director.namespacePath });
    const service = { protocol: 'tcp', address: '10.0.0.100', port: 80, scheduler: 'rr' } as const;
    await ipvs.addService(service);
    await ipvs.addDestination(service, { address: '10.1.0.11', forward: 'nat' });
  });
  afterAll(() => lan[Symbol.asyncDispose]());

  const reaches = () => client.reaches('http://10.0.0.100/');

  test('the inside device down is not blamed on redirects', async () => {
    await director.ip('link set eth1 down');
    expect(await reaches()).toBe(false);
    expect(await look(director)).toEqual(['error device-down: eth1', unseen]);
    expect(await look(director, { role: 'director', description })).toEqual(['error device-down: eth1', unseen]);
    await director.ip('link set eth1 up');
    await client.httpGet('http://10.0.0.100/');
    expect(await look(director)).toEqual([unseen]);
  });

  test('a firewall that forwards nothing, as Docker leaves it', async () => {
    await sh(director, 'iptables-legacy -P FORWARD DROP; iptables-legacy -A FORWARD -i docker0 -j ACCEPT');
    expect(await reaches()).toBe(false);
    expect(await look(director)).toEqual(['error firewall: answers of tcp://10.0.0.100:80', unseen]);
    // Connection tracking knows nothing of the connections of IPVS.
    await sh(director, 'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
    expect(await reaches()).toBe(false);
    expect(await look(director)).toEqual(['error firewall: answers of tcp://10.0.0.100:80', unseen]);
    await director.sysctl({ 'net.ipv4.vs.conntrack': 1 });
    await client.httpGet('http://10.0.0.100/');
    expect(await look(director)).toEqual([unseen]);
    await director.sysctl({ 'net.ipv4.vs.conntrack': 0 });
    await sh(director, 'iptables-legacy -A FORWARD -s 10.1.0.11/32 -p tcp -m tcp --sport 80 -j ACCEPT');
    await client.httpGet('http://10.0.0.100/');
    expect(await look(director)).toEqual([unseen]);
    await sh(director, 'iptables-legacy -F FORWARD; iptables-legacy -P FORWARD ACCEPT');
  });

  test('a route of the real server past the director', async () => {
    await rs1.ip('route add 10.0.0.0/24 via 10.1.0.12');
    expect(await reaches()).toBe(false);
    expect(await look(rs1, server)).toEqual(['warning route-past-director: 10.0.0.0/24']);
    expect(await look(rs1, { ...server, client: '10.0.0.1' })).toEqual(['error route-past-director: 10.0.0.1']);
    // It does not concern this one.
    expect(await look(rs1, { ...server, client: '192.0.2.1' })).toEqual([]);
    await rs1.ip('route del 10.0.0.0/24');
  });
});

test.each([
  ['none', 'IPv4', '10.0.0.', 24],
  ['csum', 'IPv4', '10.0.0.', 24],
  ['remcsum', 'IPv4', '10.0.0.', 24],
  ['csum', 'IPv6', 'fd00::', 64],
] as const)('GUE with checksum %s, %s', async (checksum, family, network, prefix) => {
  const modules = ['fou', 'ipip', 'ip6_tunnel'];
  await succeed('modprobe', ['-a', ...modules]);
  {
    await using lan = await Lan.create();
    const client = await lan.host('client', `${network}1/${prefix}`);
    const director = await lan.host('director', `${network}2/${prefix}`);
    const rs1 = await lan.host('rs1', `${network}11/${prefix}`);
    const vip = `${network}100`;
    const url = `http://${family === 'IPv6' ? `[${vip}]` : vip}/`;
    const common = { mode: 'tun', vips: [vip] } as const;
    const gue = { role: 'real-server', description: { ...common, tunnel: 'gue', port: 6080 } } as const;
    await setUp(director, { role: 'director', description: { ...common, device: 'eth0' } });
    await setUp(rs1, gue);
    await rs1.serveHttp();
    await using ipvs = await Ipvs.open({ netns: director.namespacePath });
    const service = { protocol: 'tcp', address: vip, port: 80, scheduler: 'rr' } as const;
    await ipvs.addService(service);
    await ipvs.addDestination(service, {
      address: `${network}11`,
      forward: 'tun',
      tunnel: { type: 'gue', port: 6080, checksum },
    });
    await client.httpGet(url);
    expect(await look(rs1, gue)).toEqual([]);
    await rs1.ip(`fou del port 6080${family === 'IPv6' ? ' -6' : ''}`);
    expect(await client.reaches(url)).toBe(false);
    expect(await look(rs1, gue)).toEqual([`error tunnel-down: UDP port 6080 (${family})`]);
    await setUp(rs1, gue);
    await client.httpGet(url);
    await takeDown(rs1);
    expect(await rs1.ip('fou show')).toBe('');
  }
  await succeed('modprobe', ['-r', ...modules]);
});

test('GRE with checksums: gre0 drops every packet', async () => {
  await succeed('modprobe', ['ip_gre']);
  {
    await using lan = await Lan.create();
    const client = await lan.host('client', '10.0.0.1/24');
    const director = await lan.host('director', '10.0.0.2/24');
    const rs1 = await lan.host('rs1', '10.0.0.11/24');
    const common = { mode: 'tun', vips: ['10.0.0.100'] } as const;
    await setUp(director, { role: 'director', description: { ...common, device: 'eth0' } });
    await setUp(rs1, { role: 'real-server', description: { ...common, tunnel: 'gre' } });
    await rs1.serveHttp();
    await using ipvs = await Ipvs.open({ netns: director.namespacePath });
    const service = { protocol: 'tcp', address: '10.0.0.100', port: 80, scheduler: 'rr' } as const;
    const destination = { address: '10.0.0.11', forward: 'tun' } as const;
    await ipvs.addService(service);
    await ipvs.addDestination(service, { ...destination, tunnel: { type: 'gre', checksum: 'csum' } as const });
    expect(await client.reaches('http://10.0.0.100/')).toBe(false);
    expect(await look(director)).toEqual(['note tunnel-checksum: 10.0.0.11', 'note tunnel-mtu: 10.0.0.11']);
    expect(await look(rs1)).toEqual(['error tunnel-checksum: gre0']);
    await takeDown(rs1);
    await setUp(rs1, { role: 'real-server', description: { ...common, tunnel: 'gre', checksum: true } });
    await client.httpGet('http://10.0.0.100/');
    expect(await look(rs1)).toEqual([]);
    await takeDown(rs1);
    expect(await rs1.run('ip', '-o', 'link', 'show')).not.toContain('ipvs-gre');
    await setUp(rs1, { role: 'real-server', description: { ...common, tunnel: 'gre' } });
    await ipvs.updateDestination(service, { ...destination, tunnel: { type: 'gre' } as const });
    await client.httpGet('http://10.0.0.100/');
    expect(await look(director)).toEqual(['note tunnel-mtu: 10.0.0.11']);
  }
  await succeed('modprobe', ['-r', 'ip_gre']);
});
