/**
 * IPVS by generic netlink: every verb, on values that have been checked.
 * @module
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { KernelError, UnavailableError } from '../errors.js';
import type { CallOptions } from '../model/call-options.js';
import type { NormalChange } from '../model/change.js';
import { type DestinationEntry, formatDestinationKey } from '../model/destination.js';
import type { ServiceEntry } from '../model/service.js';
import { familyOfKey, formatServiceKey, type ServiceKey } from '../model/service-key.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Info, TableService } from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import { type CommandRefusal, Connection } from '../netlink/connection.js';
import { debugTransport } from '../netlink/debug.js';
import { observed } from '../netlink/diagnostics.js';
import { resolveFamily } from '../netlink/generic.js';
import { type Message, retypeMessages } from '../netlink/message.js';
import type { Transport } from '../netlink/transport.js';
import { CommandWriter, type WrittenCommands } from '../netlink/written-commands.js';
import { explainRights } from './cause.js';
import type { Batch, CarryOutOptions, CommandSource, Undone } from './command-source.js';
import { IPVS_GENL_NAME } from './constants.js';
import { describeIpvsMessage } from './describe.js';
import {
  IpvsRequests,
  readDaemonMessage,
  readDestinationMessage,
  readInfoMessage,
  readServiceMessage,
  readTimeoutsMessage,
} from './requests.js';

/** Datagrams of written commands that wait for the kernel at a time; between two lots others have their turn. */
const LOT = 8;

/** Changes as netlink messages. */
class NetlinkBatch implements Batch {
  readonly #requests: IpvsRequests;
  readonly #send: (batch: NetlinkBatch, options: CarryOutOptions) => Promise<Undone[]>;
  readonly #writer = new CommandWriter();
  length = 0;

  constructor(requests: IpvsRequests, send: (batch: NetlinkBatch, options: CarryOutOptions) => Promise<Undone[]>) {
    this.#requests = requests;
    this.#send = send;
  }

  add(change: NormalChange): void {
    this.#writer.add(this.#requests.change(change));
    this.length++;
  }

  carryOut(options: CarryOutOptions): Promise<Undone[]> {
    return this.#send(this, options);
  }

  /** What was written since this was last called, for the family that has this number now. */
  take(family: number): WrittenCommands[] {
    const datagrams = this.#writer.take();
    const written = this.#requests.family;
    if (family !== written) for (const { bytes } of datagrams) retypeMessages(bytes, written, family);
    return datagrams;
  }
}

