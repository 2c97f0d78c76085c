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
import { integer, lazy, parse } from '../model/parse.js';
import { formatServiceKey, type ServiceKeyText } from '../model/service-key.js';
import type { Verdict, Wishes } from '../reconcile/intent.js';
import type { HealthWishes, KeepHealth } from '../reconcile/keep.js';
import { type ServerName, serverName } from '../reconcile/override.js';
import type { CheckOutcome, Target } from './check-outcome.js';
import { type Clock, machineClock } from './clock.js';
import { MassFailureGuard, type MassFailureRules } from './guard.js';
import { type CheckedServer, type CheckedService, checkedServers, checkedServices, type Job } from './jobs.js';
import { type HealthReport, readHealthReport, type ServerReport, writeHealthReport } from './journal.js';
import { canRamp, rampAt } from './ramps.js';
import { runCheck } from './run-check.js';
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
  /** A run could not be made for want of descriptors, memory or ports; told once in 10 s. */
  | { readonly type: 'not-measured'; readonly reason: string }
  /** A check passed, with a word of warning: a certificate that ends soon. Told when it changes. */
  | { readonly type: 'warning'; readonly target: string; readonly warning: string }
  /** The verdicts could not be written; told when it changes. */
  | { readonly type: 'journal'; readonly reason: string };

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
/** Load is taken over when it moved by so many percent, */
const LOAD_STEP = 10;
/** and this many milliseconds after the last time. */
const LOAD_PAUSE = 10_000;
/** The share of a new value in the smoothed load. */
const LOAD_SHARE = 0.5;

/** A check that runs, for all the servers that have it. */
interface Watched {
  readonly job: Job;
  state: CheckState;
  took: number | undefined;
  warning: string | undefined;
  /** Percent, smoothed, and as it was last taken over. */
  load: { smooth: number; taken: number; at: number } | undefined;
  readonly servers: Set<ServerName>;
}

interface WatchedServer {
  readonly name: ServerName;
  readonly service: ServiceKeyText;
  readonly server: string;
  readonly role: 'server' | 'backup';
  readonly checks: readonly Watched[];
  /** When it came back, if that was not its first verdict. */
  returned: number | undefined;
}

interface WatchedService extends CheckedService {
  hasQuorum: boolean;
  tier: Tier | undefined;
}

/** See the module. Close it when it is not needed any more: its sockets and timers go with it. */
export class HealthMonitor implements KeepHealth, Disposable {
  readonly #options: HealthMonitorOptions;
  readonly #start: 'last' | 'up' | 'down';
  readonly #clock: Clock;
  readonly #runner: Runner;
  readonly #guard: MassFailureGuard | undefined;
  readonly #emitter = new EventEmitter();
  /** Ends {@link HealthMonitor.changes}. */
  readonly #over = new AbortController();
  #watched = new Map<string, Watched>();
  #servers = new Map<ServerName, WatchedServer>();
  #services = new Map<ServiceKeyText, WatchedService>();
  /** What another program, or an earlier run of this one, knew last. */
  #known: HealthReport | undefined;
  #wishes: HealthWishes = {};
  /** Those who wait for a first verdict of everything. */
  #waiting: (() => void)[] = [];
  #cancelGather: (() => void) | undefined;
  #cancelNext: (() => void) | undefined;
  #cancelReport: (() => void) | undefined;
  /** How many checks were never measured. */
  #unmeasured = 0;
  #reported = Number.NEGATIVE_INFINITY;
  #journalProblem = '';
  #quietUntil = 0;

