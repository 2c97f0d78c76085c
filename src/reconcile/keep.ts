/**
 * Keeping a table as it should be: whenever what is wanted changes, and whenever the kernel's table is found different.
 * @module
 */
import { ClosedError, ReconcileError } from '../errors.js';
import { type DesiredTable, type NormalDesiredTable, parseDesiredTable } from '../model/desired.js';
import { integer, lazy, parse } from '../model/parse.js';
import type { TableAccess } from '../model/table-access.js';
import { refuseNext } from './acceptable.js';
import { applyPlan, type ReconcileOptions, reconcile } from './apply.js';
import { Changes } from './changes.js';
import { Departures } from './departures.js';
import { type EndingEvent, Endings } from './endings.js';
import { effective, type Wishes } from './intent.js';
import { claimServices } from './keepers.js';
import { isRemoval, type Override, overrideText, type ServerName, serverName } from './override.js';
import { Overrides } from './overrides.js';
import { pause } from './pause.js';
import { type Plan, plan } from './plan.js';
import { readState } from './state.js';
import { writeWantedServers } from './wanted-servers.js';

/** Where the wanted table comes from. */
export interface KeepSource {
  /** The table that is wanted now. What it throws is reported, and the last good table stays in force. */
  read(): DesiredTable | Promise<DesiredTable>;
  /**
   * Each value says that `read` may give something else now: a file was written, a signal came. Of an emitter:
   * `events.on(emitter, 'changed')`.
   */
  readonly changes?: AsyncIterable<unknown> | undefined;
}

/** What follows from health checks. */
export interface HealthWishes extends Pick<Wishes, 'verdicts' | 'standIns' | 'load' | 'ramps'> {
  /** Servers that are down, whose connections are ended (`TableAccess.endConnections`) once what the verdicts say is done. */
  readonly cut?: ReadonlySet<ServerName> | undefined;
}

/** Who checks the real servers: `HealthMonitor` of `ipvs-ts/health`. */
export interface KeepHealth {
  /**
   * Takes the table that is in force from now on, and checks what its section `health` says. Resolves once there is a first
   * verdict of everything new, or the signal ends it.
   */
  follow(table: NormalDesiredTable, signal: AbortSignal): Promise<void>;
  /** Takes what operators want of servers from now on: one that is drained is no help to a quorum. */
  override?(overrides: readonly Override[]): void;
  /** What follows from the verdicts, now. */
  wishes(): HealthWishes;
  /** A value whenever {@link KeepHealth.wishes} may give something else. */
  readonly changes: AsyncIterable<unknown>;
}

/** What {@link keep} takes. */
export interface KeepOptions extends ReconcileOptions {
  /** Milliseconds between two looks at the kernel's table, 100 to 86400000 (a day). Default 30000. */
  readonly interval?: number | undefined;
  /**
   * Where overrides are (`stateDirectory`): drains, and weights that an operator set. They come before what the source wants, at
   * once when they come. While it is kept, nobody else can keep services of the same scope there. Default: there are none.
   */
  readonly directory?: string | undefined;
  /** This program, for others that want to keep the same services. Default: the name of this process's script. */
  readonly program?: string | undefined;
  /**
   * How much less a change of the source may want, in percent, 0 to 100: of the services, and of all their destinations. A source
   * that wants less is refused as a bad one, for half a file is often a good file. Default 100: no bound.
   */
  readonly maxRemoval?: number | undefined;
  /**
   * Default here is `continue`: as much as can be is as wanted. A rollback would do and undo the same steps at every look.
   */
  readonly onRefusal?: ReconcileOptions['onRefusal'];
  /** Who checks the real servers. Default: nobody; all count as up. */
  readonly health?: KeepHealth | undefined;
  /** Called with everything that happens. */
  readonly onEvent?: ((event: KeepEvent) => void) | undefined;
  /** Called whenever a look at the table is over, whether anything came of it or not: a sign of life. */
  readonly onLook?: ((look: KeepLook) => void) | undefined;
  /** Whether the services that were wanted are deleted in the end; drained, if `drain` is given. Default false. */
  readonly withdraw?: boolean | undefined;
  /**
   * Ends it. What is under way is not rolled back: the table stays as it is then, unless it is withdrawn. Servers that are being
   * drained keep weight 0, and the next `keep` goes on with them.
   */
  readonly signal?: AbortSignal | undefined;
}

