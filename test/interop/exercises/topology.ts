/**
 * Networks as data: which hosts there are, on which wires, and what becomes the director and the real servers. And the
 * making of them, up to the point where requests are answered.
 *
 * @module
 */
import type { HostStepId } from '../../../src/host/step.js';
import { Ipvs, type Service } from '../../../src/index.js';
import type { Director } from '../../../src/model/director.js';
import type { RealServer } from '../../../src/model/real-server.js';
import { Capture } from '../../lab/capture.js';
import { type Host, Lan } from '../../lab/network.js';
import { setUpDirector, setUpRealServer } from './setup.js';

/** A host as it is before anything of LVS is done to it. */
export interface HostDescription {
  /** eth0, eth1, ...: the wire, and the addresses on it. */
  readonly interfaces: readonly (readonly [wire: string, ...addresses: string[]])[];
  /** Routers to everything else. */
  readonly gateways?: readonly string[];
  readonly sysctls?: Readonly<Record<string, string | number>>;
}

/** A director, real servers, and what is around them. */
export interface Topology {
  readonly hosts: Readonly<Record<string, HostDescription>>;
  /** What `director` is to be; several where IPv4 and IPv6 are described apart. */
  readonly director: readonly Director[];
  /** What every host whose name begins with `rs` is to be. */
  readonly realServer: readonly RealServer[];
  /** By which addresses the director knows the real servers. */
  readonly realServers: Readonly<Record<string, readonly string[]>>;
  /** The ports that real servers listen on; default 80. */
  readonly ports?: readonly number[];
}

/** Which steps are left out, by their ids; default none. */
export interface Omissions {
  readonly director?: readonly HostStepId[];
  readonly realServer?: readonly HostStepId[];
}

/** A topology that has come to life. */
export class Cluster implements AsyncDisposable {
  readonly topology: Topology;
  readonly lan: Lan;
  readonly capture: Capture;
  readonly ipvs: Ipvs;

  private constructor(topology: Topology, lan: Lan, capture: Capture, ipvs: Ipvs) {
    this.topology = topology;
    this.lan = lan;
    this.capture = capture;
    this.ipvs = ipvs;
  }

  /** Makes the network, sets up the director and the real servers, and lets those serve HTTP. The table is empty. */
  static async create(topology: Topology, without: Omissions = {}): Promise<Cluster> {
    const lan = await Lan.create();
    for (const [name, description] of Object.entries(topology.hosts)) await addHost(lan, name, description);
    const director = find(lan, 'director');
    if (topology.director.some(({ mode }) => mode === 'tun')) await director.run('modprobe', 'ipip');
    for (const description of topology.director) await setUpDirector(director, description, without.director ?? []);
    const servers = Object.keys(topology.realServers).map((name) => find(lan, name));
    for (const server of servers) {
      for (const description of topology.realServer)
        await setUpRealServer(server, description, without.realServer ?? []);
    }
    await Promise.all(servers.flatMap((server) => (topology.ports ?? [80]).map((port) => server.serveHttp(port))));
    const capture = await Capture.start(lan);
    return new Cluster(topology, lan, capture, await Ipvs.open({ netns: director.namespacePath }));
  }

  /** One of its hosts. */
  host(name: string): Host {
    return find(this.lan, name);
  }

  /**
   * Puts services in the place of those that are in the table, with every real server of the service's family behind each.
   * Without a port, destinations have that of the service. Weights: of the real servers, in their order.
   */
  async serve(services: readonly Service[], { weights = [] as readonly number[] } = {}): Promise<void> {
    await this.ipvs.flush();
    const forward = this.topology.director[0]?.mode;
    const sixth = (address: string) => address.includes(':');
    for (const service of services) {
      await this.ipvs.addService(service);
      const six = service.protocol === 'fwmark' ? service.family === 'ipv6' : sixth(service.address);
      const port = service.protocol === 'fwmark' ? 0 : service.port;
      for (const [index, addresses] of Object.values(this.topology.realServers).entries()) {
        const address = addresses.find((one) => sixth(one) === six) ?? '';
        const weight = weights[index] ?? 1;
        await this.ipvs.addDestination(service, { address, port, weight, ...(forward && { forward }) });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ipvs.close();
    await this.capture[Symbol.asyncDispose]();
    await this.lan[Symbol.asyncDispose]();
  }
}

async function addHost(lan: Lan, name: string, description: HostDescription): Promise<void> {
  const host = await lan.bareHost(name);
  for (const [wire, ...addresses] of description.interfaces) await lan.wire(wire).connect(host, ...addresses);
  const { gateways = [], sysctls } = description;
  if (gateways.length > 0) await host.ip(...gateways.map((gateway) => `route add default via ${gateway}`));
  if (sysctls !== undefined) await host.sysctl(sysctls);
}

function find(lan: Lan, name: string): Host {
  const host = lan.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`there is no host ${name}`);
  return host;
}
