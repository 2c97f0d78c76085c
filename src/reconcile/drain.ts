/**
 * Taking a real server out without cutting its connections: weight 0, wait, remove.
 *
 * What counts as a connection is the director's view of it. With weight 0 the schedulers choose the server no more; what still
 * leads to it are its connections, and, where the service is persistent, its clients' templates (`drainNotes`).
 * @module
 */
import { KernelError } from '../errors.js';
import type { Change } from '../model/change.js';
import {
  type DestinationEntry,
  type DestinationKey,
  formatDestinationKey,
  parseDestinationKey,
} from '../model/destination.js';
import { integer, lazy, parse } from '../model/parse.js';
import { formatServiceKey, parseServiceKey, type ServiceKey, type ServiceKeyText } from '../model/service-key.js';
import type { TableAccess } from '../model/table-access.js';
import { DrainFile, type DrainRecord, type DrainUntil, readDrainRecords } from './drain-record.js';
import { pause } from './pause.js';

/** How long a drain waits, and for what. */
export interface DrainSettings {
  /** Milliseconds from the beginning after which the server is removed in any case. Default: it waits as long as it takes. */
  readonly deadline?: number | undefined;
  /** Milliseconds between two looks at the kernel's table, 1 to 3600000. Default 1000. */
  readonly poll?: number | undefined;
  /**
   * `active` (default): until no connection is established. Two looks in a row must say so, since a connection that is being
   * made when the weight is set is not established yet. `all`: nor in any other state, nor a persistence template left.
   */
  readonly until?: DrainUntil | undefined;
}

/** What {@link drain} takes. */
export interface DrainOptions extends DrainSettings {
  /** Whether the server is removed in the end; default true. Otherwise it stays, with weight 0. */
  readonly remove?: boolean | undefined;
  /**
   * A directory that says what is being drained (`drainDirectory`), for {@link resumeDrains}. Default: nothing is kept, and a
   * program that dies leaves the server with weight 0.
   */
  readonly directory?: string | undefined;
  /** Called after each look. */
  readonly onProgress?: ((progress: DrainProgress) => void) | undefined;
  /** Ends the wait with `signal.reason` and leaves all as it is, the record too, as if the program had died. */
  readonly signal?: AbortSignal | undefined;
}

/** How a drain stands. */
export interface DrainProgress {
  readonly service: ServiceKeyText;
  /** `10.0.0.2:80` */
  readonly destination: string;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  /** Milliseconds since it began, those before a restart included. */
  readonly waited: number;
  /** Milliseconds to the deadline; absent if there is none. */
  readonly left?: number;
}

/**
 * Why a drain ended: `idle`, no connections; `deadline`; `cancelled`, its weight was given back; `gone`, somebody else removed
 * it; `taken over`, somebody else gave it weight, which is respected.
 */
export type DrainOutcome = 'idle' | 'deadline' | 'cancelled' | 'gone' | 'taken over';

/** The end of a drain, with the connections of the last look. */
export interface DrainResult extends DrainProgress {
  readonly outcome: DrainOutcome;
  /** Whether this drain removed the server. */
  readonly removed: boolean;
}

const settingsSchema = lazy((z) =>
  z.object({
    deadline: integer(0, Number.MAX_SAFE_INTEGER, ' milliseconds').optional(),
    poll: integer(1, 3_600_000, ' milliseconds').default(1000),
    until: z.enum(['active', 'all']).default('active'),
    remove: z.boolean().default(true),
  }),
);

/**
 * Begins to drain a real server.
 * @throws {InvalidArgumentError} for a key or an option that is none. What the kernel refuses, `finished` tells.
 */
