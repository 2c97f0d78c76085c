/**
 * Checks the real servers of a table, and says what follows of it: who is to have weight 0, who is to leave, who serves in their
 * place. It writes no table; `keep` does.
 * @module
 */
import { EventEmitter, on } from 'node:events';
import { UnavailableError } from '../errors.js';
import type { NormalCheck } from '../model/check.js';
import type { DesiredTable, NormalDesiredTable } from '../model/desired.js';
import { parseDesiredTable } from '../model/desired.js';
import { formatDestinationKey, type NormalDestination } from '../model/destination.js';
import type { NormalServiceNotify } from '../model/hook.js';
import { integer, lazy, parse, withoutUndefined } from '../model/parse.js';
import { formatServiceKey, type ServiceKey, type ServiceKeyText } from '../model/service-key.js';
import { operatorWeights, type Verdict } from '../reconcile/intent.js';
import type { HealthWishes, KeepHealth } from '../reconcile/keep.js';
import { type Override, type ServerName, serverName } from '../reconcile/override.js';
import { type Scope, scopeMatcher } from '../reconcile/scope.js';
import { Agenda } from './agenda.js';
import type { CheckOutcome, Target } from './check-outcome.js';
import { type Clock, machineClock } from './clock.js';
import { type GuardedCheck, MassFailureGuard, type MassFailureRules } from './guard.js';
import { runHook } from './hook-program.js';
import { type HookFailure, type HookRunner, Hooks } from './hooks.js';
import { type CheckedServer, type CheckedService, checkedServers, checkedServices, type Job } from './jobs.js';
import { type HealthReport, readHealthReport, type ServerReport, writeHealthReport } from './journal.js';
import { type LoadState, loadAfter } from './load.js';
import { canRamp, rampAt } from './ramps.js';
import type { Done } from './run.js';
import { startCheck } from './run-check.js';
import { FIRST_ROUND, Runner } from './runner.js';
import { decide, type ServerStatus, type Tier } from './tiers.js';
import { type CheckState, judge, pauseAfter, unknownSince } from './verdict.js';

/** What {@link HealthMonitor} takes. */
export interface HealthMonitorOptions {
  /**
   * Where the verdicts are kept (`stateDirectory` of `ipvs-ts/reconcile`), so that a program that is started again goes on with
   * them, and others can look at them. Default: nowhere.
   */
  readonly directory?: string | undefined;
  /** The services that it is for, if it is one of several there, as `scope` of `keep`. Default: all. */
  readonly scope?: Scope | undefined;
  /**
   * What a server counts as before its first check: as it was when the last program there ended, if that is not longer ago than
   * ten intervals (`last`, the default, else its first check decides); `up`; or `down`, as keepalived's `alpha` has it.
   */
  readonly start?: 'last' | 'up' | 'down' | undefined;
  /** When the table is held because too many servers fell at once. `false`: never. */
  readonly massFailure?: MassFailureRules | false | undefined;
  /** Called with everything that happens. */
  readonly onEvent?: ((event: HealthEvent) => void) | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** Runs a check once. Default: as its type says. */
  readonly run?: ((target: Target, check: NormalCheck, signal: AbortSignal) => Promise<CheckOutcome>) | undefined;
  /** Runs the programs of `notify`. Default: on this host. `false`: neither programs nor FIFOs are told of anything. */
  readonly runHook?: HookRunner | false | undefined;
}

const optionsSchema = lazy((z) =>
  z.object({
    start: z.enum(['last', 'up', 'down'], { error: 'must be last, up, down' }).default('last'),
    massFailure: z
      .union(
        [
          z.literal(false),
          z.strictObject({
            share: z.number().min(0).max(1).optional(),
            atLeast: integer(1, 1_000_000).optional(),
            hold: integer(0, 86_400_000, ' milliseconds').optional(),
          }),
        ],
        { error: 'must be false, or share (0 to 1), atLeast and hold (milliseconds)' },
      )
      .default({}),
  }),
);

