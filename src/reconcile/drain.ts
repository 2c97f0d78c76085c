/**
 * Taking a real server out without cutting its connections: weight 0, wait, remove.
 *
 * What counts as a connection is the director's view of it. With weight 0 the schedulers choose the server no more; what still
 * leads to it are its connections, and, where the service is persistent, its clients' templates (`drainNotes`).
 * @module
 */
import { KernelError } from '../errors.js';
import { userName } from '../linux/user.js';
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
import { keeperOf } from './keepers.js';
import { type DrainOverride, type DrainState, type DrainUntil, isUnderWay } from './override.js';
import { Overrides } from './overrides.js';
import { pause } from './pause.js';
import { wantedWeight } from './wanted-servers.js';

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
  /**
   * Whether the connections that are left at the deadline are ended (`TableAccess.endConnections`), so that their clients learn
   * it at once and come back to another server. Default false: their packets are dropped once the server is removed.
   */
  readonly end?: boolean | undefined;
}

/** What {@link drain} takes. */
export interface DrainOptions extends DrainSettings {
  /** Whether the server is removed in the end; default true. Otherwise it stays, with weight 0. */
  readonly remove?: boolean | undefined;
  /**
   * Where the drain is written down (`stateDirectory`): then a `keep` of the same namespace goes along with it, and
   * {@link resumeDrains} goes on with it if this program dies. Default: nowhere.
   */
  readonly directory?: string | undefined;
  /** Who wants it; default: the user that runs the program. */
  readonly owner?: string | undefined;
  /** Why, in the owner's words, for whoever looks at the overrides. */
  readonly reason?: string | undefined;
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
 * Why a drain ended: `idle`, no connections; `deadline`; `cancelled`, its weight was given back; `absent`, it was never there;
 * `gone`, somebody else removed it; `taken over`, somebody else gave it weight, or took the drain back, which is respected.
 */
export type DrainOutcome = 'idle' | 'deadline' | 'cancelled' | 'absent' | 'gone' | 'taken over';

/** The end of a drain, with the connections of the last look. */
export interface DrainResult extends DrainProgress {
  readonly outcome: DrainOutcome;
  /** Whether this drain removed the server. */
  readonly removed: boolean;
  /** Connections and templates that were ended at the deadline; absent if none were to be. */
  readonly ended?: number;
}

const drainSchema = lazy((z) =>
  z.object({
    deadline: integer(0, Number.MAX_SAFE_INTEGER, ' milliseconds').optional(),
    poll: integer(1, 3_600_000, ' milliseconds').default(1000),
    until: z.enum(['active', 'all']).default('active'),
    remove: z.boolean().default(true),
    end: z.boolean().optional(),
    owner: z.string().min(1).optional(),
    reason: z.string().optional(),
  }),
);

/**
 * Begins to drain a real server.
 * @throws {InvalidArgumentError} for a key or an option that is none. What the kernel refuses, `finished` tells.
 *
 * @example
 * ```ts
 * import { drain } from 'ipvs-ts/reconcile';
 * const { finished } = drain(ipvs, 'tcp://192.0.2.1:80', { address: '10.0.0.11' }, { deadline: 300_000 });
 * const { outcome } = await finished;
 * ```
 */
export function drain(
  table: TableAccess,
  service: ServiceKey | ServiceKeyText,
  destination: DestinationKey,
  options: DrainOptions = {},
): Drain {
  const { deadline, owner = userName(), ...settings } = parse(drainSchema, 'drain', options);
  const key = parseServiceKey(service);
  const since = Date.now();
  const order: DrainOverride = {
    version: 1,
    kind: 'drain',
    service: key,
    destination: parseDestinationKey(key, destination),
    before: 0,
    state: 'begun',
    owner,
    since,
    ...(deadline !== undefined && { deadline: since + deadline }),
    ...settings,
  };
  return new Drain(table, order, options);
}

/** The settings of drains, with their defaults. @throws {InvalidArgumentError} */
export function parseDrainSettings(settings: DrainSettings): Pick<DrainOverride, 'poll' | 'until'> & DrainSettings {
  const { deadline, poll, until, end } = parse(drainSchema, 'drain', settings);
  return { deadline, poll, until, end };
}

/**
 * Goes on with the drains that a program left behind, each to its own deadline.
 * @param directory as `stateDirectory` gives it
 * @throws as `readOverrides`.
 */
export function resumeDrains(
  table: TableAccess,
  directory: string,
  options: Pick<DrainOptions, 'onProgress' | 'signal'> = {},
): Drain[] {
  return new Overrides(directory)
    .list()
    .flatMap((each) => (each.kind === 'drain' && isUnderWay(each) ? [each] : []))
    .map((order) => new Drain(table, order, { ...options, directory }));
}

/** A drain under way. */
export class Drain {
  readonly service: ServiceKeyText;
  /** `10.0.0.2:80` */
  readonly destination: string;
  /** How it ended. Rejected with what the kernel refused ({@link KernelError}), or with the reason of the signal. */
  readonly finished: Promise<DrainResult>;
  readonly #table: TableAccess;
  readonly #directory: string | undefined;
  readonly #overrides: Overrides | undefined;
  readonly #options: Pick<DrainOptions, 'onProgress' | 'signal'>;
  readonly #cancelled = new AbortController();
  #order: DrainOverride;
  #progress: DrainProgress;
  #ended: number | undefined;

