/**
 * Networks inside the lab: namespaces as hosts, joined by a bridge.
 *
 *     await using lan = await Lan.create();
 *     const client = await lan.host('client', '10.0.0.1/24');
 *     const server = await lan.host('rs1', '10.0.0.11/24');
 *     await server.serveHttp();
 *     await client.httpGet('http://10.0.0.11/');   // 'rs1'
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

/** Some hosts on one bridge. The bridge lives in a namespace too, so that nothing is left or met in the lab's own. */
export class Lan implements AsyncDisposable {
  readonly #prefix: string;
  readonly #hosts: Host[] = [];

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /**
   * Makes an empty network. The namespaces of its hosts are named by the prefix and the host's name; the default prefix
   * keeps networks apart, an empty one reads better in a program that has only one.
   */
  static async create({ prefix = `lan${process.pid}-${++networks}-` } = {}): Promise<Lan> {
    if (!insideLab()) throw new Error('Networks are made in the lab only, not on the machine itself');
    const lan = new Lan(prefix);
    await ip(`netns add ${lan.#switch}`);
    await ipIn(lan.#switch, 'link add bridge type bridge', 'link set bridge up');
    return lan;
  }

  get #switch(): string {
    return `${this.#prefix}switch`;
  }

  /** Adds a host whose eth0 is on the bridge and has these addresses (`10.0.0.1/24`, `fd00::1/64`). */
  async host(name: string, ...addresses: string[]): Promise<Host> {
    const host = new Host(name, `${this.#prefix}${name}`);
    this.#hosts.push(host);
    // Interface names have room for 15 characters: numbers fit.
    const port = `port${this.#hosts.length}`;
    await ip(`netns add ${host.namespace}`);
    await ipIn(
      this.#switch,
      `link add ${port} type veth peer name eth0 netns ${host.namespace}`,
      `link set ${port} master bridge up`,
    );
    await host.ip('link set lo up', 'link set eth0 up', ...addresses.map((address) => addAddress(address, 'eth0')));
    return host;
  }

  /** Ends what runs on the hosts and removes them and the bridge. */
  async [Symbol.asyncDispose](): Promise<void> {
    const hosts = this.#hosts.splice(0);
    await Promise.all(hosts.map((host) => host.endProcesses()));
    const namespaces = [...hosts.map((host) => host.namespace), this.#switch];
    await ip(...namespaces.map((namespace) => `netns delete ${namespace}`));
  }
}

/** A host of a {@link Lan}: a network namespace with lo and eth0 up. */
export class Host {
  /** What it was called when it was made. */
  readonly name: string;
  /** The name of its namespace, as `ip netns` knows it. */
  readonly namespace: string;
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

  /** Sends HTTP requests, each by a connection of its own, and returns the answers' bodies. @throws ProcessError */
  async httpGet(url: string, times = 1): Promise<string[]> {
    const urls = Array<string>(times).fill(url);
    const answers = await this.run(
      'curl',
      '--silent',
      '--show-error',
      '--fail',
      '--globoff',
      '--max-time',
      '10',
      ...urls,
    );
    return answers.trimEnd().split('\n');
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