export function drain(
  table: TableAccess,
  service: ServiceKey | ServiceKeyText,
  destination: DestinationKey,
  options: DrainOptions = {},
): Drain {
  const { deadline, ...settings } = parse(settingsSchema, 'drain', options);
  const key = parseServiceKey(service);
  const since = Date.now();
  const order: DrainRecord = {
    version: 1,
    service: key,
    destination: parseDestinationKey(key, destination),
    weight: 0,
    quiesced: false,
    since,
    ...(deadline !== undefined && { deadline: since + deadline }),
    ...settings,
  };
  const file = options.directory === undefined ? undefined : new DrainFile(options.directory, key, order.destination);
  const earlier = file?.read();
  return new Drain(table, { ...order, ...(earlier && withWeightOf(earlier)) }, file, options);
}

function withWeightOf({ weight, quiesced }: DrainRecord): Pick<DrainRecord, 'weight' | 'quiesced'> {
  return { weight, quiesced };
}

/**
 * Goes on with the drains that a program left behind, each to its own deadline.
 * @throws as `readDrainRecords`.
 */
export function resumeDrains(
  table: TableAccess,
  directory: string,
  options: Pick<DrainOptions, 'onProgress' | 'signal'> = {},
): Drain[] {
  return readDrainRecords(directory).map(
    (record) => new Drain(table, record, new DrainFile(directory, record.service, record.destination), options),
  );
}

/** A drain under way. */
export class Drain {
  readonly service: ServiceKeyText;
  /** `10.0.0.2:80` */
  readonly destination: string;
  /** How it ended. Rejected with what the kernel refused ({@link KernelError}), or with the reason of the signal. */
  readonly finished: Promise<DrainResult>;
  readonly #table: TableAccess;
  readonly #file: DrainFile | undefined;
  readonly #options: Pick<DrainOptions, 'onProgress' | 'signal'>;
  readonly #cancelled = new AbortController();
  #record: DrainRecord;
  #progress: DrainProgress;

  /** Made by {@link drain} and {@link resumeDrains}. */
  constructor(
    table: TableAccess,
    record: DrainRecord,
    file: DrainFile | undefined,
    options: Pick<DrainOptions, 'onProgress' | 'signal'>,
  ) {
    this.service = formatServiceKey(record.service);
    this.destination = formatDestinationKey(record.destination);
    this.#table = table;
    this.#record = record;
    this.#file = file;
    this.#options = options;
    this.#progress = this.#progressOf(undefined);
    this.finished = this.#run();
    // Of many drains one may fail before its turn to be looked at comes.
    this.finished.catch(() => undefined);
  }

  /** Ends the drain and gives the server its weight back, as long as it is there and nobody else has given it one. */
  async cancel(): Promise<DrainResult> {
    this.#cancelled.abort();
    const result = await this.finished.catch(() => undefined);
    const over = result?.removed || result?.outcome === 'gone' || result?.outcome === 'taken over';
    return result !== undefined && (over || result.outcome === 'cancelled') ? result : this.#restore();
  }

