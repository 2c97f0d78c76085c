/**
 * The front door: {@link Ipvs}.
 * @module
 */
import { constants } from 'node:os';
import {
  InterruptedError,
  InvalidArgumentError,
  IpvsError,
  type Issue,
  KernelError,
  RestoreError,
  type RestoreFailure,
  UnavailableError,
} from './errors.js';
import type { Names } from './ipvsadm/names.js';
import { formatRules, formatSettingsRules, type Rule, readRules } from './ipvsadm/rules.js';
import { type CommandSource, commandOf, refusalOf, type Undone } from './kernel/command-source.js';
import { explain } from './kernel/diagnosis.js';
import type { Kernel } from './kernel/kernel.js';
import { linuxKernel } from './kernel/linux-kernel.js';
import { NetlinkSource } from './kernel/netlink-source.js';
import { ProcSource } from './kernel/proc-source.js';
import { readRulesTable } from './kernel/rules-table.js';
import { SockoptSource } from './kernel/sockopt-source.js';
import { stream } from './kernel/stream.js';
import { inTurns } from './linux/time-slice.js';
import type { CallOptions } from './model/call-options.js';
import {
  type Change,
  type ChangeFailure,
  type DestinationPatch,
  type DestinationUpdate,
  type NormalChange,
  readChange,
  type ServicePatch,
  type ServiceUpdate,
} from './model/change.js';
import type { Connection } from './model/connection.js';
import type { ChangeConnectionsOptions, ChangedConnections } from './model/connection-changes.js';
import { type ConnectionFilter, connectionMatcher, parseServer } from './model/connection-filter.js';
import {
  addDestinationOddities,
  type Destination,
  type DestinationEntry,
  type DestinationKey,
  formatDestinationKey,
  parseDestinationKey,
} from './model/destination.js';
import { asObject, issuesOf, joinPath } from './model/fields.js';
import type { IpvsStatus } from './model/ipvs-status.js';
import { IPVS_SYSCTL_NAMES, type IpvsSysctlName, type IpvsSysctls } from './model/ipvs-sysctls.js';
import { agree } from './model/same-table.js';
import { addOddities, type Service, type ServiceEntry, type ServiceFields } from './model/service.js';
import { formatServiceKey, parseServiceKey, type ServiceKey, type ServiceKeyText } from './model/service-key.js';
import type { Stats } from './model/stats.js';
import type { DaemonRole, NormalSyncDaemon, SyncDaemon } from './model/sync-daemon.js';
import { type Info, SOURCES, type Source, type Table } from './model/table.js';
import type { TableAccess } from './model/table-access.js';
import type { Timeouts, TimeoutsChange } from './model/timeouts.js';
import { type ConnectionTable, endConnections, moveConnections } from './sync/change-connections.js';
import { SyncChannel } from './sync/channel.js';
import { type RestoredConnections, restoreConnections } from './sync/restore-connections.js';
import { readConnectionsFile, writeConnectionsFile } from './sync/saved-connections.js';

const { ENOENT, ESRCH } = constants.errno;

/** How often the table is read anew when it changes meanwhile. */
const READINGS = 10;

/** What {@link Ipvs.open} takes. */
export interface OpenOptions {
  /** A network namespace: a name as of `ip netns`, or a path such as `/run/netns/blue`. Default: the process's own. */
  readonly netns?: string | undefined;
  /** Another kernel than the running one; excludes `netns`. */
  readonly kernel?: Kernel | undefined;
  /**
   * The way to the table, or several, of which the first that can be used counts; {@link Ipvs.source} tells which. `auto`
   * (default): all, in this order.
   *
   * - `netlink`: all, with CAP_NET_ADMIN in the initial user namespace.
   * - `sockopt`: IPv4 by the older socket options, with CAP_NET_ADMIN in the user namespace that owns the network namespace
   *   (rootless container, `unshare -Urn`). What it knows nothing of (IPv6, persistence engines, tunnels but ipip, further
   *   settings of sync daemons) is absent from what is read, and refused with `UnavailableError` in a change. An update takes
   *   away an engine, and makes a tunnel ipip, that another program has set.
   * - `proc`: reading from /proc/net/ip_vs*, without rights. Where several namespaces have services, it may leave out some of a
   *   long table (Linux 6.1).
   */
  readonly source?: 'auto' | Source | readonly Source[] | undefined;
  /** Milliseconds that each call waits for the kernel unless it says otherwise. Default 5000. */
  readonly timeout?: number | undefined;
}

/** What {@link Ipvs.save} takes. */
export interface SaveOptions extends CallOptions {
  /** Thresholds, timeouts and sync daemons too. Default false: what `ipvsadm -Sn` writes. */
  readonly full?: boolean | undefined;
}

