/**
 * What a running daemon knows: the table, the file, how keeping it goes, and what happened.
 * @module
 */
import type { DesiredState } from '../config/desired-state.js';
import { type ReadOptions, readStateBytes } from '../config/read.js';
import type { Finding } from '../doctor/finding.js';
import { ReconcileError } from '../errors.js';
import type { HealthReport } from '../health/journal.js';
import type { HealthEvent, HealthMonitor } from '../health/monitor.js';
import type { Ipvs } from '../ipvs.js';
import { keepEventJson } from '../json/events.js';
import type { PeerCredentials } from '../linux/peer-credentials.js';
import { HealthCounters } from '../metrics/health-counters.js';
import { KeepCounters } from '../metrics/keep-counters.js';
import type { NormalDesiredTable } from '../model/desired.js';
import type { TableAccess } from '../model/table-access.js';
import { refuseNext } from '../reconcile/acceptable.js';
import { effective } from '../reconcile/intent.js';
import type { KeepEvent, KeepLook } from '../reconcile/keep.js';
import { readOverrides } from '../reconcile/overrides.js';
import { type Plan, plan } from '../reconcile/plan.js';
import type { Scope } from '../reconcile/scope.js';
import { readState } from '../reconcile/state.js';
import { readDocument } from './desired-file.js';
import { EventRing } from './event-ring.js';
import { History } from './history.js';
import type { KeepParts } from './keep-file.js';
import { OneAtATime } from './one-at-a-time.js';
import { Progress } from './progress.js';
import { type ReadTable, sharedReads } from './shared-reads.js';

/** A table that may know whether its kernel counts traffic, and may move connections. */
export type ServedTable = TableAccess & Partial<Pick<Ipvs, 'countsTraffic' | 'moveConnections'>>;

/** What a daemon serves, and by which rules. */
export interface DirectorOptions {
  readonly file: string;
  /** Where overrides are (`stateDirectory`). */
  readonly directory: string;
  /** Where the history is. Default: `persistentDirectory()`. */
  readonly historyRoot?: string | undefined;
  /** The version of this program. */
  readonly version: string;
  /** The rules of `keep`. */
  readonly interval: number;
  readonly maxRemoval: number;
  readonly prune: boolean;
  readonly scope: Scope | undefined;
  /** The variables of the file. */
  readonly env: NodeJS.ProcessEnv;
  /** Throws if this program cannot keep what a file says. */
  readonly accept: (state: DesiredState) => void;
  /** Called with trouble that does not concern the table. */
  readonly onTrouble: (what: string, error: Error) => void;
  /** Called with every request that changed something or was to, and with every one that was not let in. */
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
  /** Examines the host. */
  readonly examine: () => Promise<readonly Finding[]>;
  /** Ends what requests have begun. */
  readonly signal: AbortSignal;
  /** Who is told of progress besides. Default: nobody. */
  readonly progress?: Progress | undefined;
}

/** A request that changed something or was to, or that was not let in. */
export interface RequestEvent {
  readonly type: 'request';
  /** The name of a token, or of the user at the socket (`unix:anna`); undefined for a token that is not known. */
  readonly who: string | undefined;
  /** The process at the socket: its id, user and group. */
  readonly peer?: PeerCredentials | undefined;
  /** The address of the client; undefined at the socket. */
  readonly from: string | undefined;
  readonly method: string;
  /** With its query; control characters are spelled out, and what is long is cut. */
  readonly path: string;
  /** Of the answer. */
  readonly status: number;
  /** The header X-Reason. */
  readonly reason: string | undefined;
}

/** Who put a document there by a request, and why. */
interface NotedRequest {
  readonly revision: string;
  readonly who: string;
  readonly reason: string | undefined;
}

/** A look of the keeping loop, and the file that it was for. */
export interface Look extends KeepLook {
  /** SHA-256 of the file, in hexadecimal. */
  readonly revision: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Milliseconds that a report of the checks is told again. */
const REPORT_AGE = 1000;

/** See the module. */
export class Director {
  readonly table: ServedTable;
  /** The same for requests that read. */
  readonly reads: ReadTable;
  readonly options: DirectorOptions;
  readonly events = new EventRing();
  readonly started = Date.now();
  readonly history: History;
  readonly keepCounters = new KeepCounters();
  readonly healthCounters = new HealthCounters();
  /** Simulations wait for each other: they take a processor, and megabytes. */
  readonly simulating = new OneAtATime();
  readonly progress: Progress;
  #parts: KeepParts | undefined;
  #look: Look | undefined;
  /** Of the file that was read last, and of the one that is in force. */
  #reading: string | undefined;
  #inForce: string | undefined;
  #wanted: NormalDesiredTable = {};
  #isReady = false;
  #isEnding = false;
  #badSource: string | undefined;
  #noted: NotedRequest | undefined;
  #report: { readonly at: number; readonly report: HealthReport } | undefined;
  readonly #waiting = new Set<() => void>();
  /** Those who change something wait for each other here. */
  readonly #writing = new OneAtATime();

  constructor(table: ServedTable, options: DirectorOptions) {
    this.table = table;
    this.reads = sharedReads(table);
    this.options = options;
    this.progress = options.progress ?? new Progress(options.interval);
    this.history = new History(options.file, options.historyRoot);
  }

  // What the keeping loop tells

  start(parts: KeepParts): void {
    this.#parts = parts;
    this.progress.begin(parts.health);
  }