  /** @throws {InvalidArgumentError} for options that are none. */
  constructor(options: HealthMonitorOptions = {}) {
    const { massFailure, start } = parse(optionsSchema, 'health monitor', options);
    const { clock = machineClock, run = runCheck } = options;
    this.#options = options;
    this.#start = start;
    this.#clock = clock;
    this.#guard = massFailure === false ? undefined : new MassFailureGuard(massFailure);
    this.#runner = new Runner({
      clock,
      run,
      onOutcome: (job, outcome, took) => this.#take(job, outcome, took),
      onLate: (late, runs) => this.#tell({ type: 'late', late: Math.round(late), runs }),
    });
    if (options.directory !== undefined && start === 'last') {
      this.#known = readHealthReport(options.directory);
      this.#resumeHold();
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
    this.#decide();
    this.#report();
  }

  /** A value whenever {@link HealthMonitor.wishes} gives something else, from now until it is closed. */
  get changes(): AsyncIterable<unknown> {
    return on(this.#emitter, 'changed', { signal: this.#over.signal });
  }

  /** What follows from the verdicts, now. */
  wishes(): HealthWishes {
    return this.#wishes;
  }

  /** Everything that is known, as `ipvs-ts health` shows it. */
  report(): HealthReport {
    const heldSince = this.#guard?.heldSince;
    return {
      version: 1,
      written: this.#clock.wall(),
      pid: process.pid,
      ...(heldSince !== undefined && { heldSince }),
      services: Array.from(this.#services, ([service, { tier = 'primary', hasQuorum }]) => ({
        service,
        tier,
        hasQuorum,
      })),
      servers: Array.from(this.#servers.values(), (server) => this.#reportOf(server)),
      states: Object.fromEntries(Array.from(this.#watched, ([key, { state }]) => [key, state])),
    };
  }

  /** Ends all checks. The verdicts stay in the state directory. */
  [Symbol.dispose](): void {
    this.#runner[Symbol.dispose]();
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
    const down = Object.entries(states).filter(
      ([, { status, since }]) => status === 'down' && since > heldSince - HELD_BEFORE,
    );
    this.#guard?.resume(
      heldSince,
      down.map(([key]) => key),
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
    const [watched, servers, kept] = [this.#watched, this.#servers, this.#services];
    this.#watched = new Map();
    this.#servers = new Map();
    this.#services = new Map();
    for (const checked of checkedServices(services, health)) {
      const service = formatServiceKey(checked.service);
      const { hasQuorum = true, tier } = kept.get(service) ?? {};
      this.#services.set(service, { ...checked, hasQuorum, tier });
      for (const each of checkedServers(checked)) this.#watchServer(each, watched, servers);
    }
    for (const key of watched.keys()) if (!this.#watched.has(key)) this.#recover(key);
    this.#known = undefined;
    this.#unmeasured = [...this.#watched.values()].filter(({ state }) => state.status === 'unknown').length;
    this.#runner.set(new Map(Array.from(this.#watched, ([key, { job }]) => [key, job])));
  }

  #watchServer(
    { health, destination, role, jobs }: CheckedServer,
    watched: ReadonlyMap<string, Watched>,
    servers: ReadonlyMap<ServerName, WatchedServer>,
  ): void {
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
    this.#servers.set(name, { name, service, server, role, checks, returned: servers.get(name)?.returned });
  }

  #begin(job: Job): Watched {
    return {
      job,
      state: this.#firstState(job),
      took: undefined,
      warning: undefined,
      load: undefined,
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
  #take(job: Job, outcome: CheckOutcome, took: number): number {
    const watched = this.#watched.get(job.key);
    if (watched === undefined) return job.check.interval;
    const before = watched.state;
    const now = this.#clock.now();
    watched.state = judge(before, outcome, job.check, now);
    if (outcome.result === 'not measured') {
      this.#tellTrouble(`${job.check.type} ${targetText(job)}: ${outcome.reason}`, now);
      return job.check.recheck;
    }
    watched.took = Math.round(took);
    if (outcome.result === 'passed') this.#takePass(watched, outcome, now);
    if (watched.state.status !== before.status) this.#turn(watched, before, now);
    if (before.status === 'unknown' && --this.#unmeasured === 0)
      for (const resolve of this.#waiting.splice(0)) resolve();
    return pauseAfter(watched.state, job.check);
  }

  #takePass(watched: Watched, { warning, load }: CheckOutcome & { readonly result: 'passed' }, now: number): void {
    if (warning !== undefined && warning !== watched.warning) {
      this.#tell({ type: 'warning', target: targetText(watched.job), warning });
    }
    watched.warning = warning;
    if (load === undefined) {
      // It asks for none any more.
      if (watched.load !== undefined) this.#gather();
      watched.load = undefined;
      return;
    }
    const { smooth = load, taken, at } = watched.load ?? {};
    const next = smooth + (load - smooth) * LOAD_SHARE;
    const isNews =
      taken === undefined || at === undefined || (Math.abs(next - taken) >= LOAD_STEP && now - at >= LOAD_PAUSE);
    // 0 takes all new connections away: that is a wish of the server's own, and not smoothed.
    const isPlain = load === 0 || taken === 0;
    if (!isNews && !isPlain) watched.load = { smooth: next, taken, at };
    else {
      watched.load = { smooth: isPlain ? load : next, taken: isPlain ? load : Math.round(next), at: now };
      this.#gather();
    }
  }

  #turn(watched: Watched, before: CheckState, now: number): void {
    const { job, state } = watched;
    const targets = this.#watched.size;
    if (state.status === 'down' && before.status === 'up') {
      const begins = this.#guard?.fell(job.key, now, 2 * job.check.interval, targets) === true;
      if (begins) this.#tell({ type: 'mass-failure', until: this.#guard?.ends ?? now });
    }
    if (state.status === 'up') this.#recover(job.key);
    for (const name of watched.servers) this.#tellServer(this.#servers.get(name), watched, before, now);
    this.#gather();
  }

  #recover(key: string): void {
    if (this.#guard?.recovered(key, this.#watched.size)) this.#tell({ type: 'mass-failure-over' });
  }

  /** A server has a status of its own: it is up while all its checks pass. */
  #tellServer(server: WatchedServer | undefined, watched: Watched, before: CheckState, now: number): void {
    const { state } = watched;
    if (server === undefined || state.status === 'unknown') return;
    const others = server.checks.filter((each) => each !== watched);
    if (others.some((each) => each.state.status === 'down')) return;
    // One that had its weight all the time, in a hold, has it still; one that was never measured does not come back.
    const wasOut = this.#wishes.verdicts?.has(server.name) === true && before.measured !== undefined;
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
  }

  #tellTrouble(reason: string, now: number): void {
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + QUIET;
    this.#tell({ type: 'not-measured', reason });
  }

  /** Soon, with whatever else comes. */
  #gather(): void {
    this.#cancelGather ??= this.#clock.after(GATHER, () => {
      this.#cancelGather = undefined;
      this.#decide();
      this.#report(Math.max(0, this.#reported + REPORT_PAUSE - this.#clock.now()));
    });
  }

  /** Makes up its mind on every service, and says so if that changes what is wanted. */
  #decide(): void {
    const now = this.#clock.now();
    if (this.#guard?.expire(now)) this.#tell({ type: 'mass-failure-over' });
    const verdicts = new Map<ServerName, Verdict>();
    const standIns = new Map<ServiceKeyText, readonly NormalDestination[]>();
    const ramps = new Map<ServerName, number>();
    let next = this.#guard?.ends ?? Number.POSITIVE_INFINITY;
    for (const [service, watched] of this.#services) {
      const { health, destinations: servers, hasQuorum: hadQuorum } = watched;
      const statusOf = (server: NormalDestination) => this.#statusOf(serverName(health.service, server));
      const decision = decide({ health, servers, statusOf, hadQuorum, now });
      watched.hasQuorum = decision.hasQuorum;
      if (watched.tier !== decision.tier) {
        const isFirst = watched.tier === undefined && decision.tier === 'primary';
        watched.tier = decision.tier;
        if (!isFirst) this.#tell({ type: 'tier', service, tier: decision.tier });
      }
      for (const [name, verdict] of decision.verdicts) verdicts.set(name, verdict);
      if (decision.standIns.length > 0) standIns.set(service, decision.standIns);
      next = Math.min(next, decision.next ?? next, ...this.#ramp(watched, now, ramps));
    }
    this.#arm(next, now);
    this.#want({ verdicts, standIns, ramps, load: this.#loads(verdicts) });
  }

  #want(wishes: HealthWishes): void {
    if (wishText(wishes) === wishText(this.#wishes)) return;
    this.#wishes = wishes;
    this.#emitter.emit('changed');
  }

  /** Down while one of its checks is, unless the table is held for it; up again when the last is. */
  #statusOf(name: ServerName): ServerStatus {
    const checks = this.#servers.get(name)?.checks ?? [];
    const down = checks.filter(({ state, job }) => state.status === 'down' && this.#guard?.holds(job.key) !== true);
    if (down.length > 0) {
      const since = down.map(({ job, state }) => Math.max(state.since, this.#guard?.releasedAt(job.key) ?? 0));
      return { status: 'down', since: Math.min(...since) };
    }
    const status = checks.some(({ state }) => state.status === 'unknown') ? 'unknown' : 'up';
    return { status, since: Math.max(0, ...checks.map(({ state }) => state.since)) };
  }

  #ramp(
    { health, destinations, service: { scheduler } }: WatchedService,
    now: number,
    ramps: Map<ServerName, number>,
  ): number[] {
    if (health.ramp === 0 || !canRamp(scheduler)) return [];
    return destinations.flatMap((server) => {
      const name = serverName(health.service, server);
      const { returned } = this.#servers.get(name) ?? {};
      if (returned === undefined || this.#statusOf(name).status !== 'up') return [];
      const ramp = rampAt(returned, health.ramp, now);
      if (ramp === undefined) return [];
      ramps.set(name, ramp.percent);
      return [ramp.next];
    });
  }

  /** An agent that says 0 wants no new connections: that is weight 0, which no share of a weight is. */
  #loads(verdicts: Map<ServerName, Verdict>): ReadonlyMap<ServerName, number> {
    const loads = new Map<ServerName, number>();
    for (const { name, checks } of this.#servers.values()) {
      const taken = checks.flatMap(({ load }) => load?.taken ?? []);
      if (taken.length === 0) continue;
      const percent = Math.min(...taken);
      if (percent === 0 && !verdicts.has(name)) verdicts.set(name, 'quiesce');
      else loads.set(name, percent);
    }
    return loads;
  }

  /** Time alone changes something then. */
  #arm(at: number, now: number): void {
    this.#cancelNext?.();
    this.#cancelNext = Number.isFinite(at) ? this.#clock.after(Math.max(0, at - now), () => this.#decide()) : undefined;
  }

  #reportOf({ name, service, server, role, checks }: WatchedServer): ServerReport {
    const status = checks.length === 0 ? 'unchecked' : this.#statusOf(name).status;
    const action = this.#wishes.verdicts?.get(name) ?? 'none';
    return {
      service,
      server,
      role,
      status: checks.some(({ state }) => state.status === 'down') ? 'down' : status,
      action,
      checks: checks.map(({ job, state, took }) => ({
        check: job.check.type,
        target: targetText(job),
        ...state,
        ...(took !== undefined && { took }),
      })),
    };
  }

  /** In some milliseconds, and now and then from there on. */
  #report(pause = 0): void {
    if (this.#options.directory === undefined) return;
    this.#cancelReport?.();
    if (pause === 0) this.#writeReport();
    this.#cancelReport = this.#clock.after(pause === 0 ? REPORT : pause, () => this.#report());
  }

  #writeReport(): void {
    const { directory } = this.#options;
    if (directory === undefined) return;
    this.#reported = this.#clock.now();
    let reason = '';
    try {
      writeHealthReport(directory, this.report());
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

function wishText({ verdicts, standIns, load, ramps }: Partial<Wishes>): string {
  return JSON.stringify([verdicts, standIns, load, ramps].map((map) => [...(map ?? [])]));
}