/** Something that happened. Plain values. */
export type HealthEvent =
  /** A server has another status: `10.0.0.11:80 of tcp://192.0.2.1:80`. */
  | {
      readonly type: 'server';
      readonly service: ServiceKeyText;
      readonly server: string;
      readonly status: 'up' | 'down';
      /** What the check found that decided. */
      readonly reason: string;
      /** Milliseconds since 1970 until which it stays down, for it flaps. */
      readonly heldUntil?: number;
    }
  /** Others serve a service than before. */
  | { readonly type: 'tier'; readonly service: ServiceKeyText; readonly tier: Tier }
  /** So many servers fell at once that the table is held: this director may be the one that is cut off. */
  | { readonly type: 'mass-failure'; readonly until: number }
  /** The hold is over: servers came back, or its time passed. */
  | { readonly type: 'mass-failure-over' }
  /** This program was late by so many milliseconds; so many runs are not counted. */
  | { readonly type: 'late'; readonly late: number; readonly runs: number }
  /**
   * A run could not be made for want of descriptors, memory, ports or an address to call from; told once in 10 s. `servers`:
   * whose check it is, `10.0.0.11:80 of tcp://192.0.2.1:80`.
   */
  | { readonly type: 'not-measured'; readonly reason: string; readonly servers: readonly string[] }
  /** A check passed, with a word of warning: a certificate that ends soon. Told when it changes. */
  | { readonly type: 'warning'; readonly target: string; readonly warning: string }
  /** The verdicts could not be written; told when it changes. */
  | { readonly type: 'journal'; readonly reason: string }
  /** A program that was to be told something failed, or a FIFO took no line. Nothing else follows from it. */
  | ({ readonly type: 'hook-failed' } & HookFailure);

/** Milliseconds in which transitions gather, so that they leave together. */
const GATHER = 50;
/** Milliseconds between two writings of the report while nothing changes. */
const REPORT = 10_000;
/** Milliseconds between two at least: a report of thousands of servers is megabytes. */
const REPORT_PAUSE = 1000;
/** Milliseconds between two words on trouble of this program. */
const QUIET = 10_000;
/** Milliseconds before a hold began in which those that it holds can have fallen. */
const HELD_BEFORE = 60_000;
/** Milliseconds that the table waits at most for the first outcomes, after the first second. */
const LONGEST_ROUND = 5000;
const DAY = 86_400_000;
/** An older state of a check than so many of its intervals says nothing any more. */
const FRESH_INTERVALS = 10;
/** A check that runs, for all the servers that have it. */
interface Watched extends Job {
  state: CheckState;
  took: number | undefined;
  warning: string | undefined;
  /** Why the last run was not measured, if it was not. */
  trouble: string | undefined;
  load: LoadState | undefined;
  readonly servers: Set<ServerName>;
}

interface WatchedServer {
  readonly name: ServerName;
  readonly key: ServiceKey;
  readonly destination: NormalDestination;
  readonly service: ServiceKeyText;
  readonly server: string;
  readonly role: 'server' | 'backup';
  readonly checks: readonly Watched[];
  readonly notify: NormalServiceNotify;
  /** When it came back, if that was not its first verdict. */
  returned: number | undefined;
}

interface WatchedService extends CheckedService {
  readonly name: ServiceKeyText;
  /** Its number on the agenda. */
  readonly place: number;
  readonly servers: readonly WatchedServer[];
  hasQuorum: boolean;
  /** What its hooks know. */
  toldQuorum: boolean | undefined;
  tier: Tier | undefined;
  /** What was decided last. */
  decision: Decision;
  /** When time alone changes that. */
  due: number;
}

/** What one service adds to the wishes. */
interface Decision {
  readonly verdicts: ReadonlyMap<ServerName, Verdict>;
  readonly cut: readonly ServerName[];
  readonly standIns: readonly NormalDestination[];
  readonly ramps: ReadonlyMap<ServerName, number>;
  readonly loads: ReadonlyMap<ServerName, number>;
}

const UNDECIDED: Decision = { verdicts: new Map(), cut: [], standIns: [], ramps: new Map(), loads: new Map() };

