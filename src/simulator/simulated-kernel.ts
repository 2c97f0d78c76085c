/**
 * An IPVS kernel in memory: it takes the datagrams that the SDK sends, and answers with those that Linux would send.
 * @module
 */
import { formatIP } from '../address/ip.js';
import { parseNetwork } from '../address/network.js';
import { InvalidArgumentError, UnavailableError } from '../errors.js';
import { IP_VS_STATE_BACKUP } from '../kernel/constants.js';
import type { Kernel, KernelNetwork } from '../kernel/kernel.js';
import type { Transport } from '../netlink/transport.js';
import { controller } from './netlink/controller.js';
import type { GenericFamily } from './netlink/generic.js';
import { ipvsFamily } from './netlink/ipvs-family.js';
import { SimulatedSocket, type SocketOptions } from './netlink/socket.js';
import type { Padding } from './netlink/u64.js';
import { checkOptions, type SimulatedKernelOptions } from './options.js';
import { DEFAULT_RELEASE, type ReleaseTraits, traitsOf } from './release.js';
import { SCHEDULERS } from './schedulers/registry.js';
import type { SchedulerFactory } from './schedulers/scheduler.js';
import { Clock } from './table/clock.js';
import { Host, type LocalNetwork } from './table/host.js';
import { Namespace } from './table/namespace.js';
import { procConnections, procStats, procTable } from './table/proc.js';
import { DEFAULT_GROUP } from './table/sync-daemons.js';
import { changeSysctls, type Sysctls } from './table/sysctls.js';
import { Connections } from './traffic/connections.js';
import { type Opening, type Outcome, open } from './traffic/simulated-connection.js';
import { SyncReceiver } from './traffic/sync-messages.js';

/** A hundred years, in milliseconds: far beyond that the clock has no single milliseconds any more. */
const LONGEST_ADVANCE = 100 * 365.25 * 24 * 3600 * 1000;

/**
 * One network namespace of a kernel with IPVS: `Ipvs.open({ kernel: new SimulatedKernel() })`. Each is a world of its own;
 * all sockets of one see the same table.
 *
 * @example
 * ```ts
 * import { Ipvs } from 'ipvs-ts';
 * import { SimulatedKernel } from 'ipvs-ts/simulator';
 * const kernel = new SimulatedKernel({ addresses: ['192.0.2.1/24'] });
 * await using ipvs = await Ipvs.open({ kernel });
 * ```
 */
export class SimulatedKernel implements Kernel {
  readonly #namespace: Namespace;
  readonly #clock: Clock;
  readonly #connections: Connections;
  readonly #families: readonly GenericFamily[];
  readonly #admin: boolean;
  readonly #padding: Padding;
  readonly #traits: ReleaseTraits;
  readonly #receiveBuffer: number;
  #sockets = 0;