  tellKeep(event: KeepEvent): void {
    this.keepCounters.tell(event);
    if (event.type === 'ready') this.#isReady = true;
    if (event.type === 'stopping') {
      this.#isEnding = true;
      this.progress.end();
    }
    if (event.type === 'applied') this.#badSource = undefined;
    if (event.type === 'bad-source') {
      this.#badSource = event.error.message;
      this.#reading = this.#inForce;
    }
    this.events.push(event.type, shortened(keepEventJson(event)));
    this.#wake();
  }

  tellRead(): void {
    this.#reading = this.#parts?.source.revision;
  }

  tellHealth(event: HealthEvent): void {
    this.#report = undefined;
    this.healthCounters.tell(event);
    this.events.push(event.type, event);
  }

  tellLook(look: KeepLook): void {
    this.#report = undefined;
    this.progress.look(look);
    this.#wanted = look.wanted;
    if (this.#inForce !== this.#reading) this.#record();
    this.#inForce = this.#reading;
    this.#look = { ...look, revision: this.#inForce, at: Date.now() };
    this.#wake();
  }

  // What the API tells

  tellRequest(event: RequestEvent): void {
    this.events.push(event.type, event);
    this.options.onRequest?.(event);
  }

  // What requests ask

  get health(): HealthMonitor | undefined {
    return this.#parts?.health;
  }

  /**
   * What the checks found, at most a second ago, and since the last verdict: with many servers it is work to gather, and there may be many who
   * ask. Undefined before the program has begun.
   */
  healthReport(): HealthReport | undefined {
    const now = performance.now();
    if (this.#report === undefined || now - this.#report.at >= REPORT_AGE) {
      const report = this.health?.report();
      this.#report = report && { at: now, report };
    }
    return this.#report?.report;
  }

  /** The table that is wanted: of the file that is in force. */
  get wanted(): NormalDesiredTable {
    return this.#wanted;
  }

  /** The last look. */
  get look(): Look | undefined {
    return this.#look;
  }

  /** Why the file as it is now is not in force. */
  get badSource(): string | undefined {
    return this.#badSource;
  }

  /** Why the program makes no progress; undefined if it does. */
  get stall(): string | undefined {
    return this.progress.stall;
  }

  /** Why traffic should not come here yet; empty when all is ready. */
  get unready(): string[] {
    const unmeasured = (this.healthReport()?.servers ?? []).filter(({ status }) => status === 'unknown').length;
    const error = this.#look?.error;
    return [
      ...(this.#isReady ? [] : ['the table is not applied yet']),
      ...(this.#isEnding ? ['the program is ending'] : []),
      ...(unmeasured > 0 ? [`${unmeasured} real servers have not been checked yet`] : []),
      ...(this.#isReady && error !== undefined && !(error instanceof ReconcileError)
        ? [`the last look at the table failed: ${error.message}`]
        : []),
    ];
  }

  /**
   * A document as a state that could be kept.
   * @throws {ConfigError} with everything that is wrong with it, or what the rules refuse of it.
   */
  read(bytes: Uint8Array, onWarning?: ReadOptions['onWarning']): DesiredState {
    const state = readStateBytes(bytes, 'document', { env: this.options.env, onWarning });
    this.options.accept(state);
    refuseNext(this.#wanted, state, this.options);
    return state;
  }

  /** What would make the table as a state says, with drains, weights and verdicts as they are now. */
  async plan(state: NormalDesiredTable): Promise<Plan> {
    const { directory, prune, scope } = this.options;
    const wishes = this.health?.wishes() ?? {};
    const joined = effective(state, { ...wishes, overrides: readOverrides(directory) });
    return plan(await readState(this.table, joined), joined, { prune, scope });
  }

  /** Lets the loop read the file now. */
  reload(): void {
    this.#parts?.source.reload();
  }

  /** Says that a request puts this document there. */
  noteRequest(noted: NotedRequest): void {
    this.#noted = noted;
  }

  /** Waits for the look that is for a revision of the file; undefined if it does not come in time, or never can. */
  async lookFor(revision: string, milliseconds: number): Promise<Look | undefined> {
    const end = performance.now() + milliseconds;
    const found = () => (this.#look?.revision === revision ? this.#look : undefined);
    while (found() === undefined && !this.#isEnding && performance.now() < end) await this.#change(end);
    return found();
  }

  /** Does one change after the other. */
  async write<Value>(work: () => Promise<Value>): Promise<Value> {
    return await this.#writing.do(work);
  }

  /** What is in force from now on. That it can't be written down is no reason to let the table be. */
  #record(): void {
    try {
      const { bytes, revision } = readDocument(this.options.file);
      if (revision !== this.#reading) return;
      const noted = this.#noted?.revision === revision ? this.#noted : undefined;
      const by = noted === undefined ? 'file' : 'api';
      this.history.add({ time: Date.now(), revision, by, who: noted?.who, reason: noted?.reason }, bytes);
    } catch (error) {
      this.options.onTrouble('history', error as Error);
    }
  }

  #change(end: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, end - performance.now()));
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

/** Steps of a plan that an event has. */
const STEPS = 100;

/** An event without the rest of a long plan: there may be 10,000 of them in memory. */
function shortened(event: Readonly<Record<string, unknown>>): object {
  const { plan: whole, ...rest } = event as { readonly plan?: Plan };
  if (whole === undefined) return rest;
  const { steps, unmanaged } = whole;
  return {
    ...rest,
    plan: {
      steps: steps.slice(0, STEPS).map(({ stage, what, why }) => ({ stage, what, why })),
      more: Math.max(0, steps.length - STEPS),
      unmanaged: unmanaged.slice(0, STEPS),
    },
  };
}
