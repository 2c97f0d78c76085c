/**
 * Networks inside the lab: namespaces as hosts, joined by a switch.
 *
 *     await using lan = await Lan.create();
 *     const client = await lan.host('client', '10.0.0.1/24');
 *     const server = await lan.host('rs1', '10.0.0.11/24');
 *     await server.serveHttp();
 *     await client.httpGet('http://10.0.0.11/');   // 'rs1'
 *
 * Hosts meet on a wire; a host with several interfaces joins several:
 *
 *     const router = await lan.host('router', '10.0.0.254/24');
 *     await lan.wire('inside').connect(router, '10.1.0.254/24');   // its eth1
 *     const inner = await lan.wire('inside').host('rs2', '10.1.0.12/24');
 *
 * Starting a process is what costs time in user-mode Linux (0.1 s), so `ip` does many things a call.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { insideLab } from './inside.js';
import { execute, type Finished, ProcessError, succeed } from './process.js';

const HTTP_SERVER = fileURLToPath(new URL('./http-server.mjs', import.meta.url));

let networks = 0;

/** The wire that {@link Lan.host} puts hosts on. */
const FIRST_WIRE = 'lan';

/**
 * Some hosts on the wires of one switch. The switch is a bridge, whose wires are VLANs: a capture on it (capture.ts) sees the
 * frames of all. It lives in a namespace too, so that nothing is left or met in the lab's own.
 */
export class Lan implements AsyncDisposable {
  readonly #prefix: string;
  readonly #hosts: Host[] = [];
  readonly #wires = new Map<string, Wire>();
  #ports = 0;

  private constructor(prefix: string) {
    this.#prefix = prefix;
    this.wire(FIRST_WIRE);
  }

  /**
   * Makes an empty network. The namespaces of its hosts are named by the prefix and the host's name; the default prefix
   * keeps networks apart, an empty one reads better in a program that has only one.
   */
  static async create({ prefix = `lan${process.pid}-${++networks}-` } = {}): Promise<Lan> {
    if (!insideLab()) throw new Error('Networks are made in the lab only, not on the machine itself');
    const lan = new Lan(prefix);
    await ip(`netns add ${lan.switch}`);
    await ipIn(lan.switch, 'link add bridge type bridge vlan_filtering 1', 'link set bridge up', 'link set lo up');
    return lan;
  }

  /** The namespace of the switch, whose device `bridge` all frames pass. */
  get switch(): string {
    return `${this.#prefix}switch`;
  }