/** A look at the table that is over. */
export interface KeepLook {
  /** What the source wants. */
  readonly wanted: NormalDesiredTable;
  /** What was done, and is so now. Absent if the look failed. */
  readonly plan?: Plan;
  /** Why not all is as wanted: a {@link ReconcileError}, or what kept the table from being read. */
  readonly error?: Error;
}

/** Something that happened. Plain values, apart from errors. */
export type KeepEvent =
  /** The table is as wanted for the first time, refusals apart. */
  | { readonly type: 'ready' }
  /** The source is read again. */
  | { readonly type: 'reloading' }
  /** What the source wants was done; a plan without steps says that it was so already. */
  | { readonly type: 'applied'; readonly plan: Plan }
  /** An override came, changed or ended; what follows of it was done. */
  | { readonly type: 'override'; readonly plan: Plan; readonly overrides: readonly Override[] }
  /** What health checks found changed what is wanted; the steps were done. */
  | { readonly type: 'health'; readonly plan: Plan }
  /** The kernel's table was not as wanted, though nothing that is wanted had changed; the steps were done. */
  | { readonly type: 'drift'; readonly plan: Plan }
  /** Servers that were being drained had no connections left, or their time was over, and were removed. */
  | { readonly type: 'drained'; readonly plan: Plan }
  /** The kernel refused something; told again only when it refuses something else. */
  | { readonly type: 'refused'; readonly error: ReconcileError }
  /** The end came in the middle of the steps: the error says which are done. */
  | { readonly type: 'interrupted'; readonly error: ReconcileError }
  /** The source cannot be taken. Nothing was changed, and the last good table is kept. */
  | { readonly type: 'bad-source'; readonly error: Error }
  /** A look at the kernel's table, or at the overrides, failed; the next one may not. */
  | { readonly type: 'failed'; readonly error: Error }
  /** `draining`: the servers that are left with weight 0 (`10.0.0.2:80 of tcp://192.0.2.1:80`). */
  | { readonly type: 'stopping'; readonly draining: readonly string[] }
  /** The services were deleted in the end. */
  | { readonly type: 'withdrawn'; readonly plan: Plan }
  /** Connections of a server that is down, or whose drain timeout is over, were ended, or could not be. */
  | EndingEvent;

const optionsSchema = lazy((z) =>
  z.object({
    interval: integer(100, 86_400_000, ' milliseconds').default(30_000),
    maxRemoval: integer(0, 100, ' percent').default(100),
  }),
);

/**
 * Keeps the table until the signal. Servers that the source does not want any more are drained, if `drain` is given, while
 * everything else goes on. No state but the kernel's and the overrides: killed and started again, it goes on, though the drain
 * timeout of what it was draining begins anew.
 * @throws what the first reading of the source, or of the table, throws: there is nothing to keep yet. Later only
 *   {@link ClosedError}, what the source's `changes` throw, and what withdrawing throws.
 * @throws {LockedError} if another program keeps services of this scope.
 *
 * @example
 * ```ts
 * import { keep, StateFileSource, stateDirectory } from 'ipvs-ts/reconcile';
 * using source = new StateFileSource('/etc/ipvs.yaml');
 * await keep(ipvs, source, { directory: stateDirectory(), onEvent: ({ type }) => console.log(type) });
 * ```
 */
export async function keep(table: TableAccess, source: KeepSource, options: KeepOptions = {}): Promise<void> {
  const { interval, maxRemoval } = parse(optionsSchema, 'keep', options);
  const { directory, scope, program } = options;
  using _claim = directory === undefined ? undefined : await claimServices(directory, { scope, program });
  await new Keeper(table, source, options, { interval, maxRemoval }).run();
}

/** What a look at the table is for. */
type Cause = 'applied' | 'health' | 'drift';

class Keeper {
  readonly #table: TableAccess;
  readonly #source: KeepSource;
  readonly #options: KeepOptions;
  readonly #interval: number;
  readonly #maxRemoval: number;
  readonly #end: AbortSignal;
  readonly #overrides: Overrides | undefined;
  readonly #departures: Departures | undefined;
  readonly #endings: Endings;
  /** Ends the watching. */
  readonly #over = new AbortController();
  readonly #sourceChanges: Changes;
  readonly #overrideChanges: Changes;
  readonly #healthChanges: Changes;
  /** What was refused last, in words. */
  #refused = '';
  /** The overrides of the last look. */
  #inForce: readonly Override[] = [];

