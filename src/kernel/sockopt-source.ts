/**
 * IPVS by socket options: the interface that it had before netlink. It knows IPv4 alone and fewer settings, and root of a user
 * namespace may use it, whom generic netlink refuses.
 * @module
 */
import { constants } from 'node:os';
import { ClosedError, KernelError, UnavailableError } from '../errors.js';
import { inTurns } from '../linux/time-slice.js';
import type { CallOptions } from '../model/call-options.js';
import { type NormalChange, objectOf } from '../model/change.js';
import type { DestinationEntry } from '../model/destination.js';
import type { ServiceEntry } from '../model/service.js';
import { formatServiceKey, type ServiceKey } from '../model/service-key.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Info, TableService } from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import { explainRights } from './cause.js';
import {
  type Batch,
  type CarryOutOptions,
  type CommandSource,
  commandOf,
  refusalOf,
  type Undone,
} from './command-source.js';
import {
  IP_VS_SO_GET_DAEMON,
  IP_VS_SO_GET_DESTS,
  IP_VS_SO_GET_INFO,
  IP_VS_SO_GET_SERVICE,
  IP_VS_SO_GET_SERVICES,
  IP_VS_SO_GET_TIMEOUT,
} from './constants.js';
import type { OptionSocket } from './kernel.js';
import {
  DAEMONS,
  DEST_ENTRY,
  DESTS_HEADER,
  destinationsQuery,
  entriesOf,
  INFO,
  lackOf,
  lackOfKey,
  type OptionCommand,
  optionCommand,
  readDaemons,
  readDestinationEntry,
  readInfo,
  readServiceEntry,
  readTimeouts,
  SERVICE_ENTRY,
  SERVICES_HEADER,
  serviceQuery,
  servicesQuery,
  TIMEOUTS,
} from './sockopt-codec.js';
import { debugOptions } from './sockopt-debug.js';

const { ENOPROTOOPT, ESRCH } = constants.errno;

/** Entries that the first question has room for. */
const ROOM = 64;
/** Commands between two words on progress. */
const STRETCH = 128;

/** What errors call a question. */
interface Question {
  readonly command: string;
  readonly object?: string;
}

/**
 * Everything that can be asked by socket options. The kernel has answered when the call returns: nothing is waited for, and
 * nothing is left in doubt.
 */
export class SockoptSource implements CommandSource {
  readonly name = 'sockopt';
  readonly #socket: OptionSocket;
  #isClosed = false;

  private constructor(socket: OptionSocket) {
    this.#socket = socket;
  }

  /** Tries a harmless command. Throws `UnavailableError` where there is no IPVS, or `KernelError` with EPERM. */
  static async open(socket: OptionSocket): Promise<SockoptSource> {
    const source = new SockoptSource(process.env['IPVS_DEBUG'] === '1' ? debugOptions(socket) : socket);
    try {
      await source.info();
      return source;
    } catch (error) {
      source.close();
      throw explainRights(error, 'sockopt');
    }
  }

  async change(change: NormalChange, options?: CallOptions): Promise<void> {
    this.#check({ command: commandOf(change), object: objectOf(change) }, options);
    const refusal = refusalFor(change);
    if (refusal !== undefined) throw refusal;
    const errno = this.#set(optionCommand(change));
    if (errno < 0) throw refusalOf(change, { errno });
  }

  batch(): Batch {
    const commands: (OptionCommand | UnavailableError)[] = [];
    return {
      get length() {
        return commands.length;
      },
      add: (change) => void commands.push(refusalFor(change) ?? optionCommand(change)),
      carryOut: (options) => this.#carryOut(commands, options),
    };
  }