  /** All hosts, in the order they were made. */
  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** All wires, in the order they were first named. */
  get wires(): readonly Wire[] {
    return [...this.#wires.values()];
  }

  /** The wire of this name; it is there once it is asked for. */
  wire(name: string): Wire {
    const known = this.#wires.get(name);
    if (known !== undefined) return known;
    const wire = new Wire(this, name, this.#wires.size + 1);
    this.#wires.set(name, wire);
    return wire;
  }

  /** Adds a host whose eth0 is on the first wire and has these addresses (`10.0.0.1/24`, `fd00::1/64`). */
  host(name: string, ...addresses: string[]): Promise<Host> {
    return this.wire(FIRST_WIRE).host(name, ...addresses);
  }

  /** Adds a host without interfaces; see {@link Wire.connect}. */
  async bareHost(name: string): Promise<Host> {
    const host = new Host(name, `${this.#prefix}${name}`);
    this.#hosts.push(host);
    await ip(`netns add ${host.namespace}`);
    await host.ip('link set lo up');
    return host;
  }

  /** A port of the switch that is not taken yet. */
  nextPort(): number {
    return ++this.#ports;
  }

  /** Ends what runs on the hosts and removes them and the switch. */
  async [Symbol.asyncDispose](): Promise<void> {
    const hosts = this.#hosts.splice(0);
    await Promise.all(hosts.map((host) => host.endProcesses()));
    const namespaces = [...hosts.map((host) => host.namespace), this.switch];
    await ip(...namespaces.map((namespace) => `netns delete ${namespace}`));
  }
}

/** What hosts meet on: whoever is on it hears the others' broadcasts. */
export class Wire {
  readonly name: string;
  /** The number that the switch has for it, from 1. */
  readonly vlan: number;
  readonly #lan: Lan;

  constructor(lan: Lan, name: string, vlan: number) {
    this.#lan = lan;
    this.name = name;
    this.vlan = vlan;
  }

  /** Adds a host whose eth0 is on this wire. */
  async host(name: string, ...addresses: string[]): Promise<Host> {
    const host = await this.#lan.bareHost(name);
    await this.connect(host, ...addresses);
    return host;
  }

  /** Gives a host its next interface (eth0, eth1, ...), on this wire. */
  async connect(host: Host, ...addresses: string[]): Promise<void> {
    const number = this.#lan.nextPort();
    // Interface names have room for 15 characters: numbers fit.
    const port = `port${number}`;
    const device = `eth${host.interfaces.length}`;
    const mac = `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`;
    host.interfaces.push({ device, mac, wire: this.name });
    await ipIn(
      this.#lan.switch,
      `link add ${port} type veth peer name ${device} address ${mac} netns ${host.namespace}`,
      `link set ${port} master bridge up`,
    );
    if (this.vlan !== 1) {
      const vlans = [`vlan delete dev ${port} vid 1`, `vlan add dev ${port} vid ${this.vlan} pvid untagged`];
      await succeed('bridge', ['-netns', this.#lan.switch, '-batch', '-'], `${vlans.join('\n')}\n`);
    }
    // The link-local address too without duplicate address detection: no IPv6 neighbour is asked for anything before it.
    await host.ip(
      `link set ${device} addrgenmode none`,
      `link set ${device} up`,
      ...[linkLocal(mac), ...addresses].map((address) => addAddress(address, device)),
    );
  }
}

/** An Ethernet interface of a host. */
export interface Interface {
  readonly device: string;
  /** The same for the same network at every run. */
  readonly mac: string;
  /** The wire's name. */
  readonly wire: string;
}

/** A host of a {@link Lan}: a network namespace whose lo and Ethernet interfaces are up. */
export class Host {
  /** What it was called when it was made. */
  readonly name: string;
  /** The name of its namespace, as `ip netns` knows it. */
  readonly namespace: string;
  /** eth0, eth1, ... */
  readonly interfaces: Interface[] = [];
  readonly #processes = new Set<ChildProcess>();

  constructor(name: string, namespace: string) {
    this.name = name;
    this.namespace = namespace;
  }

  /** The namespace's file: what `Ipvs.open({ netns })` takes. */
  get namespacePath(): string {
    return `/run/netns/${this.namespace}`;
  }

  /** Runs a program to its end; an exit code other than 0 is a result, not an error. */
  exec(program: string, ...args: string[]): Promise<Finished> {
    return execute('ip', ['netns', 'exec', this.namespace, program, ...args]);
  }

  /** Runs a program that must succeed, and returns what it printed. @throws ProcessError */
  run(program: string, ...args: string[]): Promise<string> {
    return succeed('ip', ['netns', 'exec', this.namespace, program, ...args]);
  }

  /** Starts a program that runs until it is ended, at the latest with the network. */
  spawn(program: string, ...args: string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.namespace, program, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#processes.add(child);
    child.once('exit', () => this.#processes.delete(child));
    return child;
  }

  /** Runs `ip` commands in the namespace, all by one process: `host.ip('link add d0 type dummy', 'link set d0 up')`. */
  ip(...commands: string[]): Promise<string> {
    return ipIn(this.namespace, ...commands);
  }

  /** Adds an address in CIDR notation. */
  async addAddress(address: string, device = 'eth0'): Promise<void> {
    await this.ip(addAddress(address, device));
  }

  /** Sets sysctls of the namespace: `host.sysctl({ 'net.ipv4.ip_forward': 1 })`. */
  async sysctl(values: Readonly<Record<string, string | number>>): Promise<void> {
    const writes = Object.entries(values).map(
      ([name, value]) => `echo ${value} > /proc/sys/${name.replaceAll('.', '/')}`,
    );
    await this.run('sh', '-ec', writes.join('\n'));
  }

  /**
   * Makes the host a real server for direct routing: it takes packets for the virtual address, and leaves it to the director
   * to answer when the network asks who has it.
   */
  async acceptVirtualAddress(address: string): Promise<void> {
    if (address.includes(':')) return this.addAddress(`${address}/128`, 'lo');
    await this.sysctl({
      'net.ipv4.conf.all.arp_ignore': 1,
      'net.ipv4.conf.lo.arp_ignore': 1,
      'net.ipv4.conf.all.arp_announce': 2,
      'net.ipv4.conf.lo.arp_announce': 2,
    });
    await this.addAddress(`${address}/32`, 'lo');
  }

  /** Starts an HTTP server that answers with the host's name; resolves once it listens. */
  async serveHttp(port = 80): Promise<ChildProcess> {
    const server = this.spawn(process.execPath, HTTP_SERVER, this.name, String(port));
    const listening = server.stdout === null ? [] : once(server.stdout, 'data');
    const failed = once(server, 'exit').then(([code]) => {
      throw new Error(`the HTTP server of ${this.name} ended with code ${code}`);
    });
    await Promise.race([listening, failed]);
    // From here on its end is nobody's business.
    failed.catch(() => undefined);
    return server;
  }

  /**
   * Sends HTTP requests, each by a connection of its own, and returns the answers' bodies. `from`: which of its addresses
   * to call from. @throws ProcessError
   */
  async httpGet(url: string, times = 1, { from }: { from?: string } = {}): Promise<string[]> {
    const urls = Array<string>(times).fill(url);
    const source = from === undefined ? [] : ['--interface', from];
    const options = ['--silent', '--show-error', '--fail', '--globoff', '--max-time', '10', ...source];
    const answers = await this.run('curl', ...options, ...urls);
    return answers.trimEnd().split('\n');
  }

  /** Whether an HTTP request is answered within half a second, before TCP would try again. */
  async reaches(url: string): Promise<boolean> {
    const { code } = await this.exec('curl', '--silent', '--fail', '--globoff', '--max-time', '0.5', url);
    return code === 0;
  }

  /** Asks the network for the owner of an address (ARP or neighbour discovery), whatever is known of it already. */
  async askWhoHas(address: string, device = 'eth0'): Promise<void> {
    // An entry that has no state yet, and that is wanted at once.
    await this.ip(
      `neighbour flush to ${address} dev ${device}`,
      `neighbour replace ${address} dev ${device} nud none use`,
    );
  }

  /** Ends whatever {@link spawn} started. */
  async endProcesses(): Promise<void> {
    const ends = [...this.#processes].map(async (child) => {
      const end = once(child, 'exit');
      child.kill('SIGKILL');
      await end;
    });
    await Promise.all(ends);
  }
}

/** What the kernel would make of an Ethernet address (RFC 4291, appendix A). */
function linkLocal(mac: string): string {
  const [a = '', b, c, d, e, f] = mac.split(':');
  const first = (Number.parseInt(a, 16) ^ 2).toString(16);
  return `fe80::${first}${b}:${c}ff:fe${d}:${e}${f}/64`;
}

/** Without duplicate address detection, during which an IPv6 address can't be used for a second or two. */
function addAddress(address: string, device: string): string {
  return `address add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`;
}

function ip(...commands: string[]): Promise<string> {
  return succeed('ip', ['-batch', '-'], `${commands.join('\n')}\n`);
}

function ipIn(namespace: string, ...commands: string[]): Promise<string> {
  return succeed('ip', ['-netns', namespace, '-batch', '-'], `${commands.join('\n')}\n`);
}

export type { Finished };
export { ProcessError };