  async #run(): Promise<DrainResult> {
    const end = await this.#quiesce();
    if (end !== undefined) return this.#end(end);
    let idle = false;
    const quiesced = performance.now();
    for (;;) {
      const time = Math.max(quiesced, performance.now() - this.#record.poll / 2);
      const entry = this.#find(await listedSince(time, this.#table, this.#record.service));
      if (entry === undefined) return this.#end('gone');
      if (entry.destination.weight !== 0) return this.#end('taken over');
      this.#progress = this.#progressOf(entry);
      this.#options.onProgress?.(this.#progress);
      const wasIdle = idle;
      idle = isIdle(this.#progress, this.#record.until);
      if (idle && wasIdle) return this.#remove('idle');
      if (this.#progress.left === 0) return this.#remove('deadline');
      if (!(await this.#pause())) return this.#restore();
    }
  }

  /** Sets the weight to 0, and says so first where a record is kept. */
  async #quiesce(): Promise<DrainOutcome | undefined> {
    this.#options.signal?.throwIfAborted();
    const { service: key, quiesced } = this.#record;
    const entry = this.#find(await this.#table.listDestinations(key));
    if (entry === undefined) return 'gone';
    const { destination } = entry;
    if (quiesced && destination.weight !== 0) return 'taken over';
    if (!quiesced) this.#record = { ...this.#record, weight: destination.weight };
    this.#file?.write(this.#record);
    if (destination.weight !== 0 && !(await this.#setWeight(entry, 0))) return 'gone';
    this.#record = { ...this.#record, quiesced: true };
    this.#file?.write(this.#record);
    return undefined;
  }

  #find(entries: readonly DestinationEntry[]): DestinationEntry | undefined {
    return entries.find(({ destination }) => formatDestinationKey(destination) === this.destination);
  }

  /** False if it was cancelled. */
  async #pause(): Promise<boolean> {
    const { signal } = this.#options;
    const { poll } = this.#record;
    const { signal: cancelled } = this.#cancelled;
    await pause(Math.min(poll, this.#progress.left ?? poll), cancelled, signal);
    if (!cancelled.aborted) signal?.throwIfAborted();
    return !cancelled.aborted;
  }

  async #remove(outcome: 'idle' | 'deadline'): Promise<DrainResult> {
    const { service: key, destination, remove } = this.#record;
    const removed = remove && (await this.#done({ verb: 'delete-destination', key, destination }));
    return this.#end(remove && !removed ? 'gone' : outcome, removed);
  }

  async #restore(): Promise<DrainResult> {
    const entry = this.#find(await this.#table.listDestinations(this.#record.service));
    if (entry === undefined) return this.#end('gone');
    if (entry.destination.weight !== 0) return this.#end('taken over');
    return this.#end((await this.#setWeight(entry, this.#record.weight)) ? 'cancelled' : 'gone');
  }

  #setWeight({ destination }: DestinationEntry, weight: number): Promise<boolean> {
    const { service: key } = this.#record;
    return this.#done({ verb: 'update-destination', key, destination: { ...destination, weight } });
  }

  /** False if the server is not there any more. */
  async #done(change: Change): Promise<boolean> {
    try {
      await this.#table.apply(change);
      return true;
    } catch (error) {
      if (error instanceof KernelError && (error.code === 'ENOENT' || error.code === 'ESRCH')) return false;
      throw error;
    }
  }

  #end(outcome: DrainOutcome, removed = false): DrainResult {
    this.#file?.remove();
    forgetListing(this.#table, this.service);
    return { ...this.#progress, outcome, removed };
  }

  #progressOf(entry: DestinationEntry | undefined): DrainProgress {
    const { since, deadline } = this.#record;
    const now = Date.now();
    return {
      service: this.service,
      destination: this.destination,
      activeConnections: entry?.activeConnections ?? 0,
      inactiveConnections: entry?.inactiveConnections ?? 0,
      persistentConnections: entry?.persistentConnections ?? 0,
      waited: Math.max(0, now - since),
      ...(deadline !== undefined && { left: Math.max(0, deadline - now) }),
    };
  }
}

function isIdle(connections: DrainProgress, until: DrainUntil): boolean {
  if (connections.activeConnections > 0) return false;
  return until === 'active' || connections.inactiveConnections + connections.persistentConnections === 0;
}

/** The last listing of each service. */
type Listings = Map<ServiceKeyText, { readonly since: number; readonly entries: Promise<DestinationEntry[]> }>;

const listings = new WeakMap<TableAccess, Listings>();

/**
 * Many servers of one service may be drained at once, and a listing of all of them for each would be work that squares: one that
 * began at this time (of `performance.now`) or later will do.
 */
function listedSince(time: number, table: TableAccess, key: ServiceKey): Promise<DestinationEntry[]> {
  const ofClient: Listings = listings.get(table) ?? new Map();
  listings.set(table, ofClient);
  const name = formatServiceKey(key);
  const last = ofClient.get(name);
  if (last !== undefined && last.since >= time) return last.entries;
  const entries = table.listDestinations(key);
  ofClient.set(name, { since: performance.now(), entries });
  return entries;
}

function forgetListing(table: TableAccess, name: ServiceKeyText): void {
  listings.get(table)?.delete(name);
}
