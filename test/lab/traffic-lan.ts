/**
 * A client, a director and two real servers on one wire, all of which talk (traffic.ts), for every way of forwarding. The client
 * calls for NAT from a network of its own, so that the servers answer it through the director; for the other ways its network is theirs.
 */
import type { Family } from '../../src/address/ip.js';
import { type Host, Lan } from './network.js';
import { succeed } from './process.js';
import { Traffic } from './traffic.js';

/** What is where, in each family. */
export const ADDRESSES = {
  ipv4: {
    servers: ['10.0.0.11', '10.0.0.12'],
    clients: ['10.0.0.1', '10.0.0.3'],
    virtual: { nat: '10.0.9.100', dr: '10.0.0.100', tun: '10.0.0.100', marked: '10.0.0.101' },
  },
  ipv6: {
    servers: ['fd00::11', 'fd00::12'],
    clients: ['fd00::1', 'fd00::3'],
    virtual: { nat: 'fd09::100', dr: 'fd00::100', tun: 'fd00::100', marked: 'fd00::101' },
  },
} as const satisfies Record<Family, object>;

/** The firewall mark of what is sent to the `marked` addresses. */
export const MARK = 7;
/** Ports that the real servers listen on, for TCP and UDP. */
export const PORTS = [80, 81, 82, 83, 84, 85] as const;

const SERVED = (['ipv4', 'ipv6'] as const).flatMap((family) => {
  const { dr, marked } = ADDRESSES[family].virtual;
  return [dr, marked];
});

/** The network. */
export class TrafficLan implements AsyncDisposable {
  readonly lan: Lan;
  readonly director: Host;
  readonly client: Traffic;
  /** `rs1` and `rs2`. */
  readonly servers: readonly [Traffic, Traffic];

  private constructor(lan: Lan, director: Host, client: Traffic, servers: readonly [Traffic, Traffic]) {
    this.lan = lan;
    this.director = director;
    this.client = client;
    this.servers = servers;
  }

  static async create(): Promise<TrafficLan> {
    await succeed('modprobe', ['-a', ...TUNNELS]);
    const lan = await Lan.create();
    const director = await directorOn(lan, 'director');
    const clients = [...ADDRESSES.ipv4.clients, '10.0.9.1'].map((address) => `${address}/24`);
    const clients6 = [...ADDRESSES.ipv6.clients, 'fd09::1'].map((address) => `${address}/64`);
    const client = await lan.host('client', ...clients, ...clients6);
    const servers: [Traffic, Traffic] = [await serverOn(lan, 0), await serverOn(lan, 1)];
    return new TrafficLan(lan, director, new Traffic(client), servers);
  }

  /** Cuts the director off and puts another one in its place, with its addresses and an empty table. */
  async replaceDirector(): Promise<Host> {
    await this.director.ip('link set eth0 down');
    const other = await directorOn(this.lan, 'standby');
    await other.ip(`link set eth0 address ${this.director.interfaces[0]?.mac}`);
    return other;
  }

  /** `client`, `director`, `rs1` or `rs2`. */
  host(name: string): Host {
    const found = this.lan.hosts.find((host) => host.name === name);
    if (found === undefined) throw new Error(`There is no host ${name}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.client, ...this.servers].map((traffic) => traffic[Symbol.asyncDispose]()));
    await this.lan[Symbol.asyncDispose]();
    // They give every new namespace their devices, which other tests do not expect.
    await succeed('modprobe', ['-r', ...TUNNELS]);
  }
}

const TUNNELS = ['ipip', 'ip6_tunnel'];

/** A virtual address of IPv6 is never the source of the director's own packets, such as those of a tunnel. */
const DIRECTOR = [
  ...['10.0.0.2/24', '10.0.9.2/24', '10.0.9.100/32', '10.0.0.100/32', '10.0.0.101/32'],
  ...['fd00::2/64', 'fd09::2/64'],
  ...['fd09::100/128', 'fd00::100/128', 'fd00::101/128'].map((address) => `${address} preferred_lft 0`),
];

async function directorOn(lan: Lan, name: string): Promise<Host> {
  const director = await lan.host(name);
  await director.ip(
    ...DIRECTOR.map((address) => `address add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`),
  );
  await director.sysctl({
    'net.ipv4.ip_forward': 1,
    'net.ipv4.conf.all.send_redirects': 0,
    'net.ipv4.conf.eth0.send_redirects': 0,
    'net.ipv6.conf.all.forwarding': 1,
  });
  const marks = (['ipv4', 'ipv6'] as const).map((family) => {
    const program = family === 'ipv4' ? 'iptables-legacy' : 'ip6tables-legacy';
    return `${program} -t mangle -A PREROUTING -d ${ADDRESSES[family].virtual.marked} -j MARK --set-mark ${MARK}`;
  });
  await director.run('sh', '-ec', marks.join('\n'));
  return director;
}

async function serverOn(lan: Lan, index: 0 | 1): Promise<Traffic> {
  const name = `rs${index + 1}`;
  const [address, address6] = [ADDRESSES.ipv4.servers[index], ADDRESSES.ipv6.servers[index]];
  const host = await lan.host(name, `${address}/24`, `${address6}/64`);
  await host.sysctl({
    'net.ipv4.conf.all.arp_ignore': 1,
    'net.ipv4.conf.all.arp_announce': 2,
    'net.ipv6.conf.all.accept_redirects': 0,
    'net.ipv6.conf.eth0.accept_redirects': 0,
  });
  await host.ip(
    'route add default via 10.0.0.2',
    'route add default via fd00::2',
    'link set tunl0 up',
    'link set ip6tnl0 up',
    ...SERVED.map((each) => `address add ${each}/${each.includes(':') ? '128 dev lo nodad' : '32 dev lo'}`),
  );
  const traffic = new Traffic(host);
  const udp = [address, address6, ...SERVED].flatMap((each) => PORTS.map((port) => ({ address: each, port })));
  await traffic.listen(name, { tcp: PORTS, udp });
  return traffic;
}