/** See the module. Close it when it is not needed any more: its sockets and timers go with it. */
export class HealthMonitor implements KeepHealth, Disposable {
  readonly #options: HealthMonitorOptions;
  readonly #start: 'last' | 'up' | 'down';
  readonly #clock: Clock;
  readonly #runner: Runner<Watched>;
  readonly #guard: MassFailureGuard | undefined;
  readonly #hooks: Hooks | undefined;
  readonly #emitter = new EventEmitter();
  /** Ends {@link HealthMonitor.changes}. */
  readonly #over = new AbortController();
  #watched = new Map<string, Watched>();
  #servers = new Map<ServerName, WatchedServer>();
  #services = new Map<ServiceKeyText, WatchedService>();
  /** The same, by their places on the agenda. */
  #places: readonly WatchedService[] = [];
  /** When time alone changes something. A service has a place there for each time that it had. */
  #agenda = new Agenda();
  /** What has to be decided upon anew. */
  readonly #dirty = new Set<WatchedService>();
  /** How many real servers are checked, each counted once. */
  #targets = 0;
  #overrides: readonly Override[] = [];
  #operatorWeight = operatorWeights([]);
  /** What another program, or an earlier run of this one, knew last. */
  #known: HealthReport | undefined;
  /** What is wanted, of all services together. */
  readonly #verdicts = new Map<ServerName, Verdict>();
  readonly #cut = new Set<ServerName>();
  readonly #standIns = new Map<ServiceKeyText, readonly NormalDestination[]>();
  readonly #ramps = new Map<ServerName, number>();
  readonly #loads = new Map<ServerName, number>();
  /** The same as somebody got it last, who may hold it for a while. */
  #wishes: HealthWishes | undefined;
  /** Those who wait for a first verdict of everything. */
  #waiting: (() => void)[] = [];
  #cancelGather: (() => void) | undefined;
  #cancelNext: (() => void) | undefined;
  #cancelReport: (() => void) | undefined;
  /** How many checks were never measured. */
  #unmeasured = 0;
  /** Whether the first round of all checks is over. */
  #isSettled = false;
  #reported = Number.NEGATIVE_INFINITY;
  #journalProblem = '';
  #quietUntil = 0;

