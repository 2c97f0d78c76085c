/**
 * IPVS by generic netlink: every verb, on values that have been checked.
 * @module
 */
import { KernelError, UnavailableError } from '../errors.js';
import type { Change } from '../model/change.js';
import { type DestinationEntry, formatDestinationKey } from '../model/destination.js';
import type { ServiceEntry } from '../model/service.js';
import { familyOfKey, formatServiceKey, type ServiceKey } from '../model/service-key.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Info, TableService } from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import { type CallOptions, Connection } from '../netlink/connection.js';
import { debugTransport } from '../netlink/debug.js';
import { resolveFamily } from '../netlink/generic.js';
import type { Transport } from '../netlink/transport.js';
import { IPVS_GENL_NAME } from './constants.js';
import { describeIpvsMessage } from './describe.js';
import { explainRights } from './diagnosis.js';
import {
  IpvsRequests,
  readDaemonMessage,
  readDestinationMessage,
  readInfoMessage,
  readServiceMessage,
  readTimeoutsMessage,
} from './requests.js';

/** Everything that can be asked of the kernel by netlink. */
export class NetlinkSource {
  readonly #connection: Connection;
  readonly #requests: IpvsRequests;

  private constructor(connection: Connection, family: number) {
    this.#connection = connection;
    this.#requests = new IpvsRequests(family);
  }

  /**
   * Finds the family and tries a harmless command, since finding it needs no rights and everything else does.
   * Throws `UnavailableError`, or `KernelError` with EPERM.
   */
  static async open(transport: Transport, options: CallOptions): Promise<NetlinkSource> {
    const debug = process.env['IPVS_DEBUG'] === '1';
    const connection = new Connection(debug ? debugTransport(transport, describeIpvsMessage) : transport, options);
    try {
      const family = await resolveFamily(connection, IPVS_GENL_NAME);
      if (family === undefined) {
        throw new UnavailableError('this kernel has no IPVS: the ip_vs module is not loaded; try "modprobe ip_vs"');
      }
      const source = new NetlinkSource(connection, family);
      await source.info();
      return source;
    } catch (error) {
      connection.close();
      throw explainRights(error);
    }
  }

  /** Brings a change about. Throws `KernelError`. */
  change(change: Change, options?: CallOptions): Promise<void> {
    return this.#connection.execute(this.#requests.change(change), options);
  }

  info(options?: CallOptions): Promise<Info> {
    return this.#connection.query(this.#requests.getInfo(), readInfoMessage, options);
  }

  timeouts(options?: CallOptions): Promise<Timeouts> {
    return this.#connection.query(this.#requests.getTimeouts(), readTimeoutsMessage, options);
  }

  async daemons(options?: CallOptions): Promise<NormalSyncDaemon[]> {
    const daemons: NormalSyncDaemon[] = [];
    await this.#connection.dump(
      this.#requests.getDaemons(),
      (message) => daemons.push(readDaemonMessage(message)),
      options,
    );
    return daemons;
  }

  /** Undefined where there is no such service. */
  async service(key: ServiceKey, options?: CallOptions): Promise<ServiceEntry | undefined> {
    try {
      return await this.#connection.query(this.#requests.getService(key), readServiceMessage, options);
    } catch (error) {
      if (error instanceof KernelError && error.code === 'ESRCH') return undefined;
      throw error;
    }
  }

  /**
   * Every service, none twice: while services come and go the kernel's dump, which counts rows, may repeat one (or miss
   * one).
   */
  services(onEntry: (entry: ServiceEntry) => void, options?: CallOptions): Promise<void> {
    const once = firstTime<ServiceEntry>(({ service }) => formatServiceKey(service), onEntry);
    return this.#connection.dump(this.#requests.getServices(), (message) => once(readServiceMessage(message)), options);
  }

  /** Every destination of a service, none twice. Nothing for a service that is not there: the kernel says no more. */
  destinations(key: ServiceKey, onEntry: (entry: DestinationEntry) => void, options?: CallOptions): Promise<void> {
    const family = familyOfKey(key);
    const once = firstTime<DestinationEntry>(({ destination }) => formatDestinationKey(destination), onEntry);
    return this.#connection.dump(
      this.#requests.getDestinations(key),
      (message) => once(readDestinationMessage(message, family)),
      options,
    );
  }

  /** One reading of everything; the table may change meanwhile. */
  async table(options?: CallOptions): Promise<TableService[]> {
    const services: (ServiceEntry & { destinations: DestinationEntry[] })[] = [];
    await this.services((entry) => services.push({ ...entry, destinations: [] }), options);
    await Promise.all(
      services.map(({ service, destinations }) =>
        this.destinations(service, (entry) => destinations.push(entry), options),
      ),
    );
    return services;
  }

  close(): void {
    this.#connection.close();
  }
}

function firstTime<T>(nameOf: (value: T) => string, use: (value: T) => void): (value: T) => void {
  const seen = new Set<string>();
  return (value) => {
    const name = nameOf(value);
    if (seen.has(name)) return;
    seen.add(name);
    use(value);
  };
}