  constructor(
    table: TableAccess,
    source: KeepSource,
    options: KeepOptions,
    { interval, maxRemoval }: { readonly interval: number; readonly maxRemoval: number },
  ) {
    this.#table = table;
    this.#source = source;
    this.#options = { onRefusal: 'continue', ...options };
    this.#interval = interval;
    this.#maxRemoval = maxRemoval;
    this.#end = options.signal ?? new AbortController().signal;
    this.#overrides = options.directory === undefined ? undefined : new Overrides(options.directory);
    this.#departures = options.drain && new Departures(options.drain, options.drain.onProgress);
    this.#endings = new Endings(table, (event) => this.#tell(event), this.#end);
    this.#sourceChanges = new Changes(source.changes);
    this.#overrideChanges = new Changes(this.#overrides?.changes(this.#over.signal));
    this.#healthChanges = new Changes(options.health?.changes);
  }

  async run(): Promise<void> {
    try {
      const wanted = await this.#keep();
      await this.#endings.finished;
      this.#tell({ type: 'stopping', draining: this.#departures?.names ?? [] });
      if (this.#options.withdraw === true) await this.#withdraw(wanted);
    } finally {
      this.#over.abort();
      this.#sourceChanges.close();
      this.#healthChanges.close();
    }
  }

  /** Gives back what was wanted in the end. */
  async #keep(): Promise<NormalDesiredTable> {
    const first = await this.#readFirst();
    if (first === undefined) return {};
    let wanted = first;
    // Before the first verdict: a director whose servers are drained is not to change to them and back.
    await this.#readOverrides(wanted);
    this.#options.health?.override?.(this.#inForce);
    await this.#follow(wanted);
    await this.#make(wanted, 'applied');
    if (!this.#end.aborted) this.#tell({ type: 'ready' });
    while (!this.#end.aborted) {
      await this.#wait();
      if (this.#end.aborted) break;
      // What changed there, the look finds out.
      this.#overrideChanges.take();
      const next = this.#sourceChanges.take() ? await this.#readAgain(wanted) : undefined;
      wanted = next ?? wanted;
      if (next !== undefined) await this.#follow(next);
      const isHealth = this.#healthChanges.take();
      await this.#look(wanted, next !== undefined ? 'applied' : isHealth ? 'health' : 'drift');
    }
    return wanted;
  }

  /** Has the real servers checked that are wanted from now on. */
  async #follow(wanted: NormalDesiredTable): Promise<void> {
    const { directory, scope, health } = this.#options;
    if (health === undefined) return;
    try {
      if (directory !== undefined) writeWantedServers(directory, scope, wanted);
    } catch (error) {
      // Who wants to drain a server that is out may be told that it is not there; that is no reason not to check it.
      this.#tell({ type: 'failed', error: error as Error });
    }
    await health.follow(wanted, this.#end);
  }

  /** Undefined if the end comes before. */
  async #readFirst(): Promise<NormalDesiredTable | undefined> {
    try {
      return parseDesiredTable(await this.#source.read());
    } catch (error) {
      if (this.#end.aborted) return undefined;
      throw error;
    }
  }

  /** Until something changes, or it is time to look. */
  async #wait(): Promise<void> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    const forget = [this.#sourceChanges, this.#overrideChanges, this.#healthChanges].map((each) => each.whenCome(wake));
    const expiries = this.#inForce.map(({ expires = Number.POSITIVE_INFINITY }) => expires - Date.now());
    const times = [this.#interval, this.#departures?.nextLook ?? this.#interval, ...expiries];
    await pause(Math.max(0, Math.min(...times)), this.#end, woken.signal);
    for (const each of forget) each();
  }

  /** Undefined if the source is bad. */
  async #readAgain(wanted: NormalDesiredTable): Promise<NormalDesiredTable | undefined> {
    this.#tell({ type: 'reloading' });
    try {
      const next = parseDesiredTable(await this.#source.read());
      refuseNext(wanted, next, { ...this.#options, maxRemoval: this.#maxRemoval });
      return next;
    } catch (error) {
      this.#tell({ type: 'bad-source', error: error as Error });
      return undefined;
    }
  }

  async #look(wanted: NormalDesiredTable, cause: Cause): Promise<void> {
    try {
      await this.#make(wanted, cause);
    } catch (error) {
      if (error instanceof ClosedError) throw error;
      this.#tell({ type: 'failed', error: error as Error });
    }
  }

  async #make(wanted: NormalDesiredTable, cause: Cause): Promise<void> {
    try {
      const made = await this.#pass(wanted, cause);
      this.#options.onLook?.({ wanted, plan: made });
    } catch (error) {
      this.#options.onLook?.({ wanted, error: error as Error });
      if (!(error instanceof ReconcileError)) {
        if (!this.#end.aborted) throw error;
      } else if (error.refused.length > 0) this.#tellRefusal(error);
      else this.#tell({ type: 'interrupted', error });
    }
  }

  async #pass(wanted: NormalDesiredTable, cause: Cause): Promise<Plan> {
    const overridesChanged = await this.#readOverrides(wanted);
    const overrides = this.#inForce;
    this.#options.health?.override?.(overrides);
    const wishes = this.#options.health?.wishes() ?? {};
    const desired = effective(wanted, { ...wishes, overrides });
    const state = await readState(this.#table, desired, { signal: this.#end });
    const whole = plan(state, desired, this.#options);
    const drained = overrides.filter(isRemoval).map(({ service, destination }) => serverName(service, destination));
    // A server that is down has nothing to wait for: what its connections wait for does not come.
    const removed = [...(wishes.verdicts ?? [])].flatMap(([name, verdict]) => (verdict === 'remove' ? [name] : []));
    const atOnce = new Set([...drained, ...removed]);
    const made = this.#departures?.hold(whole, state.services, atOnce) ?? { ...whole, departed: [], overdue: [] };
    await applyPlan(this.#table, made, { ...this.#options, drain: undefined, signal: this.#end });
    this.#refused = '';
    const draining = overrides.filter((each) => each.kind === 'drain' && !isRemoval(each));
    const spared = new Set(draining.map(({ service, destination }) => serverName(service, destination)));
    this.#endings.follow(new Set([...(wishes.cut ?? [])].filter((name) => !spared.has(name))));
    if (this.#options.drain?.end === true) for (const name of made.overdue) this.#endings.end(name);
    const steps = made.steps.filter((step) => !made.departed.includes(step));
    if (made.departed.length > 0) this.#tell({ type: 'drained', plan: { ...made, steps: made.departed } });
    const rest = { steps, unmanaged: made.unmanaged };
    if (cause === 'applied') this.#tell({ type: 'applied', plan: rest });
    else if (overridesChanged) this.#tell({ type: 'override', plan: rest, overrides });
    else if (steps.length > 0) this.#tell({ type: cause, plan: rest });
    return { steps: made.steps, unmanaged: made.unmanaged };
  }

  /** Whether they are others than at the last look. What cannot be read leaves those of the last look in force. */
  async #readOverrides(wanted: NormalDesiredTable): Promise<boolean> {
    if (this.#overrides === undefined) return false;
    const textOf = (overrides: readonly Override[]) =>
      overrides.map((each) => `${serverName(each.service, each.destination)} ${overrideText(each)}`).join('\n');
    const before = textOf(this.#inForce);
    try {
      await this.#overrides.dropExpired();
      this.#inForce = await this.#overrides.dropSpent(wanted);
    } catch (error) {
      this.#tell({ type: 'failed', error: error as Error });
    }
    return textOf(this.#inForce) !== before;
  }

  #tellRefusal(error: ReconcileError): void {
    const words = error.refused.map((refusal) => `${refusal.step}: ${refusal.error.message}`).join('\n');
    if (words !== this.#refused || error.inForce.length > 0) this.#tell({ type: 'refused', error });
    this.#refused = words;
  }

  /** Nobody but the services that were wanted is in the scope of this. */
  async #withdraw(wanted: NormalDesiredTable): Promise<void> {
    const desired: NormalDesiredTable = { services: [] };
    const services = (wanted.services ?? []).map(({ service }) => service);
    const { drain, onProgress } = this.#options;
    const scope = { services };
    const made = await reconcile(this.#table, desired, {
      scope,
      prune: true,
      onRefusal: 'continue',
      drain,
      onProgress,
    });
    this.#tell({ type: 'withdrawn', plan: made });
  }

  #tell(event: KeepEvent): void {
    this.#options.onEvent?.(event);
  }
}