/** What {@link Ipvs.restore} takes. */
export interface RestoreOptions extends CallOptions {
  /**
   * Empty the table first, as ipvsadm-restore does, and stop the sync daemons that the rules start. Default false: add to
   * what is there, as `ipvsadm -R` does.
   */
  readonly replace?: boolean | undefined;
  /** What names of hosts and ports in the rules mean. Default: there are none, and addresses are written in full. */
  readonly names?: Names | undefined;
  /** Called now and then with the number of commands done, refused ones included, and of all commands. */
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

/**
 * The load balancer of one network namespace.
 *
 * The verbs are the kernel's commands. Those that change something throw {@link KernelError} where the kernel refuses,
 * {@link InvalidArgumentError} (before anything is sent) where the value is wrong, and {@link UnavailableError} where
 * only /proc can be read. Every verb may be called any number of times at once; calls made together travel together.
 * An idle client does not hold the process open.
 */
export class Ipvs implements TableAccess, AsyncDisposable {
  readonly #kernel: Kernel;
  readonly #proc: ProcSource;
  readonly #commands: CommandSource | undefined;
  /** Why an earlier source was not taken: what it said, of several the first. Undefined where the first one wanted was. */
  readonly fallbackReason: IpvsError | undefined;

  private constructor(kernel: Kernel, commands: CommandSource | undefined, fallbackReason?: IpvsError) {
    this.#kernel = kernel;
    this.#proc = new ProcSource(kernel);
    this.#commands = commands;
    this.fallbackReason = fallbackReason;
  }

  /**
   * Opens a client. Throws {@link UnavailableError}, or {@link KernelError} with EPERM, where IPVS is out of reach: of several
   * sources the error of the first.
   *
   * @example
   * ```ts
   * import { Ipvs } from 'ipvs-ts';
   * await using ipvs = await Ipvs.open({ netns: 'blue' });
   * ```
   */
  static async open({ netns, kernel, source = 'auto', timeout }: OpenOptions = {}): Promise<Ipvs> {
    if (netns !== undefined && kernel !== undefined) {
      throw new InvalidArgumentError('options', [{ path: 'netns', message: 'cannot be given together with kernel' }]);
    }
    const wanted = readSources(source);
    const where = kernel ?? linuxKernel({ netns });
    let reason: IpvsError | undefined;
    for (const one of wanted) {
      try {
        return await Ipvs.#openBy(one, where, timeout, reason);
      } catch (error) {
        if (!(error instanceof IpvsError) || (reason === undefined && !isOutOfReach(error))) throw error;
        reason ??= error;
      }
    }
    throw reason;
  }

  static async #openBy(source: Source, kernel: Kernel, timeout: number | undefined, reason?: IpvsError): Promise<Ipvs> {
    switch (source) {
      case 'netlink':
        return new Ipvs(kernel, await NetlinkSource.open(kernel.socket(), { timeout }), reason);
      case 'sockopt':
        if (kernel.options === undefined) throw new UnavailableError('this kernel has no socket options of IPVS');
        return new Ipvs(kernel, await SockoptSource.open(kernel.options()), reason);
      case 'proc': {
        const ipvs = new Ipvs(kernel, undefined, reason);
        await ipvs.#proc.table();
        return ipvs;
      }
    }
  }

  /** Where what is read comes from; what that does not know is absent. With `proc` nothing can be changed. */
  get source(): Source {
    return this.#commands?.name ?? 'proc';
  }

  /**
   * Adds a virtual service. EEXIST: it is there; ENOENT: no such scheduler or persistence engine.
   *
   * @example
   * ```ts
   * await ipvs.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'wlc' });
   * ```
   */
  async addService(service: Service | ServiceFields, options?: CallOptions): Promise<void> {
    await this.#apply({ verb: 'add-service', service }, 'service', options);
  }

  /**
   * Gives a service new settings. The whole value counts, as with `ipvsadm -E`: what it leaves out goes back to its
   * default, so that the scheduler must be said. ESRCH: there is no such service.
   *
   * @example
   * ```ts
   * await ipvs.updateService({ protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' });
   * ```
   */
  async updateService(service: ServiceUpdate, options?: CallOptions): Promise<void> {
    await this.#apply({ verb: 'update-service', service }, 'service', options);
  }

  /** Deletes a service with its destinations. Connections stay in the table, without a server. ESRCH: it is not there. */
  async deleteService(key: ServiceKey | ServiceKeyText, options?: CallOptions): Promise<void> {
    await this.#apply({ verb: 'delete-service', key }, 'key', options);
  }

  /**
   * Adds a service, or gives it these settings if it is there, and says which it did. The whole value counts, as in
   * {@link Ipvs.updateService}; its real servers stay.
   *
   * @example
   * ```ts
   * await ipvs.ensureService({ protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'wlc' });
   * ```
   */
  async ensureService(service: ServiceUpdate, options?: CallOptions): Promise<'added' | 'updated'> {
    return ensure(
      'ESRCH',
      () => this.updateService(service, options),
      () => this.addService(service as Service, options),
    );
  }

  /** Deletes a service if it is there, and says whether it was. As {@link Ipvs.deleteService}. */
  async removeService(key: ServiceKey | ServiceKeyText, options?: CallOptions): Promise<boolean> {
    return unlessRefused(['ESRCH'], () => this.deleteService(key, options));
  }