  /** @throws {InvalidArgumentError} for options that are none. */
  constructor(options: HealthMonitorOptions = {}) {
    const { massFailure, start } = parse(optionsSchema, 'health monitor', options);
    const { clock = machineClock, run } = options;
    // What is no scope is told at the door.
    scopeMatcher(options.scope);
    this.#options = options;
    this.#start = start;
    this.#clock = clock;
    this.#guard = massFailure === false ? undefined : new MassFailureGuard(massFailure);
    const { runHook: hookRunner = runHook } = options;
    this.#hooks =
      hookRunner === false
        ? undefined
        : new Hooks(hookRunner, (failure) => this.#tell({ type: 'hook-failed', ...failure }));
    this.#runner = new Runner({
      clock,
      start: run === undefined ? startCheck : startBy(run),
      onOutcome: (watched, outcome, took) => this.#take(watched, outcome, took),
      onLate: (late, runs) => this.#tell({ type: 'late', late: Math.round(late), runs }),
    });
    if (options.directory !== undefined && start === 'last') {
      this.#known = readHealthReport(options.directory, options.scope);
    }
  }

  /**
   * Checks what a table says from now on. Checks that it had already go on with what is known of them; one that was changed starts
   * anew. Resolves once everything new was measured once, or had the time for it, or the signal says that nobody waits.
   * @throws {InvalidArgumentError} for a table that is none.
   */
  async follow(table: DesiredTable, signal?: AbortSignal): Promise<void> {
    this.#watch(parseDesiredTable(table));
    if (this.#unmeasured > 0 && signal?.aborted !== true) await this.#firstRound(signal);
    if (this.#over.signal.aborted) return;
    this.#isSettled = true;
    this.#decideAll();
    this.#report();
  }

  /** Takes what operators want of servers from now on: one that is drained, or has weight 0, is no help to a quorum. */
  override(overrides: readonly Override[]): void {
    const textOf = (some: readonly Override[]) => JSON.stringify(some);
    if (textOf(overrides) === textOf(this.#overrides)) return;
    for (const { service } of [...this.#overrides, ...overrides]) this.#touch(formatServiceKey(service));
    this.#overrides = overrides;
    this.#operatorWeight = operatorWeights(overrides);
    this.#decide();
  }

  /** A value whenever {@link HealthMonitor.wishes} gives something else, from now until it is closed. */
  get changes(): AsyncIterable<unknown> {
    return on(this.#emitter, 'changed', { signal: this.#over.signal });
  }

  /** What follows from the verdicts, now. */
  wishes(): HealthWishes {
    this.#wishes ??= {
      verdicts: new Map(this.#verdicts),
      cut: new Set(this.#cut),
      standIns: new Map(this.#standIns),
      ramps: new Map(this.#ramps),
      load: new Map(this.#loads),
    };
    return this.#wishes;
  }

  /** Milliseconds that the earliest check is late. Where they are many seconds, this program does not work as it should. */
  get behind(): number {
    return this.#runner.behind;
  }

  /** Everything that is known, as `ipvs-ts health` shows it. */
  report(): HealthReport {
    const heldSince = this.#guard?.heldSince;
    return {
      version: 1,
      written: this.#clock.wall(),
      pid: process.pid,
      ...(heldSince !== undefined && { heldSince }),
      services: Array.from(this.#services, ([service, { tier = 'primary', hasQuorum, decision }]) => ({
        service,
        tier,
        hasQuorum,
        standIns: decision.standIns.map(formatDestinationKey),
      })),
      servers: Array.from(this.#servers.values(), (server) => this.#reportOf(server)),
      states: Object.fromEntries(Array.from(this.#watched, ([key, { state }]) => [key, state])),
      loads: Object.fromEntries(
        [...this.#watched].flatMap(([key, { load }]) => (load === undefined ? [] : [[key, load]])),
      ),
    };
  }

  /** Ends all checks. The verdicts stay in the state directory. */
  [Symbol.dispose](): void {
    this.#runner[Symbol.dispose]();
    this.#hooks?.[Symbol.dispose]();
    for (const cancel of [this.#cancelGather, this.#cancelNext, this.#cancelReport]) cancel?.();
    this.#writeReport();
    for (const resolve of this.#waiting.splice(0)) resolve();
    this.#over.abort();
  }

  /** A hold outlives the program, as verdicts do. */
  #resumeHold(): void {
    const { heldSince, states = {} } = this.#known ?? {};
    if (heldSince === undefined) return;
    // Those that fell with the others; what was down before was not held.
    const down = [...this.#watched.values()].filter(({ key }) => {
      const { status, since = 0 } = (Object.hasOwn(states, key) ? states[key] : undefined) ?? {};
      return status === 'down' && since > heldSince - HELD_BEFORE;
    });
    this.#guard?.resume(
      heldSince,
      down.map((each) => this.#guarded(each)),
      this.#clock.now(),
    );
  }

  /** A program that can't measure has to begin some time too. */
  async #firstRound(signal: AbortSignal | undefined): Promise<void> {
    // The clock keeps nobody alive, and who waits here has perhaps nothing else yet.
    const stay = setInterval(() => undefined, DAY);
    await new Promise<void>((resolve) => {
      const end = () => {
        cancel();
        clearInterval(stay);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#clock.after(FIRST_ROUND + LONGEST_ROUND, end);
      this.#waiting.push(end);
      signal?.addEventListener('abort', end);
    });
  }

  #watch({ services = [], health = [] }: NormalDesiredTable): void {
    this.#isSettled = false;
    const [watched, servers, kept] = [this.#watched, this.#servers, this.#services];
    this.#watched = new Map();
    this.#servers = new Map();
    this.#services = new Map();
    for (const checked of checkedServices(services, health)) {
      const name = formatServiceKey(checked.service);
      const mine = checkedServers(checked).map((each) => this.#watchServer(each, watched, servers));
      const { hasQuorum = true, toldQuorum, tier, decision = UNDECIDED } = kept.get(name) ?? {};
      const [place, due] = [this.#services.size, Number.POSITIVE_INFINITY];
      const stand = { hasQuorum, toldQuorum, tier, decision, due };
      this.#services.set(name, { ...checked, name, place, servers: mine, ...stand });
    }
    for (const [name, { decision }] of kept) if (!this.#services.has(name)) this.#forget(name, decision);
    this.#places = [...this.#services.values()];
    this.#hooks?.keepOnly(new Set(this.#places.flatMap(({ health: { notify } }) => notify?.fifo ?? [])));
    this.#agenda = new Agenda();
    this.#dirty.clear();
    this.#touchAll();
    const checked = [...this.#servers.values()].filter(({ checks }) => checks.length > 0);
    this.#targets = new Set(checked.map(({ server }) => server)).size;
    for (const key of watched.keys()) if (!this.#watched.has(key)) this.#recover(key);
    if (this.#known !== undefined) this.#resume(this.#known);
    this.#known = undefined;
    this.#unmeasured = [...this.#watched.values()].filter(({ state }) => state.status === 'unknown').length;
    this.#runner.set(this.#watched);
  }

  /** Goes on with what a program before this one had decided upon services of which all is known still. */
  #resume(known: HealthReport): void {
    this.#resumeHold();
    const services = new Map(known.services.map((each) => [each.service, each]));
    const returned = new Map(known.servers.map((each) => [`${each.service} ${each.server}`, each.returned]));
    for (const service of this.#services.values()) {
      const before = services.get(service.name);
      const checks = service.servers.flatMap((server) => server.checks);
      if (before === undefined || checks.some(({ state }) => state.measured === undefined)) continue;
      service.hasQuorum = before.hasQuorum;
      service.tier = before.tier;
      const standIns = service.health.backups.filter((each) => before.standIns.includes(formatDestinationKey(each)));
      service.decision = { ...UNDECIDED, standIns };
      for (const server of service.servers) server.returned = returned.get(server.name);
    }
  }

  #watchServer(
    { health, destination, role, notify, jobs }: CheckedServer,
    watched: ReadonlyMap<string, Watched>,
    servers: ReadonlyMap<ServerName, WatchedServer>,
  ): WatchedServer {
    const name = serverName(health.service, destination);
    const checks = jobs.map((job) => {
      const here = this.#watched.get(job.key) ?? watched.get(job.key) ?? this.#begin(job);
      if (!this.#watched.has(job.key)) here.servers.clear();
      this.#watched.set(job.key, here);
      here.servers.add(name);
      return here;
    });
    const service = formatServiceKey(health.service);
    const server = formatDestinationKey(destination);
    const { returned } = servers.get(name) ?? {};
    const mine = { name, key: health.service, destination, service, server, role, checks, notify, returned };
    this.#servers.set(name, mine);
    return mine;
  }

  #begin(job: Job): Watched {
    const state = this.#firstState(job);
    const { loads = {} } = this.#known ?? {};
    const load = state.measured !== undefined && Object.hasOwn(loads, job.key) ? loads[job.key] : undefined;
    const { key, target, check } = job;
    // Not by a spread: V8 makes a description of each object of its own then, which is larger than the object.
    return {
      key,
      target,
      check,
      state,
      took: undefined,
      warning: undefined,
      trouble: undefined,
      load,
      servers: new Set(),
    };
  }

  #firstState({ key, check }: Job): CheckState {
    const now = this.#clock.now();
    const unknown = unknownSince(now);
    if (this.#start !== 'last') return { ...unknown, status: this.#start };
    const { states = {}, written = 0 } = this.#known ?? {};
    const known = Object.hasOwn(states, key) ? states[key] : undefined;
    const fresh = FRESH_INTERVALS * check.interval;
    // A program that was killed may have written last a while before.
    const isFresh = written - (known?.measured ?? 0) < fresh && now - written < REPORT + fresh;
    return known !== undefined && isFresh ? known : unknown;
  }

  /** Takes what a run found; the milliseconds to the next. */
  #take(watched: Watched, outcome: CheckOutcome, took: number): number {
    const { check, state: before } = watched;
    const now = this.#clock.now();
    watched.state = judge(before, outcome, check, now);
    watched.trouble = outcome.result === 'not measured' ? outcome.reason : undefined;
    if (outcome.result === 'not measured') {
      this.#tellTrouble(watched, outcome.reason, now);
      return check.recheck;
    }
    watched.took = Math.round(took);
    if (outcome.result === 'passed') this.#takePass(watched, outcome, now);
    if (watched.state.status !== before.status) this.#turn(watched, before, now);
    if (before.status === 'unknown' && --this.#unmeasured === 0)
      for (const resolve of this.#waiting.splice(0)) resolve();
    return pauseAfter(watched.state, check);
  }

  #takePass(watched: Watched, { warning, load }: CheckOutcome & { readonly result: 'passed' }, now: number): void {
    if (warning !== undefined && warning !== watched.warning) {
      this.#tell({ type: 'warning', target: targetText(watched), warning });
    }
    watched.warning = warning;
    const before = watched.load;
    watched.load = load === undefined ? undefined : loadAfter(before, load, now);
    if (watched.load?.taken !== before?.taken) this.#gather(watched);
  }

  #turn(watched: Watched, before: CheckState, now: number): void {
    const { key, check, state } = watched;
    if (state.status === 'down' && before.status === 'up') {
      const begins = this.#guard?.fell(this.#guarded(watched), now, 2 * check.interval, this.#targets) === true;
      if (begins) {
        this.#touchAll();
        this.#tell({ type: 'mass-failure', until: this.#guard?.ends ?? now });
      }
    }
    if (state.status === 'up') this.#recover(key);
    for (const name of watched.servers) this.#tellServer(this.#servers.get(name), watched, before, now);
    this.#gather(watched);
  }

  #guarded({ key, servers }: Watched): GuardedCheck {
    return { key, servers: new Set([...servers].flatMap((name) => this.#servers.get(name)?.server ?? [])) };
  }

  #recover(key: string): void {
    if (this.#guard?.recovered(key, this.#targets)) this.#endHold();
  }

  #endHold(): void {
    this.#touchAll();
    this.#tell({ type: 'mass-failure-over' });
  }

  #touch(service: ServiceKeyText): void {
    const watched = this.#services.get(service);
    if (watched !== undefined) this.#dirty.add(watched);
  }

  #touchAll(): void {
    for (const service of this.#services.values()) this.#dirty.add(service);
  }

  /** A server has a status of its own: it is up while all its checks pass. */
  #tellServer(server: WatchedServer | undefined, watched: Watched, before: CheckState, now: number): void {
    const { state } = watched;
    if (server === undefined || state.status === 'unknown') return;
    const others = server.checks.filter((each) => each !== watched);
    if (others.some((each) => each.state.status === 'down')) return;
    // One that had its weight all the time, in a hold, has it still; one that was never measured does not come back.
    const wasOut = this.#verdicts.has(server.name) && before.measured !== undefined;
    if (state.status === 'up' && wasOut) server.returned = now;
    const { service, server: name } = server;
    const { status, reason = '', heldUntil } = state;
    this.#tell({
      type: 'server',
      service,
      server: name,
      status,
      reason,
      ...(heldUntil !== undefined && { heldUntil }),
    });
    // That a server is up at first is no news, as keepalived has it.
    if (status === 'up' && before.status === 'unknown') return;
    this.#hooks?.tell(
      { service: server.key, server: server.destination, isUp: status === 'up', reason },
      server.notify,
    );
  }

  #tellTrouble(watched: Watched, reason: string, now: number): void {
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + QUIET;
    const named = [...watched.servers].flatMap((name) => {
      const { service, server } = this.#servers.get(name) ?? {};
      return service === undefined ? [] : [`${server} of ${service}`];
    });
    this.#tell({
      type: 'not-measured',
      reason: `${watched.check.type} ${targetText(watched)}: ${reason}`,
      servers: named,
    });
  }

  /** Soon, with whatever else comes. */
  #gather({ servers }: Watched): void {
    for (const name of servers) {
      const { service } = this.#servers.get(name) ?? {};
      if (service !== undefined) this.#touch(service);
    }
    this.#cancelGather ??= this.#clock.after(GATHER, () => {
      this.#cancelGather = undefined;
      this.#decide();
      this.#reportSoon();
    });
  }

  #decideAll(): void {
    this.#touchAll();
    this.#decide();
  }

  /** Makes up its mind on the services of which something has changed, and says so if that changes what is wanted. */
  #decide(): void {
    const now = this.#clock.now();
    if (this.#guard?.expire(now)) this.#endHold();
    let isNews = false;
    for (const service of this.#dirty) isNews = this.#decideOn(service, now) || isNews;
    this.#dirty.clear();
    this.#arm(now);
    if (!isNews) return;
    this.#wishes = undefined;
    this.#emitter.emit('changed');
  }

  /** Whether that changes what is wanted. */
  #decideOn(watched: WatchedService, now: number): boolean {
    const { name: service, health, destinations: servers, hasQuorum: hadQuorum, decision: before } = watched;
    const nameOf = (server: NormalDestination) => serverName(health.service, server);
    const loads = loadsOf(watched);
    const made = decide({
      health,
      servers,
      statusOf: (server) => this.#statusOf(nameOf(server)),
      weightOf: (server) => {
        const name = nameOf(server);
        return loads.get(name) === 0 ? 0 : this.#operatorWeight(name, server.weight);
      },
      hadQuorum,
      stoodIn: new Set(before.standIns.map(formatDestinationKey)),
      now,
    });
    watched.hasQuorum = made.hasQuorum;
    this.#tellQuorum(watched);
    if (watched.tier !== made.tier) {
      const isFirst = watched.tier === undefined && made.tier === 'primary';
      watched.tier = made.tier;
      if (!isFirst) this.#tell({ type: 'tier', service, tier: made.tier });
    }
    const { ramps, next } = this.#rampsOf(watched, now);
    this.#setDue(watched, Math.min(made.next ?? next, next));
    const verdicts = new Map(made.verdicts);
    // An agent that says 0 wants no new connections: that is weight 0, which no share of a weight is.
    for (const [name, percent] of loads) {
      if (percent > 0 || verdicts.has(name)) continue;
      loads.delete(name);
      verdicts.set(name, 'quiesce');
    }
    return this.#want(watched, { verdicts, cut: made.cut, standIns: made.standIns, ramps, loads });
  }

  /** Hooks learn how it is at first, too: what announces an address by them begins with it. */
  #tellQuorum(watched: WatchedService): void {
    const { health, servers, hasQuorum, toldQuorum } = watched;
    const { service, notify } = health;
    if (notify === undefined || hasQuorum === toldQuorum) return;
    const isKnown = servers.every(({ checks }) => checks.every(({ state }) => state.status !== 'unknown'));
    // A server that is not measured yet counts as up, and may be down.
    if (!isKnown && !this.#isSettled) return;
    watched.toldQuorum = hasQuorum;
    const reason = hasQuorum ? 'enough real servers are up' : 'too few real servers are up';
    this.#hooks?.tell({ service, isUp: hasQuorum, reason }, notify);
  }

  /** Whether that is something else than before. */
  #want(watched: WatchedService, decision: Decision): boolean {
    const { name, decision: before } = watched;
    watched.decision = decision;
    const isSame = decisionText(decision) === decisionText(before);
    // One that goes on from an earlier program has its decision in the journal only.
    if (isSame && this.#standIns.has(name) === decision.standIns.length > 0) return false;
    this.#forget(name, before);
    for (const [server, verdict] of decision.verdicts) this.#verdicts.set(server, verdict);
    for (const server of decision.cut) this.#cut.add(server);
    for (const [server, percent] of decision.ramps) this.#ramps.set(server, percent);
    for (const [server, percent] of decision.loads) this.#loads.set(server, percent);
    if (decision.standIns.length > 0) this.#standIns.set(name, decision.standIns);
    return true;
  }

  #forget(service: ServiceKeyText, { verdicts, cut, ramps, loads }: Decision): void {
    for (const server of cut) this.#cut.delete(server);
    for (const server of verdicts.keys()) this.#verdicts.delete(server);
    for (const server of ramps.keys()) this.#ramps.delete(server);
    for (const server of loads.keys()) this.#loads.delete(server);
    this.#standIns.delete(service);
  }

  /** Down while one of its checks is, unless the table is held for it; up again when the last is. */
  #statusOf(name: ServerName): ServerStatus {
    const checks = this.#servers.get(name)?.checks ?? [];
    const down = checks.filter(({ state, key }) => state.status === 'down' && this.#guard?.holds(key) !== true);
    if (down.length > 0) {
      const since = down.map(({ key, state }) => Math.max(state.since, this.#guard?.releasedAt(key) ?? 0));
      return { status: 'down', since: Math.min(...since) };
    }
    const status = checks.some(({ state }) => state.status === 'unknown') ? 'unknown' : 'up';
    return { status, since: Math.max(0, ...checks.map(({ state }) => state.since)) };
  }

  /** How far servers that came back are, and when that changes. */
  #rampsOf(
    { health, destinations, service: { scheduler } }: WatchedService,
    now: number,
  ): { readonly ramps: ReadonlyMap<ServerName, number>; readonly next: number } {
    const ramps = new Map<ServerName, number>();
    let next = Number.POSITIVE_INFINITY;
    if (health.ramp === 0 || !canRamp(scheduler)) return { ramps, next };
    for (const destination of destinations) {
      const name = serverName(health.service, destination);
      const { returned } = this.#servers.get(name) ?? {};
      const ramp = returned === undefined ? undefined : rampAt(returned, health.ramp, now);
      if (ramp === undefined || this.#statusOf(name).status !== 'up') continue;
      ramps.set(name, ramp.percent);
      next = Math.min(next, ramp.next);
    }
    return { ramps, next };
  }

  #setDue(watched: WatchedService, due: number): void {
    if (due === watched.due) return;
    watched.due = due;
    if (Number.isFinite(due)) this.#agenda.add(due, watched.place);
  }

  /** One timer, for when time alone changes something next. */
  #arm(now: number): void {
    this.#cancelNext?.();
    const at = Math.min(this.#agenda.earliest, this.#guard?.ends ?? Number.POSITIVE_INFINITY);
    this.#cancelNext = Number.isFinite(at) ? this.#clock.after(Math.max(0, at - now), () => this.#wake()) : undefined;
  }

  #wake(): void {
    const now = this.#clock.now();
    while (this.#agenda.earliest <= now) {
      const service = this.#places[this.#agenda.take()];
      if (service !== undefined && service.due <= now) this.#dirty.add(service);
    }
    this.#decide();
    this.#reportSoon();
  }

  #reportOf({ name, service, server, role, checks, returned }: WatchedServer): ServerReport {
    const status = checks.length === 0 ? 'unchecked' : this.#statusOf(name).status;
    const action = this.#verdicts.get(name) ?? 'none';
    return {
      service,
      server,
      role,
      status: checks.some(({ state }) => state.status === 'down') ? 'down' : status,
      action,
      ...(returned !== undefined && { returned }),
      checks: checks.map((watched) => ({
        check: watched.check.type,
        target: targetText(watched),
        ...watched.state,
        ...withoutUndefined({
          took: watched.took,
          notMeasured: watched.trouble,
          warning: watched.warning,
          load: watched.load?.taken,
        }),
      })),
    };
  }

  #reportSoon(): void {
    this.#report(Math.max(0, this.#reported + REPORT_PAUSE - this.#clock.now()));
  }

  /** In some milliseconds, and now and then from there on. */
  #report(pause = 0): void {
    if (this.#options.directory === undefined) return;
    this.#cancelReport?.();
    if (pause === 0) this.#writeReport();
    this.#cancelReport = this.#clock.after(pause === 0 ? REPORT : pause, () => this.#report());
  }

  #writeReport(): void {
    const { directory, scope } = this.#options;
    if (directory === undefined) return;
    this.#reported = this.#clock.now();
    let reason = '';
    try {
      writeHealthReport(directory, scope, this.report());
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      reason = error.message;
    }
    if (reason !== '' && reason !== this.#journalProblem) this.#tell({ type: 'journal', reason });
    this.#journalProblem = reason;
  }

  #tell(event: HealthEvent): void {
    this.#options.onEvent?.(event);
  }
}

function targetText({ target: { address, port } }: Job): string {
  return formatDestinationKey({ address, port });
}

function decisionText({ verdicts, cut, standIns, ramps, loads }: Decision): string {
  return JSON.stringify([[...verdicts], cut, standIns, [...ramps], [...loads]]);
}

/** Percent of their weights that servers ask for. */
function loadsOf({ servers }: WatchedService): Map<ServerName, number> {
  const loads = new Map<ServerName, number>();
  for (const { name, checks } of servers) {
    const taken = checks.flatMap(({ load }) => load?.taken ?? []);
    if (taken.length > 0) loads.set(name, Math.min(...taken));
  }
  return loads;
}

/** A run that gives a promise, begun as the others are. */
function startBy(run: NonNullable<HealthMonitorOptions['run']>): typeof startCheck {
  return (target: Target, check: NormalCheck, done: Done) => {
    const controller = new AbortController();
    const started = { end: () => controller.abort() };
    void run(target, check, controller.signal).then((outcome) => done(outcome, started));
    return started;
  };
}