/** Everything that can be asked of the kernel by netlink. */
export class NetlinkSource implements CommandSource {
  readonly name = 'netlink';
  readonly #connection: Connection;
  #requests: IpvsRequests;
  /** The lookup of the family that is under way; concurrent calls share it. */
  #search: Promise<void> | undefined;

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
    const seen = observed(transport, 'generic');
    const connection = new Connection(debug ? debugTransport(seen, describeIpvsMessage) : seen, options);
    try {
      const source = new NetlinkSource(connection, await findFamily(connection));
      await source.info();
      return source;
    } catch (error) {
      connection.close();
      throw explainRights(error, 'netlink');
    }
  }

  /** Brings a change about. Throws `KernelError`. */
  change(change: NormalChange, options?: CallOptions): Promise<void> {
    return this.#ask((requests) => this.#connection.execute(requests.change(change), options));
  }

  batch(): Batch {
    return new NetlinkBatch(this.#requests, (batch, options) => this.#carryOut(batch, options));
  }

  async #carryOut(batch: NetlinkBatch, { onProgress, ...options }: CarryOutOptions): Promise<Undone[]> {
    // Finds the family's new number if ip_vs was loaded anew since the changes were written.
    await this.info(options);
    const datagrams = batch.take(this.#requests.family);
    const undone: Undone[] = [];
    let done = 0;
    for (let next = 0; next < datagrams.length; next += LOT) {
      const calls = datagrams.slice(next, next + LOT).map((commands) => {
        const first = done;
        done += commands.count;
        return this.#carryOutTogether(commands, first, options);
      });
      for (const each of await Promise.all(calls)) undone.push(...each);
      onProgress?.(done);
      if (next + LOT < datagrams.length) await nextTurn();
    }
    return undone;
  }

  async #carryOutTogether(commands: WrittenCommands, first: number, options: CallOptions): Promise<Undone[]> {
    const refused = new Map<number, CommandRefusal>();
    const refusals = () => Array.from(refused, ([place, refusal]) => ({ place: first + place, refusal }));
    try {
      await this.#connection.executeWritten(commands, (place, refusal) => refused.set(place, refusal), options);
      return refusals();
    } catch (error) {
      const others = Array.from({ length: commands.count }, (_, place) => place).filter((place) => !refused.has(place));
      const lost = others.map((place) => ({ place: first + place, error }));
      return [...refusals(), ...lost].sort((left, right) => left.place - right.place);
    }
  }

  info(options?: CallOptions): Promise<Info> {
    return this.#ask((requests) => this.#connection.query(requests.getInfo(), readInfoMessage, options));
  }

  timeouts(options?: CallOptions): Promise<Timeouts> {
    return this.#ask((requests) => this.#connection.query(requests.getTimeouts(), readTimeoutsMessage, options));
  }

  async daemons(options?: CallOptions): Promise<NormalSyncDaemon[]> {
    const daemons: NormalSyncDaemon[] = [];
    const onDaemon = (message: Message) => daemons.push(readDaemonMessage(message));
    await this.#ask((requests) => this.#connection.dump(requests.getDaemons(), onDaemon, options));
    return daemons;
  }

  /** Undefined where there is no such service. */
  async service(key: ServiceKey, options?: CallOptions): Promise<ServiceEntry | undefined> {
    try {
      return await this.#ask((requests) =>
        this.#connection.query(requests.getService(key), readServiceMessage, options),
      );
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
    const onService = (message: Message) => once(message, readServiceMessage(message));
    return this.#ask((requests) => this.#connection.dump(requests.getServices(), onService, options));
  }

  /** Every destination of a service, none twice. Nothing for a service that is not there: the kernel says no more. */
  destinations(key: ServiceKey, onEntry: (entry: DestinationEntry) => void, options?: CallOptions): Promise<void> {
    const family = familyOfKey(key);
    const once = firstTime<DestinationEntry>(({ destination }) => formatDestinationKey(destination), onEntry);
    const onDestination = (message: Message) => once(message, readDestinationMessage(message, family));
    return this.#ask((requests) => this.#connection.dump(requests.getDestinations(key), onDestination, options));
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

  /**
   * Asks, and asks again if ip_vs was loaded anew meanwhile. Each load gives the family another number, and a number that no
   * family has is answered by ENOENT, before anything is done (genl_rcv_msg in net/netlink/genetlink.c, 2.6 to 7.1). IPVS
   * says ENOENT too, of schedulers and destinations. Throws `UnavailableError` where ip_vs is no longer loaded.
   */
  async #ask<T>(ask: (requests: IpvsRequests) => Promise<T>): Promise<T> {
    const requests = this.#requests;
    try {
      return await ask(requests);
    } catch (error) {
      if (!(error instanceof KernelError && error.code === 'ENOENT')) throw error;
      await this.#findAgain();
      if (this.#requests.family === requests.family) throw error;
      return ask(this.#requests);
    }
  }

  /** Looks the family's number up again. */
  #findAgain(): Promise<void> {
    this.#search ??= findFamily(this.#connection)
      .then((family) => {
        if (family !== this.#requests.family) this.#requests = new IpvsRequests(family);
      })
      .finally(() => {
        this.#search = undefined;
      });
    return this.#search;
  }
}

/** The number of the family. Throws `UnavailableError` where there is no IPVS. */
async function findFamily(connection: Connection): Promise<number> {
  const family = await resolveFamily(connection, IPVS_GENL_NAME);
  if (family !== undefined) return family;
  throw new UnavailableError('this kernel has no IPVS: the ip_vs module is not loaded; try "modprobe ip_vs"');
}

/**
 * Hands on what a dump tells, nothing twice. Within one of its pieces, a datagram, nothing comes twice; so short a dump
 * needs no names.
 */
function firstTime<T>(nameOf: (value: T) => string, use: (value: T) => void): (message: Message, value: T) => void {
  const firstPiece: T[] = [];
  let names: Set<string> | undefined;
  let last = 0;
  return (message, value) => {
    if (message.start <= last) names ??= new Set(firstPiece.map(nameOf));
    last = message.start;
    if (names === undefined) {
      firstPiece.push(value);
      return use(value);
    }
    const name = nameOf(value);
    if (names.has(name)) return;
    names.add(name);
    use(value);
  };
}