  /** One service with its statistics; undefined where there is none of this key. */
  async getService(key: ServiceKey | ServiceKeyText, options?: CallOptions): Promise<ServiceEntry | undefined> {
    const checked = parseServiceKey(key);
    if (this.#commands !== undefined) return this.#commands.service(checked, options);
    const found = await this.#proc.service(checked);
    return found && { service: found.service };
  }

  /**
   * Every service, in the kernel's order. A single reading can miss services: while others come and go, and since Linux 7.1
   * also while the kernel resizes its table, a moment after an add (ip_vs_ctl.c). So the services are read at least twice,
   * until a reading has every service of the one before. Throws {@link InterruptedError} after 10 readings that had not.
   *
   * @example
   * ```ts
   * import { formatServiceKey } from 'ipvs-ts';
   * for (const { service, stats } of await ipvs.listServices()) console.log(formatServiceKey(service), stats?.connections);
   * ```
   */
  async listServices(options?: CallOptions): Promise<ServiceEntry[]> {
    const commands = this.#commands;
    if (commands === undefined) return (await this.#proc.table()).services.map(({ service }) => ({ service }));
    let known: ReadonlySet<ServiceKeyText> | undefined;
    for (let reading = 0; reading < READINGS; reading++) {
      const entries: ServiceEntry[] = [];
      await commands.services((entry) => entries.push(entry), options);
      const names = new Set(entries.map(({ service }) => formatServiceKey(service)));
      if (known !== undefined && [...known].every((name) => names.has(name))) return entries;
      known = names;
    }
    throw new InterruptedError(`list services: the table changed during each of ${READINGS} readings`);
  }

  /** Every service, as they come, from a single reading, which can miss one; {@link Ipvs.listServices} notices. */
  services(options?: CallOptions): AsyncGenerator<ServiceEntry, void, undefined> {
    const commands = this.#commands;
    if (commands === undefined) return this.#servicesOfProc();
    return stream<ServiceEntry>((onEntry, call) => commands.services(onEntry, call), options);
  }

  async *#servicesOfProc(): AsyncGenerator<ServiceEntry, void, undefined> {
    for (const { service } of (await this.#proc.table()).services) yield { service };
  }

  /**
   * Adds a real server to a service. EEXIST: it has it; ESRCH: there is no such service.
   *
   * @example
   * ```ts
   * await ipvs.addDestination('tcp://192.0.2.1:80', { address: '10.0.0.11', forward: 'nat', port: 8080, weight: 10 });
   * ```
   */
  async addDestination(
    key: ServiceKey | ServiceKeyText,
    destination: Destination,
    options?: CallOptions,
  ): Promise<void> {
    await this.#apply({ verb: 'add-destination', key, destination }, 'destination', options);
  }

  /**
   * Gives a real server new settings. The whole value counts, as with `ipvsadm -e`: without `weight` it is 1 again, and
   * `forward` must be said. Weight 0 quiesces. ENOENT: the service has no such destination; ESRCH: there is no such service.
   *
   * @example
   * ```ts
   * await ipvs.updateDestination('tcp://192.0.2.1:80', { address: '10.0.0.11', forward: 'dr', weight: 0 });
   * ```
   */
  async updateDestination(
    key: ServiceKey | ServiceKeyText,
    destination: DestinationUpdate,
    options?: CallOptions,
  ): Promise<void> {
    await this.#apply({ verb: 'update-destination', key, destination }, 'destination', options);
  }

  /**
   * Changes single fields of a service and leaves the others. The service is read first: what another program changes between
   * reading and writing is overwritten. ESRCH: there is no such service.
   *
   * @example
   * ```ts
   * await ipvs.patchService('tcp://192.0.2.1:80', { scheduler: 'wlc' });
   * ```
   */
  async patchService(key: ServiceKey | ServiceKeyText, patch: ServicePatch, options?: CallOptions): Promise<void> {
    const checked = parseServiceKey(key);
    checkPatch('service', patch, ['protocol', 'address', 'port', 'mark', 'family']);
    const found = await this.getService(checked, options);
    if (found === undefined) {
      const object = formatServiceKey(checked);
      throw new KernelError({ errno: -ESRCH, command: 'update service', object, reason: 'there is no such service' });
    }
    await this.updateService({ ...found.service, ...patch } as ServiceUpdate, options);
  }

  /**
   * Changes single fields of a real server and leaves the others, as {@link Ipvs.patchService}. ENOENT: the service has no such
   * destination.
   *
   * @example
   * ```ts
   * await ipvs.patchDestination('tcp://192.0.2.1:80', { address: '10.0.0.11' }, { upperThreshold: 1000 });
   * ```
   */
  async patchDestination(
    key: ServiceKey | ServiceKeyText,
    destination: DestinationKey,
    patch: DestinationPatch,
    options?: CallOptions,
  ): Promise<void> {
    const service = parseServiceKey(key);
    const name = formatDestinationKey(parseDestinationKey(service, destination));
    checkPatch('destination', patch, ['address', 'port']);
    const entries = await this.listDestinations(service, options);
    const found = entries.find((entry) => formatDestinationKey(entry.destination) === name)?.destination;
    if (found === undefined) {
      const object = `${name} of ${formatServiceKey(service)}`;
      const reason = 'the service has no such destination';
      throw new KernelError({ errno: -ENOENT, command: 'update destination', object, reason });
    }
    const leavesTunnel = patch.forward !== undefined && patch.forward !== 'tun';
    const { tunnel, ...rest } = { tunnel: undefined, ...found };
    const kept = leavesTunnel || tunnel === undefined ? rest : { ...rest, tunnel };
    await this.updateDestination(service, { ...kept, ...patch } as DestinationUpdate, options);
  }

  /**
   * Sets the weight of a real server, 0 to 2147483647, and leaves all else; 0 quiesces. As {@link Ipvs.patchDestination}.
   *
   * @example
   * ```ts
   * await ipvs.setWeight('tcp://192.0.2.1:80', { address: '10.0.0.11' }, 0);
   * ```
   */
  setWeight(
    key: ServiceKey | ServiceKeyText,
    destination: DestinationKey,
    weight: number,
    options?: CallOptions,
  ): Promise<void> {
    return this.patchDestination(key, destination, { weight }, options);
  }

  /**
   * Takes a real server out of a service. Its connections stay in the table and their packets are dropped, unless it
   * comes back within two minutes or more (kernel: the trash in ip_vs_ctl.c). That also meets a client that uses the
   * port of a finished connection again; with the sysctl net.ipv4.vs.expire_nodest_conn=1 such connections end at once.
   * ENOENT: the service has no such destination.
   */
  async deleteDestination(
    key: ServiceKey | ServiceKeyText,
    destination: DestinationKey,
    options?: CallOptions,
  ): Promise<void> {
    await this.#apply({ verb: 'delete-destination', key, destination }, 'destination', options);
  }

  /**
   * Adds a real server, or gives it these settings if the service has it, and says which it did. The whole value counts, as in
   * {@link Ipvs.updateDestination}. ESRCH: there is no such service.
   *
   * @example
   * ```ts
   * await ipvs.ensureDestination('tcp://192.0.2.1:80', { address: '10.0.0.11', forward: 'dr', weight: 5 });
   * ```
   */
  async ensureDestination(
    key: ServiceKey | ServiceKeyText,
    destination: DestinationUpdate,
    options?: CallOptions,
  ): Promise<'added' | 'updated'> {
    return ensure(
      'ENOENT',
      () => this.updateDestination(key, destination, options),
      () => this.addDestination(key, destination as Destination, options),
    );
  }

  /**
   * Takes a real server out of a service if it is there, and says whether it was: false also where there is no such service. As
   * {@link Ipvs.deleteDestination}.
   */
  async removeDestination(
    key: ServiceKey | ServiceKeyText,
    destination: DestinationKey,
    options?: CallOptions,
  ): Promise<boolean> {
    return unlessRefused(['ENOENT', 'ESRCH'], () => this.deleteDestination(key, destination, options));
  }

  /**
   * The real servers of a service, newest first. Empty also where there is no such service: the kernel says no more.
   *
   * @example
   * ```ts
   * const servers = await ipvs.listDestinations('tcp://192.0.2.1:80');
   * const busy = servers.filter(({ activeConnections }) => activeConnections > 1000);
   * ```
   */
  async listDestinations(key: ServiceKey | ServiceKeyText, options?: CallOptions): Promise<DestinationEntry[]> {
    const checked = parseServiceKey(key);
    if (this.#commands === undefined) return [...((await this.#proc.service(checked))?.destinations ?? [])];
    const entries: DestinationEntry[] = [];
    await this.#commands.destinations(checked, (entry) => entries.push(entry), options);
    return entries;
  }

  /** The real servers of a service, as they come. */
  destinations(
    key: ServiceKey | ServiceKeyText,
    options?: CallOptions,
  ): AsyncGenerator<DestinationEntry, void, undefined> {
    const checked = parseServiceKey(key);
    const commands = this.#commands;
    if (commands === undefined) return this.#destinationsOfProc(checked);
    return stream<DestinationEntry>((onEntry, call) => commands.destinations(checked, onEntry, call), options);
  }

  async *#destinationsOfProc(key: ServiceKey): AsyncGenerator<DestinationEntry, void, undefined> {
    yield* (await this.#proc.service(key))?.destinations ?? [];
  }

  /**
   * The connection table, row by row, in memory that does not grow with it. Always from /proc/net/ip_vs_conn: no netlink
   * command lists connections. Includes persistence templates (client port 0). Throws {@link InvalidArgumentError} for a
   * filter that makes no sense.
   */
  connections(filter: ConnectionFilter = {}): AsyncGenerator<Connection, void, undefined> {
    const matches = connectionMatcher(filter);
    return this.#connectionsThat(matches);
  }

  async *#connectionsThat(matches: (connection: Connection) => boolean): AsyncGenerator<Connection, void, undefined> {
    for await (const row of this.#proc.connections()) if (matches(row)) yield row;
  }

  /**
   * The whole connection table, or the part of it that is wanted.
   *
   * @example
   * ```ts
   * const there = await ipvs.listConnections({ server: '10.0.0.11' });
   * ```
   */
  async listConnections(filter?: ConnectionFilter): Promise<Connection[]> {
    const rows: Connection[] = [];
    for await (const row of this.connections(filter)) rows.push(row);
    return rows;
  }

  /**
   * Ends the connections that a filter matches; an empty filter matches all. Their entries leave the table: the next packet of a
   * TCP client is answered with a reset, the next one of a UDP client goes to a real server of the scheduler's choice. The
   * kernel has no command for it. A backup sync daemon takes the messages that do it (ip_vs_proc_conn in ip_vs_sync.c): the
   * running one, or one that is started for the purpose on a device of its own and taken away afterwards. Nothing of it
   * leaves this host. UDP over IPv6 ends only where no packet comes for a second.
   *
   * @param options `timeout`: milliseconds for the whole, default 10000.
   * @returns what became of them, by the table as it is afterwards; `left` says of each remaining one why.
   * @throws {UnavailableError} where only /proc can be read, or the kernel has no way for sync messages.
   * @throws {KernelError} where daemon or device are refused: EINVAL while a real server is of another family than its service.
   */
  async endConnections(filter: ConnectionFilter, options?: ChangeConnectionsOptions): Promise<ChangedConnections> {
    const matches = connectionMatcher(filter);
    return this.#overSync(options, (table) => endConnections(table, matches, options));
  }

  /**
   * Moves the connections that a filter matches to another real server of their service, templates included. Their next packet
   * goes there. A TCP connection survives that only if the other server shares its state.
   *
   * @param to the real server: `10.0.0.12`, `10.0.0.12:80`. Without a port, the one of that address in each service.
   * @throws as {@link Ipvs.endConnections}.
   */
  async moveConnections(
    filter: ConnectionFilter,
    to: string | { readonly address: string; readonly port?: number | undefined },
    options?: ChangeConnectionsOptions,
  ): Promise<ChangedConnections> {
    const matches = connectionMatcher(filter);
    const server = parseServer(to);
    return this.#overSync(options, (table) => moveConnections(table, matches, server, options));
  }

  /**
   * The connection table as the bytes of a file, in pieces, for {@link Ipvs.restoreConnections}: 36 bytes a connection, 72 over
   * IPv6. Connections to a real server of another address family are left out: the kernel takes none back. Sequence shifts of
   * the FTP helper are not known and so not in it.
   */
  async *saveConnections(options?: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const { services } = await this.snapshot(options);
    yield* writeConnectionsFile(this.#proc.connections(), services, Date.now());
  }

  /**
   * Puts saved connections back, with the time that they had left less the time since. The file is read whole and checked
   * before anything is sent. Connections that the table has stay as they are. Restore services and real servers first.
   *
   * @param options `timeout`: milliseconds for the whole, default 60000.
   * @throws {ConnectionsFileError} if the bytes are no such file, or a damaged one.
   * @throws as {@link Ipvs.endConnections}.
   */
  async restoreConnections(
    source: AsyncIterable<Uint8Array>,
    options?: ChangeConnectionsOptions,
  ): Promise<RestoredConnections> {
    const saved = await readConnectionsFile(source);
    return this.#overSync(options, (table) => restoreConnections(table, saved, Date.now(), options));
  }

  async #overSync<T>(options: CallOptions | undefined, work: (table: ConnectionTable) => Promise<T>): Promise<T> {
    this.#needCommands('change connections');
    const { signal } = options ?? {};
    const { services } = await this.snapshot({ signal });
    await using channel = await SyncChannel.open(this, this.#kernel.network, { signal });
    return await work({ rows: () => this.#proc.connections(), services, channel });
  }

  /**
   * Every service with its destinations at one moment. The kernel offers no such thing, so the table is read twice until
   * both readings agree on what there is. Throws {@link InterruptedError} where they never do.
   *
   * @example
   * ```ts
   * const { services } = await ipvs.snapshot();
   * const empty = services.filter(({ destinations }) => destinations.length === 0);
   * ```
   */
  async snapshot(options?: CallOptions): Promise<Table> {
    const commands = this.#commands;
    if (commands === undefined) return { source: 'proc', services: (await this.#proc.table()).services };
    for (let attempt = 0; attempt < READINGS; attempt++) {
      const services = await commands.table(options);
      // The second reading costs a fifteenth from /proc.
      if ((await this.#proc.confirms(services)) || agree(services, await commands.table(options)))
        return { source: commands.name, services };
    }
    throw new InterruptedError(`snapshot: the table changed during each of ${READINGS} readings`);
  }

  /** Deletes every service. Connections stay in the table. */
  async flush(options?: CallOptions): Promise<void> {
    await this.apply({ verb: 'flush' }, options);
  }

  /** Starts the counters of a service and its destinations anew, or without a key all counters and the totals. */
  async zero(key?: ServiceKey | ServiceKeyText, options?: CallOptions): Promise<void> {
    await this.#apply({ verb: 'zero', key }, 'key', options);
  }

  /** Version of IPVS and size of its connection table. */
  async info(options?: CallOptions): Promise<Info> {
    return this.#commands?.info(options) ?? (await this.#proc.table()).info;
  }

  /** The director's own counters and rates. Always from /proc/net/ip_vs_stats: no netlink command tells them. */
  totals(): Promise<Stats> {
    return this.#proc.totals();
  }

  /**
   * What the kernel tells of its hash tables and of the threads for statistics. Undefined before Linux 7.1, and without the
   * right to read /proc/net/ip_vs_status, which is root's.
   *
   * @example
   * ```ts
   * const { connectionTable } = (await ipvs.status()) ?? {};
   * console.log(connectionTable?.buckets, connectionTable?.loadFactor);
   * ```
   */
  status(): Promise<IpvsStatus | undefined> {
    return this.#proc.status();
  }

  /**
   * The sysctls net.ipv4.vs.* as they are now, with the kernel's texts; docs/tuning.md says what each is for. Those that this
   * kernel does not have are absent. To set one: `sysctl -w`, or a step of `ipvs-ts/host`.
   *
   * @throws {KernelError} where one is there and can't be read.
   *
   * @example
   * ```ts
   * console.log(ipvs.sysctls().conn_reuse_mode); // '1'
   * ```
   */
  sysctls(): IpvsSysctls {
    const texts = IPVS_SYSCTL_NAMES.map((name) => [name, this.#sysctl(name)] as const);
    return Object.fromEntries(texts.filter(([, text]) => text !== undefined));
  }

  /**
   * Whether the kernel brings statistics up to date. False with the sysctl net.ipv4.vs.run_estimation=0 or, since Linux 6.2, an
   * empty est_cpulist: then every {@link Stats} stands still, counters as well as rates, and is no measurement. Undefined
   * where it is not known.
   *
   * @example
   * ```ts
   * if (ipvs.countsTraffic() === false) console.warn('net.ipv4.vs.run_estimation is 0: no statistics');
   * ```
   */
  countsTraffic(): boolean | undefined {
    try {
      const estimation = this.#sysctl('run_estimation');
      // No processor may do it where the list is empty (ip_vs_est_stopped_recalc in ip_vs.h).
      return estimation === undefined ? undefined : estimation !== '0' && this.#sysctl('est_cpulist') !== '';
    } catch (error) {
      if (error instanceof IpvsError) return undefined;
      throw error;
    }
  }

  #sysctl(name: IpvsSysctlName): string | undefined {
    return this.#kernel.sysctl?.(`net.ipv4.vs.${name}`);
  }

  /** How long idle connections are kept, in seconds. */
  async timeouts(options?: CallOptions): Promise<Timeouts> {
    return this.#needCommands('get timeouts').timeouts(options);
  }

  /**
   * Sets the timeouts that are given, in seconds; the others stay, and those that are given as 0. EINVAL: more seconds than
   * the kernel's ticks can count (2147483 with 1000 ticks a second).
   *
   * @example
   * ```ts
   * await ipvs.setTimeouts({ tcp: 900, udp: 60 });
   * ```
   */
  async setTimeouts(timeouts: TimeoutsChange, options?: CallOptions): Promise<void> {
    await this.#apply({ verb: 'set-timeouts', timeouts }, 'timeouts', options);
  }

  /** The sync daemons that run: none, a master, a backup, or both. */
  async daemons(options?: CallOptions): Promise<NormalSyncDaemon[]> {
    return this.#needCommands('list sync daemons').daemons(options);
  }

  /**
   * Starts a sync daemon. EEXIST: one of this role runs; ENODEV: no such interface.
   *
   * @example
   * ```ts
   * await ipvs.startDaemon({ role: 'master', interface: 'eth1', syncId: 7 });
   * ```
   */
  async startDaemon(daemon: SyncDaemon, options?: CallOptions): Promise<void> {
    await this.#apply({ verb: 'start-daemon', daemon }, 'daemon', options);
  }

  /** Stops the sync daemon of a role; waits for its threads. ESRCH: none runs. */
  async stopDaemon(role: DaemonRole, options?: CallOptions): Promise<void> {
    await this.#apply({ verb: 'stop-daemon', role }, 'role', options);
  }

  /**
   * The table as the text of `ipvsadm -Sn`. As there, thresholds, timeouts and sync daemons are not part of it; with
   * `full` they are, as options and lines that ipvsadm takes too.
   *
   * @example
   * ```ts
   * import { writeFile } from 'node:fs/promises';
   * await writeFile('/etc/ipvsadm.rules', await ipvs.save({ full: true }));
   * ```
   */
  async save({ full = false, ...options }: SaveOptions = {}): Promise<string> {
    const commands = this.#needCommands('save');
    if (!full) {
      const services = await readRulesTable(commands, this.#proc, options);
      return formatRules(services === undefined ? await this.snapshot(options) : { services });
    }
    const table = await this.snapshot(options);
    const settings = formatSettingsRules(await this.timeouts(options), await this.daemons(options));
    return settings + formatRules(table, { thresholds: true });
  }

  /**
   * Carries out rules as `ipvsadm -Sn` writes them and ipvsadm-restore takes them. The whole text is read first: a line
   * that is wrong throws `RulesError`, and nothing has changed. Then a command that the kernel refuses does not stop the
   * others, and all refusals are thrown together as {@link RestoreError}. Returns how many commands were carried out.
   *
   * @example
   * ```ts
   * await ipvs.restore('-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 10.0.0.11:80 -m\n', { replace: true });
   * ```
   */
  async restore(
    text: string,
    { replace = false, names, onProgress, ...options }: RestoreOptions = {},
  ): Promise<number> {
    const batch = this.#needCommands('restore').batch();
    const daemons = new Set<DaemonRole>();
    await inTurns(readRules(text, names), ({ change }) => {
      if (change.verb === 'start-daemon') daemons.add(change.daemon.role);
      batch.add(change);
    });
    if (replace) await this.#makeRoom(daemons, options);
    const { length } = batch;
    const progress = onProgress && ((done: number) => onProgress({ done, total: length }));
    const undone = await batch.carryOut({ ...options, onProgress: progress });
    if (undone.length > 0)
      throw new RestoreError(length - undone.length, await this.#failures(readRules(text, names), undone));
    return length;
  }

  /** Empties the table, and stops the sync daemons that the rules start. */
  async #makeRoom(started: ReadonlySet<DaemonRole>, options: CallOptions): Promise<void> {
    await this.flush(options);
    if (started.size === 0) return;
    for (const { role } of await this.daemons(options)) if (started.has(role)) await this.stopDaemon(role, options);
  }

  /** Reads the rules again: a restore keeps bytes, and of those that failed nobody knows before. */
  async #failures(rules: Iterable<Rule>, undone: readonly Undone[]): Promise<RestoreFailure[]> {
    const failures: Promise<RestoreFailure>[] = [];
    let place = 0;
    await inTurns(rules, ({ line, text: rule, change }) => {
      const failed = undone[failures.length];
      if (failed?.place !== place++) return;
      failures.push(this.#errorOf(failed, change).then((error) => ({ line, text: rule, error })));
    });
    return Promise.all(failures);
  }

  async #errorOf(undone: Undone, change: NormalChange): Promise<Error> {
    if ('error' in undone) return undone.error as Error;
    const commands = this.#needCommands(commandOf(change));
    return explain(refusalOf(change, undone.refusal), change, this.#kernel, commands);
  }

  /** Closes the socket. Calls under way end with `ClosedError`. Idempotent. */
  async close(): Promise<void> {
    this.#commands?.close();
  }

  /** As {@link Ipvs.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Makes a change given as a value: what the verbs do, which are short for this. Throws {@link InvalidArgumentError} with the
   * path of every wrong field, `service.port`, before anything is sent. An update of what other programs made may leave as it
   * is what no program should write: only what is new in a value is refused.
   *
   * @example
   * ```ts
   * await ipvs.apply({ verb: 'delete-service', key: 'tcp://192.0.2.1:80' });
   * ```
   */
  async apply(change: Change, options?: CallOptions): Promise<void> {
    const odd: Issue[] = [];
    const checked = readChange(change, odd);
    if (odd.length > 0) await this.#refuseNew([{ change: checked, odd, path: '' }], options);
    await this.#carryOut(checked, options);
  }

  /** As {@link Ipvs.apply}, for a verb whose argument is this field of the change. */
  async #apply(change: Change, field: string, options?: CallOptions): Promise<void> {
    try {
      await this.apply(change, options);
    } catch (error) {
      throw error instanceof InvalidArgumentError ? ofArgument(error, field) : error;
    }
  }

  async #carryOut(change: NormalChange, options?: CallOptions): Promise<void> {
    const commands = this.#needCommands(commandOf(change));
    try {
      await commands.change(change, options);
    } catch (error) {
      throw await explain(error, change, this.#kernel, commands);
    }
  }

  /**
   * As {@link Ipvs.apply} for many changes, in their order and as fast as the kernel takes them. All are checked before the
   * first is sent: one that is wrong throws, by its place (`changes[3].service.port`), and nothing has changed. What the kernel
   * refuses does not stop the others, and is given back in order: an empty list says that all is done. The list must not change
   * meanwhile.
   *
   * @example
   * ```ts
   * const failures = await ipvs.applyAll([
   *   { verb: 'add-service', service: { protocol: 'fwmark', mark: 5, family: 'ipv4' } },
   *   { verb: 'add-destination', key: 'fwmark://5', destination: { address: '10.0.0.11' } },
   * ]);
   * ```
   */
  async applyAll(changes: readonly Change[], options: CallOptions = {}): Promise<ChangeFailure[]> {
    const batch = this.#needCommands('change').batch();
    const doubtful = await writeAll(changes, (change) => batch.add(change));
    if (doubtful.length > 0) await this.#refuseNew(doubtful, options);
    const undone = await batch.carryOut(options);
    // Together, since they share what is looked up to explain them.
    const failures = undone.map(async (each) => {
      const change = changes[each.place];
      if (change === undefined) return [];
      return [{ place: each.place, change, error: await this.#errorOf(each, readChange(change, [])) }];
    });
    return (await Promise.all(failures)).flat();
  }

  /** What the kernel holds already may stay; what it does not is refused. Throws {@link InvalidArgumentError}. */
  async #refuseNew(doubtful: readonly Doubtful[], options?: CallOptions): Promise<void> {
    const issues: Issue[] = [];
    for (const { change, odd, path } of doubtful) {
      const held = new Set((await this.#oddNow(change, options)).map((issue) => `${issue.path}: ${issue.message}`));
      for (const issue of odd) {
        if (!held.has(`${issue.path}: ${issue.message}`)) issues.push({ ...issue, path: joinPath(path, issue.path) });
      }
    }
    if (issues.length > 0) throw new InvalidArgumentError(doubtful[0]?.path === '' ? 'change' : 'changes', issues);
  }

  /** What is odd about the object of an update as the kernel has it. */
  async #oddNow(change: NormalChange, options?: CallOptions): Promise<Issue[]> {
    const odd: Issue[] = [];
    if (change.verb === 'update-service') {
      const found = await this.getService(change.service, options);
      if (found !== undefined) addOddities(found.service, odd);
      return odd.map((issue) => ({ ...issue, path: joinPath('service', issue.path) }));
    }
    if (change.verb !== 'update-destination') return odd;
    const name = formatDestinationKey(change.destination);
    const entries = await this.listDestinations(change.key, options);
    const found = entries.find(({ destination }) => formatDestinationKey(destination) === name);
    if (found !== undefined) addDestinationOddities(change.key, found.destination, odd);
    return odd.map((issue) => ({ ...issue, path: joinPath('destination', issue.path) }));
  }

  #needCommands(what: string): CommandSource {
    if (this.#commands !== undefined) return this.#commands;
    const reason = this.fallbackReason?.message ?? 'the client was opened with the source proc';
    throw new UnavailableError(`${what}: not possible from /proc, which is only for reading; ${reason}`, {
      cause: this.fallbackReason,
    });
  }
}

/** A change with something that a kernel can hold and nobody should write. */
interface Doubtful {
  readonly change: NormalChange;
  readonly odd: readonly Issue[];
  /** Of the change, in what was passed. */
  readonly path: string;
}

/**
 * Checks and writes all changes; gives back the doubtful ones. Throws {@link InvalidArgumentError} with everything that is wrong
 * with any of them.
 */
async function writeAll(changes: readonly Change[], write: (change: NormalChange) => void): Promise<Doubtful[]> {
  if (!Array.isArray(changes)) throw new InvalidArgumentError('changes', [{ path: '', message: 'must be a list' }]);
  const issues: Issue[] = [];
  const doubtful: Doubtful[] = [];
  let place = 0;
  let odd: Issue[] = [];
  await inTurns(changes, (input) => {
    const path = place++;
    try {
      const change = readChange(input, odd);
      write(change);
      if (odd.length === 0) return;
      doubtful.push({ change, odd, path: `changes[${path}]` });
      odd = [];
    } catch (error) {
      odd = [];
      for (const issue of issuesOf(error)) issues.push({ ...issue, path: joinPath(`changes[${path}]`, issue.path) });
    }
  });
  if (issues.length > 0) throw new InvalidArgumentError('changes', issues);
  return doubtful;
}

/** The issues of a change as those of the argument that it was made of. */
function ofArgument({ issues }: InvalidArgumentError, field: string): InvalidArgumentError {
  const subject = issues.every(({ path }) => path === 'key' || path.startsWith('key.')) ? 'key' : field;
  const isIn = (path: string) => path === subject || path.startsWith(`${subject}.`) || path.startsWith(`${subject}[`);
  return new InvalidArgumentError(
    ARGUMENTS[subject] ?? subject,
    issues.map((issue) =>
      isIn(issue.path) ? { ...issue, path: issue.path.slice(subject.length).replace(/^\./, '') } : issue,
    ),
  );
}

/** What errors call the arguments of the verbs. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  key: 'service key',
  daemon: 'sync daemon',
  role: 'sync daemon role',
};

/** The sources to try, in this order. */
function readSources(input: NonNullable<OpenOptions['source']>): readonly Source[] {
  if (input === 'auto') return SOURCES;
  const list = typeof input === 'string' ? [input] : input;
  const isRight = Array.isArray(list) && list.length > 0 && list.every((one) => SOURCES.includes(one));
  if (isRight) return list;
  const message = `must be auto, ${SOURCES.join(', ')} or a list of ${SOURCES.join(', ')}`;
  throw new InvalidArgumentError('options', [{ path: 'source', message }]);
}

/** Errors behind which another source may still be of use. */
function isOutOfReach(error: unknown): error is IpvsError {
  return error instanceof UnavailableError || (error instanceof KernelError && error.code === 'EPERM');
}

/** A patch has no field of the name: whoever gives one means another object. */
function checkPatch(subject: string, patch: object, names: readonly string[]): void {
  const given = asObject(subject, patch);
  const issues = names.flatMap((path) =>
    path in given ? [{ path, message: 'is part of the name, which a patch cannot change' }] : [],
  );
  if (issues.length > 0) throw new InvalidArgumentError(subject, issues);
}

/** Updates; adds if the kernel has nothing to update; updates again if another program added it meanwhile. */
async function ensure(
  missing: string,
  update: () => Promise<void>,
  add: () => Promise<void>,
): Promise<'added' | 'updated'> {
  if (await unlessRefused([missing], update)) return 'updated';
  if (await unlessRefused(['EEXIST'], add)) return 'added';
  await update();
  return 'updated';
}

/** False where the kernel refuses with one of these codes. */
async function unlessRefused(codes: readonly string[], work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof KernelError && codes.includes(error.code)) return false;
    throw error;
  }
}