  async #carryOut(
    commands: readonly (OptionCommand | UnavailableError)[],
    { onProgress, ...options }: CarryOutOptions,
  ): Promise<Undone[]> {
    const undone: Undone[] = [];
    let place = 0;
    await inTurns(
      commands,
      (command) => {
        const failure = this.#carryOutOne(command, options);
        if (failure !== undefined) undone.push({ place, ...failure });
        if (++place % STRETCH === 0 || place === commands.length) onProgress?.(place);
      },
      1,
    );
    return undone;
  }

  #carryOutOne(command: OptionCommand | UnavailableError, options: CallOptions) {
    if (command instanceof UnavailableError) return { error: command };
    try {
      this.#check({ command: 'one of many commands' }, options);
      const errno = this.#set(command);
      return errno < 0 ? { refusal: { errno } } : undefined;
    } catch (error) {
      return { error };
    }
  }

  async info(options?: CallOptions): Promise<Info> {
    return readInfo(this.#ask({ command: 'get info' }, IP_VS_SO_GET_INFO, new Uint8Array(INFO), options));
  }

  async timeouts(options?: CallOptions): Promise<Timeouts> {
    return readTimeouts(
      this.#ask({ command: 'get timeouts' }, IP_VS_SO_GET_TIMEOUT, new Uint8Array(TIMEOUTS), options),
    );
  }

  /** Role, interface and id alone, as before Linux 4.3. */
  async daemons(options?: CallOptions): Promise<NormalSyncDaemon[]> {
    const value = new Uint8Array(DAEMONS);
    return readDaemons(this.#ask({ command: 'list sync daemons' }, IP_VS_SO_GET_DAEMON, value, options));
  }

  /** Throws `UnavailableError` for a service that cannot be named. */
  async service(key: ServiceKey, options?: CallOptions): Promise<ServiceEntry | undefined> {
    const question = questionOf('get service', key);
    const answer = this.#askOf(question, IP_VS_SO_GET_SERVICE, serviceQuery(key), options);
    for (const view of entriesOf(answer ?? NOTHING, 0, SERVICE_ENTRY)) return readServiceEntry(view);
    return undefined;
  }

  /** Every IPv4 service. */
  async services(onEntry: (entry: ServiceEntry) => void, options?: CallOptions): Promise<void> {
    const ask = (room: number) =>
      this.#ask({ command: 'list services' }, IP_VS_SO_GET_SERVICES, servicesQuery(room), options);
    await inTurns(allEntries(ask, SERVICES_HEADER, SERVICE_ENTRY), (view) => onEntry(readServiceEntry(view)));
  }

  /** The IPv4 destinations. Throws `UnavailableError` for a service that cannot be named. */
  async destinations(
    key: ServiceKey,
    onEntry: (entry: DestinationEntry) => void,
    options?: CallOptions,
  ): Promise<void> {
    await inTurns(this.#destinationsOf(key, options), (view) => onEntry(readDestinationEntry(view)));
  }

  #destinationsOf(key: ServiceKey, options?: CallOptions): DataView[] {
    const question = questionOf('list destinations of', key);
    const ask = (room: number) =>
      this.#askOf(question, IP_VS_SO_GET_DESTS, destinationsQuery(key, room), options) ?? NOTHING;
    return allEntries(ask, DESTS_HEADER, DEST_ENTRY);
  }

  async table(options?: CallOptions): Promise<TableService[]> {
    const services: (ServiceEntry & { destinations: DestinationEntry[] })[] = [];
    await this.services((entry) => services.push({ ...entry, destinations: [] }), options);
    await inTurns(
      services,
      ({ service, destinations }) => {
        for (const view of this.#destinationsOf(service, options)) destinations.push(readDestinationEntry(view));
      },
      1,
    );
    return services;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }

  /** As {@link SockoptSource.#ask}; undefined where there is no such service. */
  #askOf(question: Question, option: number, value: Uint8Array, options?: CallOptions): Uint8Array | undefined {
    try {
      return this.#ask(question, option, value, options);
    } catch (error) {
      if (error instanceof KernelError && error.errno === -ESRCH) return undefined;
      throw error;
    }
  }

  /** The value, with what the kernel wrote into it. */
  #ask(question: Question, option: number, value: Uint8Array, options?: CallOptions): Uint8Array {
    this.#check(question, options);
    const length = known(this.#socket.get(option, value));
    if (length < 0) throw new KernelError({ errno: length, ...question });
    return value;
  }

  /** 0, or why the kernel refused. */
  #set({ option, value }: OptionCommand): number {
    return known(this.#socket.set(option, value));
  }

  #check({ command, object }: { command: string; object?: string | undefined }, options: CallOptions = {}): void {
    if (this.#isClosed) {
      const what = object === undefined ? command : `${command} ${object}`;
      throw new ClosedError(`${what}: the client is closed`);
    }
    options.signal?.throwIfAborted();
  }
}

const NOTHING = new Uint8Array(0);

/** What the call gave. Where ip_vs is not loaded nobody knows the option. */
function known(result: number): number {
  if (result !== -ENOPROTOOPT) return result;
  throw new UnavailableError(
    'this kernel has no IPVS: the ip_vs module is not loaded, and a socket option does not load it; try "modprobe ip_vs"',
  );
}

/** Asks with more room until the answer leaves some: the kernel writes as much as there is room for, and does not say that there is more. */
function allEntries(ask: (room: number) => Uint8Array, header: number, size: number): DataView[] {
  for (let room = ROOM; ; room *= 4) {
    const entries = [...entriesOf(ask(room), header, size)];
    if (entries.length < room) return entries;
  }
}

function questionOf(command: string, key: ServiceKey): Question {
  const object = formatServiceKey(key);
  const lack = lackOfKey(key);
  if (lack !== undefined) throw lackError(`${command} ${object}`, lack);
  return { command, object };
}

/** Why a change has no form; undefined where it has one. */
function refusalFor(change: NormalChange): UnavailableError | undefined {
  const lack = lackOf(change);
  if (lack === undefined) return undefined;
  const object = objectOf(change);
  return lackError(object === undefined ? commandOf(change) : `${commandOf(change)} ${object}`, lack);
}

function lackError(what: string, lack: string): UnavailableError {
  return new UnavailableError(
    `${what}: socket options know ${lack}; netlink knows all, and wants CAP_NET_ADMIN in the initial user namespace`,
  );
}