  /** @throws {InvalidArgumentError} for what no kernel could be. */
  constructor(options: SimulatedKernelOptions = {}) {
    checkOptions(options);
    const { capabilities = ['CAP_NET_ADMIN'], padding = 'none', release = DEFAULT_RELEASE } = options;
    this.#admin = capabilities.includes('CAP_NET_ADMIN');
    this.#padding = padding;
    this.#traits = traitsOf(release);
    this.#receiveBuffer = wholeNumber('receiveBuffer', options.receiveBuffer ?? RECEIVE_BUFFER, 0, 2 ** 31);
    this.#clock = new Clock(options.now ?? (() => performance.now()));
    const sysctls = () => this.#connections.sysctls;
    this.#namespace = makeNamespace(options, this.#traits, this.#clock, sysctls);
    this.#connections = new Connections(this.#namespace, this.#clock, options.sysctls);
    const ipvs = ipvsFamily(wholeNumber('familyNumber', options.familyNumber ?? 28, 17, 1023), this.#namespace);
    const families: GenericFamily[] = [ipvs];
    families.push(controller(families, this.#traits));
    this.#families = families;
  }

  socket(): Transport {
    return new TimelySocket(this.#connections, {
      portId: ++this.#sockets,
      families: this.#families,
      admin: this.#admin,
      receiveBuffer: this.#receiveBuffer,
      padding: this.#padding,
      smallHead: this.#traits.smallHead,
    });
  }

  async *proc(name: string): AsyncGenerator<string> {
    this.#connections.catchUp();
    switch (name) {
      case 'ip_vs':
        return yield* procTable(this.#namespace);
      case 'ip_vs_stats':
        return yield procStats(this.#namespace);
      case 'ip_vs_conn':
        return yield* procConnections(this.#connections);
      case 'fib_trie':
        return yield this.#namespace.options.host.fibTrie();
      default:
        throw new UnavailableError(`/proc/net/${name} cannot be read: ENOENT`);
    }
  }

  /** Devices without addresses, and groups that only a backup sync daemon is in. */
  readonly network: KernelNetwork = {
    isolatedDevice: async (name, mtu) => {
      const { host } = this.#namespace.options;
      host.addInterface({ name, mtu });
      return { name, [Symbol.asyncDispose]: async () => host.deleteInterface(name) };
    },
    groupSender: async ({ address, port, device }) => ({
      send: (datagram) => {
        const daemon = this.#namespace.daemons.get(IP_VS_STATE_BACKUP);
        if (daemon === undefined || daemon.interfaceName !== device || daemon.port !== port) return;
        if (formatIP(daemon.group?.address ?? DEFAULT_GROUP.address) !== address) return;
        if (datagram.length > daemon.maxLength) return;
        this.#connections.catchUp();
        new SyncReceiver(this.#namespace, this.#connections).receive(datagram, daemon.syncId);
      },
      [Symbol.dispose]: () => {},
    }),
  };

  ticksPerSecond(): number {
    return this.#namespace.options.encoding.ticksPerSecond;
  }

  /** Of those in {@link SimulatedKernel.sysctls}, by the kernel's whole name: `net.ipv4.vs.run_estimation`. */
  sysctl(name: string): string | undefined {
    const prefix = 'net.ipv4.vs.';
    const entry = Object.entries(this.sysctls).find(([short]) => name === prefix + short);
    return entry && String(entry[1]);
  }

  /**
   * A client's first packet arrives: it is scheduled, goes by the connection it belongs to, or is refused. Counts and states
   * are those of the kernel; the counters of statistics show with the next estimation, every 2 s.
   *
   * @throws {InvalidArgumentError} for what is no packet
   */
  connect(opening: Opening): Outcome {
    return open(this.#connections, opening);
  }

  /** Puts the clock forward: what expires, expires, in order. @param milliseconds 0 to 3155760000000, a hundred years. */
  advance(milliseconds: number): void {
    if (typeof milliseconds !== 'number' || !(milliseconds >= 0 && milliseconds <= LONGEST_ADVANCE)) {
      throw invalid('milliseconds', `must be a number from 0 to ${LONGEST_ADVANCE}`);
    }
    this.#clock.advance(milliseconds);
    this.#connections.catchUp();
  }

  /** Connections and persistence templates in the connection table now. */
  get connectionCount(): number {
    this.#connections.catchUp();
    return this.#connections.size;
  }

  /** The sysctls as they are. */
  get sysctls(): Sysctls {
    return this.#connections.sysctls;
  }

  /** Changes sysctls; those that are not named stay. @throws {InvalidArgumentError} */
  setSysctls(changes: Partial<Sysctls>): void {
    this.#connections.catchUp();
    this.#connections.sysctls = changeSysctls(this.#connections.sysctls, changes);
  }
}

/** A socket before whose every command the timers are done that were due. */
class TimelySocket extends SimulatedSocket {
  readonly #connections: Connections;

  constructor(connections: Connections, options: SocketOptions) {
    super(options);
    this.#connections = connections;
  }

  override send(datagram: Uint8Array): number {
    this.#connections.catchUp();
    return super.send(datagram);
  }
}

/** What the kernel makes of the 1 MiB that the SDK asks for. */
const RECEIVE_BUFFER = 2 * 1024 * 1024;
const ALL_OF_32_BITS = 2 ** 32;

function makeNamespace(
  options: SimulatedKernelOptions,
  traits: ReleaseTraits,
  clock: Clock,
  sysctls: () => Sysctls,
): Namespace {
  const { addresses = ['127.0.0.1/8'], interfaces = [{ name: 'lo', mtu: 65536 }] } = options;
  const { random = () => Math.floor(Math.random() * ALL_OF_32_BITS) } = options;
  return new Namespace({
    traits,
    host: new Host(addresses.map(localNetwork), interfaces),
    environment: {
      now: () => clock.time,
      random,
      get lblcExpiration() {
        return sysctls().lblc_expiration * 1000;
      },
      get lblcrExpiration() {
        return sysctls().lblcr_expiration * 1000;
      },
    },
    schedulers: schedulersOf(options.schedulers),
    engines: new Set(options.persistenceEngines ?? ['sip']),
    encoding: {
      padding: options.padding ?? 'none',
      ticksPerSecond: wholeNumber('ticksPerSecond', options.ticksPerSecond ?? 250, 1, 1000),
    },
    connectionTableSize: wholeNumber(
      'connectionTableSize',
      options.connectionTableSize ?? traits.connectionTableSize,
      0,
      2 ** 31,
    ),
    version: parseVersion(options.version ?? '1.2.1'),
    seed: wholeNumber('orderSeed', options.orderSeed ?? 0, 0, 255),
    ipv6: options.ipv6 ?? true,
  });
}

function schedulersOf(names: readonly string[] = Object.keys(SCHEDULERS)): Map<string, SchedulerFactory> {
  return new Map(
    names.map((name, index) => {
      const factory = SCHEDULERS[name];
      if (factory !== undefined) return [name, factory];
      throw invalid(`schedulers.${index}`, `"${name}" is not one of ${Object.keys(SCHEDULERS).join(', ')}`);
    }),
  );
}

function localNetwork(text: string, index: number): LocalNetwork {
  const { bytes, prefix = 0 } = parseNetwork(text) ?? {};
  if (bytes?.length === 4 && text.includes('/')) {
    return { address: new DataView(bytes.buffer).getUint32(0), prefix };
  }
  throw invalid(`addresses.${index}`, `"${text}" is no IPv4 address with a prefix length, as 192.0.2.1/24 is`);
}

function parseVersion(text: string): number {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number) ?? [];
  const [major, minor, patch] = parts;
  if (major !== undefined && minor !== undefined && patch !== undefined && parts.every((part) => part <= 255)) {
    return (major << 16) | (minor << 8) | patch;
  }
  throw invalid('version', `"${text}" is not three numbers up to 255, as 1.2.1 is`);
}

function wholeNumber(path: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(path, `must be a whole number from ${least} to ${most}`);
}

function invalid(path: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError('simulated kernel', [{ path, message }]);
}