  /** Made by {@link drain} and {@link resumeDrains}. */
  constructor(
    table: TableAccess,
    order: DrainOverride,
    options: Pick<DrainOptions, 'directory' | 'onProgress' | 'signal'>,
  ) {
    this.service = formatServiceKey(order.service);
    this.destination = formatDestinationKey(order.destination);
    this.#table = table;
    this.#order = order;
    this.#directory = options.directory;
    this.#overrides = options.directory === undefined ? undefined : new Overrides(options.directory);
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
    const over = result !== undefined && (result.removed || !['idle', 'deadline'].includes(result.outcome));
    return over ? result : this.#restore();
  }

  async #run(): Promise<DrainResult> {
    const end = await this.#quiesce();
    if (end !== undefined) return end;
    let idle = false;
    const quiesced = performance.now();
    for (;;) {
      const time = Math.max(quiesced, performance.now() - this.#order.poll / 2);
      const entry = this.#find(await listedSince(time, this.#table, this.#order.service));
      if (entry === undefined) return this.#gone();
      if (this.#isTakenBack() || (entry.destination.weight !== 0 && !this.#isKept())) return this.#end('taken over');
      this.#progress = this.#progressOf(entry);
      this.#options.onProgress?.(this.#progress);
      const wasIdle = idle;
      idle = entry.destination.weight === 0 && isIdle(this.#progress, this.#order.until);
      if (idle && wasIdle) return this.#finish('idle');
      if (this.#progress.left === 0) return this.#finish('deadline');
      if (!(await this.#pause())) return this.#restore();
    }
  }

  /** Writes the drain down, and sets the weight to 0. Gives back how it ended, if it has. */
  async #quiesce(): Promise<DrainResult | undefined> {
    this.#options.signal?.throwIfAborted();
    const { service: key, destination: server } = this.#order;
    const entry = this.#find(await this.#table.listDestinations(key));
    const earlier = this.#overrides?.read('drain', key, server);
    const resumed = earlier !== undefined && isUnderWay(earlier);
    if (entry === undefined) return resumed ? this.#gone() : this.#absent();
    const { destination } = entry;
    if (earlier?.state === 'removing') return this.#finish('idle');
    if (earlier?.state === 'quiesced' && destination.weight !== 0 && !this.#isKept()) return this.#end('taken over');
    await this.#write('begun', resumed ? earlier.before : destination.weight);
    if (destination.weight !== 0 && !(await this.#setWeight(entry, 0))) return this.#gone();
    return (await this.#write('quiesced')) ? undefined : this.#result('taken over');
  }

  /** A server that a keep wants, and health checks took out, has no connections: it is not to come back. */
  async #absent(): Promise<DrainResult> {
    const { service, destination, remove } = this.#order;
    const weight = this.#directory === undefined ? undefined : wantedWeight(this.#directory, service, destination);
    if (weight === undefined) return this.#result('absent');
    await this.#write('begun', weight);
    await this.#write(remove ? 'removed' : 'ended');
    return this.#result('idle', remove);
  }

  /** False if somebody took the drain back since it began. */
  async #write(state: DrainState, before = this.#order.before): Promise<boolean> {
    const { service, destination } = this.#order;
    this.#order = { ...this.#order, state, before };
    if (this.#overrides === undefined) return true;
    const written = await this.#overrides.update('drain', service, destination, (current) =>
      current === undefined && state !== 'begun' ? undefined : this.#order,
    );
    return written !== undefined;
  }

  /** Whether somebody removed what was written down. */
  #isTakenBack(): boolean {
    const { service, destination } = this.#order;
    return this.#overrides !== undefined && this.#overrides.read('drain', service, destination) === undefined;
  }

  /** Whether a `keep` sees to it that the weight is 0: what somebody else makes of it does not last. */
  #isKept(): boolean {
    return this.#directory !== undefined && keeperOf(this.#directory, this.#order.service) !== undefined;
  }

  #find(entries: readonly DestinationEntry[]): DestinationEntry | undefined {
    return entries.find(({ destination }) => formatDestinationKey(destination) === this.destination);
  }

  /** False if it was cancelled. */
  async #pause(): Promise<boolean> {
    const { signal } = this.#options;
    const { poll } = this.#order;
    const { signal: cancelled } = this.#cancelled;
    await pause(Math.min(poll, this.#progress.left ?? poll), cancelled, signal);
    if (!cancelled.aborted) signal?.throwIfAborted();
    return !cancelled.aborted;
  }

  /** Written down first: a `keep` must not take the missing server for drift. */
  async #finish(outcome: 'idle' | 'deadline'): Promise<DrainResult> {
    const { service: key, destination, remove, end } = this.#order;
    if (outcome === 'deadline' && end === true) await this.#endConnections();
    if (!(await this.#write(remove ? 'removing' : 'ended'))) return this.#result('taken over');
    if (!remove) return this.#result(outcome);
    const removed = await this.#done({ verb: 'delete-destination', key, destination });
    await this.#write('removed');
    // A keep that has read what was written may be quicker.
    return removed || this.#isKept() ? this.#result(outcome, true) : this.#result('gone');
  }

  async #endConnections(): Promise<void> {
    const { service, destination: server } = this.#order;
    this.#ended = (await this.#table.endConnections({ service, server })).changed;
  }

  /** It is to be so. */
  async #gone(): Promise<DrainResult> {
    const resumed = this.#order.state === 'removing';
    await this.#write(this.#order.remove ? 'removed' : 'ended');
    return this.#result(resumed ? 'idle' : 'gone', resumed);
  }

  async #restore(): Promise<DrainResult> {
    const entry = this.#find(await this.#table.listDestinations(this.#order.service));
    if (entry === undefined) return this.#end('gone');
    if (entry.destination.weight !== 0) return this.#end('taken over');
    // First the override: what a keep makes of the weight then is not undone here.
    const kept = this.#isKept();
    await this.#forget();
    if (kept) return this.#result('cancelled');
    return this.#result((await this.#setWeight(entry, this.#order.before)) ? 'cancelled' : 'gone');
  }

  #setWeight({ destination }: DestinationEntry, weight: number): Promise<boolean> {
    const { service: key } = this.#order;
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

  async #end(outcome: DrainOutcome): Promise<DrainResult> {
    await this.#forget();
    return this.#result(outcome);
  }

  async #forget(): Promise<void> {
    const { service, destination } = this.#order;
    await this.#overrides?.update('drain', service, destination, () => undefined);
  }

  #result(outcome: DrainOutcome, removed = false): DrainResult {
    forgetListing(this.#table, this.service);
    return { ...this.#progress, outcome, removed, ...(this.#ended !== undefined && { ended: this.#ended }) };
  }

  #progressOf(entry: DestinationEntry | undefined): DrainProgress {
    const { since, deadline } = this.#order;
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

/** Whether nothing is left that a drain waits for. */
export function isIdle(connections: DrainProgress, until: DrainUntil): boolean {
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
