/**
 * A director whose every scheduler can be asked: a client that has thousands of addresses, and real servers that swallow what
 * they get. Services go by firewall marks, so that one has many virtual addresses, TCP and UDP.
 *
 * @module
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Family, formatIP, parseIP } from '../../src/address/ip.js';
import { Ipvs } from '../../src/index.js';
import { type Host, Lan } from './network.js';
import { execute } from './process.js';
import type { Client } from './scheduler-model.js';

const CLIENT = fileURLToPath(new URL('./scheduler-client.mjs', import.meta.url));

/** Marks go from 1 to this; it is kept for the connection that tells that those before it were scheduled. */
const LAST_MARK = 120;

/** The addresses of one mark, as the SDK writes them. Hosts are numbers: 1 to 254, of clients up to 65535. */
export const addresses = {
  client: (family: Family, mark: number, host: number) =>
    normal(
      family === 'ipv4'
        ? `10.${128 + mark}.${host >> 8}.${host & 255}`
        : `fd01:0:0:${hex(mark)}:${hex((host * 40503) & 0xffff)}::${hex(host)}`,
    ),
  virtual: (family: Family, mark: number, host: number) =>
    normal(family === 'ipv4' ? `10.2.${mark}.${host}` : `fd02:0:0:${hex(mark)}::${hex(host)}`),
  server: (family: Family, mark: number, host: number) =>
    normal(family === 'ipv4' ? `10.3.${mark}.${host}` : `fd03::${hex(mark)}:${hex(host)}`),
  /** The network that all clients of the mark are in. */
  clients: (family: Family, mark: number) =>
    family === 'ipv4' ? `10.${128 + mark}.0.0/16` : `fd01:0:0:${hex(mark)}::/64`,
};

function hex(number: number): string {
  return number.toString(16);
}

function normal(address: string): string {
  const bytes = parseIP(address);
  if (bytes === undefined) throw new Error(`${address} is no address`);
  return formatIP(bytes);
}

export class SchedulerLan implements AsyncDisposable {
  readonly ipvs: Ipvs;
  readonly director: Host;
  readonly #lan: Lan;
  readonly #client: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;
  #markers = 0;

  private constructor(lan: Lan, director: Host, ipvs: Ipvs, client: ChildProcessByStdio<Writable, Readable, null>) {
    this.#lan = lan;
    this.director = director;
    this.ipvs = ipvs;
    this.#client = client;
    const lines: Interface = createInterface(client.stdout);
    this.#answers = lines[Symbol.asyncIterator]();
  }

  static async create(): Promise<SchedulerLan> {
    const lan = await Lan.create();
    const director = await lan.host('director', '10.9.0.1/24', '2001:db8:9::1/64');
    const client = await lan.host('client', '10.9.0.2/24', '2001:db8:9::2/64');
    await client.sysctl({ 'net.ipv6.ip_nonlocal_bind': 1 });
    await client.ip(
      'route add local 10.128.0.0/9 dev lo',
      'route add local fd01::/32 dev lo',
      'route add 10.2.0.0/16 via 10.9.0.1',
      'route add fd02::/32 via 2001:db8:9::1',
    );
    await director.ip(
      'route add local 10.2.0.0/16 dev lo',
      'route add local fd02::/32 dev lo',
      'route add 10.128.0.0/9 via 10.9.0.2',
      'route add fd01::/32 via 2001:db8:9::2',
      // What is sent to a dummy is gone, and needs no neighbour.
      'link add servers type dummy',
      'link set servers up',
      'address add 10.3.255.254/16 dev servers',
      'address add fd03::ffff:ffff/64 dev servers nodad',
    );
    await mark(director, 'iptables-legacy-restore', (number) => `10.2.${number}.0/24`);
    await mark(director, 'ip6tables-legacy-restore', (number) => `fd02:0:0:${hex(number)}::/64`);
    const ipvs = await Ipvs.open({ netns: director.namespacePath });
    await ipvs.addService({ protocol: 'fwmark', mark: LAST_MARK, scheduler: 'rr' });
    await ipvs.addDestination(
      { protocol: 'fwmark', mark: LAST_MARK },
      { address: addresses.server('ipv4', LAST_MARK, 1), weight: 1 },
    );
    const program = spawn('ip', ['netns', 'exec', client.namespace, process.execPath, CLIENT], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new SchedulerLan(lan, director, ipvs, program);
  }

  /** Starts connections in this order; resolves once the kernel has scheduled them all. */
  async connect(clients: readonly Client[]): Promise<void> {
    const marker: Client = {
      protocol: 'udp',
      source: addresses.client('ipv4', LAST_MARK, ++this.#markers),
      sourcePort: 1024,
      destination: addresses.virtual('ipv4', LAST_MARK, 1),
      destinationPort: 1024,
    };
    this.#client.stdin.write(`${JSON.stringify([...clients, marker])}\n`);
    const { done } = await this.#answers.next();
    if (done === true) throw new Error('The client ended');
    // Packets take the same way one behind the other: with this one, all have arrived.
    while ((await this.#markersSeen()) < this.#markers) await setTimeout(5);
  }

  async #markersSeen(): Promise<number> {
    const [entry] = await this.ipvs.listDestinations({ protocol: 'fwmark', mark: LAST_MARK });
    return entry?.inactiveConnections ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const end = once(this.#client, 'exit');
    this.#client.stdin.end();
    await end;
    await this.ipvs.close();
    await this.#lan[Symbol.asyncDispose]();
  }
}

/** Gives the packets for each network of virtual addresses the mark of that number. */
async function mark(director: Host, program: string, network: (mark: number) => string): Promise<void> {
  const marks = Array.from({ length: LAST_MARK }, (_, index) => index + 1);
  const rules = marks.map((number) => `-A PREROUTING -d ${network(number)} -j MARK --set-mark ${number}`);
  const input = ['*mangle', ...rules, 'COMMIT', ''].join('\n');
  const { code, stderr } = await execute('ip', ['netns', 'exec', director.namespace, program], input);
  if (code !== 0) throw new Error(`${program}: ${stderr}`);
}
