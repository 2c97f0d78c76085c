/**
 * Carrying out a plan.
 *
 * A run keeps no record: the kernel's table is all there is to know, and whoever is killed in the middle makes a new plan from
 * it. Steps of one stage travel together; a stage begins when the one before is over, so that a refusal is known before
 * anything is taken away.
 * @module
 */
import { InterruptedError, KernelError, ReconcileError, UnavailableError } from '../errors.js';
import { type NormalChange, readChange } from '../model/change.js';
import type { DesiredTable } from '../model/desired.js';
import { asObject, Fields, readList, under } from '../model/fields.js';
import { oneWordOf, TEXT } from '../model/rules.js';
import { formatServiceKey } from '../model/service-key.js';
import type { TableAccess } from '../model/table-access.js';
import { type DrainProgress, type DrainSettings, drain } from './drain.js';
import { isInForce } from './in-force.js';
import { type Plan, type PlanOptions, plan, STAGES, type Step } from './plan.js';
import { readState } from './state.js';

/** Steps that are sent together at most: a few milliseconds of work. */
const PIECE = 512;

/** How to carry out. */
export interface ApplyPlanOptions {
  /**
   * After a refusal: `rollback` (default) takes back what this run did; `stop` leaves it so; `continue` does what else can be
   * done, except to services that a step was refused for. What travelled together with the refused step is done in any case.
   */
  readonly onRefusal?: 'rollback' | 'stop' | 'continue' | undefined;
  /** Called after each step that was done. */
  readonly onProgress?: ((progress: ApplyProgress) => void) | undefined;
  /** Ends it between two pieces, and while it drains, with `signal.reason`; what was done then follows `onRefusal`. */
  readonly signal?: AbortSignal | undefined;
  /** Drain what is removed, all of it at once. Default: remove it, and its connections lose their server. */
  readonly drain?: ApplyDrain | undefined;
}

/** How to drain what a plan removes. */
export interface ApplyDrain extends DrainSettings {
  readonly onProgress?: ((progress: DrainProgress) => void) | undefined;
}

/** How far a run is. */
export interface ApplyProgress {
  /** The step that was done. */
  readonly step: Step;
  /** Steps done, and steps of the plan. */
  readonly done: number;
  readonly total: number;
}

/**
 * Does the steps of a plan, in its order, and gives back those that were done: all.
 * @throws {InvalidArgumentError} for a plan that is none, with the path of every wrong field; nothing was done.
 * @throws {ReconcileError} if a step was refused, or if the run was ended and something of it is in force.
 *
 * @example
 * ```ts
 * import { applyPlan, plan, readState } from 'ipvs-ts/reconcile';
 * const wanted = { services: [] };
 * await applyPlan(ipvs, plan(await readState(ipvs, wanted), wanted, { prune: true }), { onRefusal: 'stop' });
 * ```
 */
export async function applyPlan(
  table: TableAccess,
  plan: Plan,
  options: ApplyPlanOptions = {},
): Promise<readonly Step[]> {
  return carryOut(table, checkSteps(plan), options);
}

/** As {@link applyPlan}, of steps that were checked, or just made. */
async function carryOut(
  table: TableAccess,
  steps: readonly Step[],
  options: ApplyPlanOptions,
): Promise<readonly Step[]> {
  const { onRefusal = 'rollback', signal, onProgress } = options;
  signal?.throwIfAborted();
  let done = 0;
  const run: Run = new Run(table, {
    perform: (step) => perform(table, step, options),
    changes: (step) => [step.change],
    goesOn: () => signal?.aborted !== true && (onRefusal === 'continue' || !run.failed),
    onDone: (step) => {
      done += 1;
      onProgress?.({ step, done, total: steps.length });
    },
  });
  await run.through(steps);
  if (done === steps.length) return steps;
  const back = onRefusal === 'rollback' ? await takeBack(table, run.those('done')) : undefined;
  throw failureOf(run, back, signal);
}

/** A plan may have been JSON meanwhile. What an update leaves as only a kernel has it, the table tells when it is asked to. */
function checkSteps(plan: Plan): readonly Step[] {
  const { steps } = asObject('plan', plan);
  const readChanges = (input: unknown) => readList('changes', input, (change) => readChange(change, []));
  return under('steps', () =>
    readList('plan', steps, (input) => {
      const fields = new Fields('step', input, STEP_FIELDS);
      const stage = fields.required('stage', STAGE);
      const change = fields.requiredPart('change', (value) => readChange(value, []));
      const undo = fields.requiredPart('undo', readChanges);
      const words = { what: fields.required('what', TEXT), why: fields.required('why', TEXT) };
      fields.end();
      if (change === undefined || undo === undefined) throw new Error('a part is missing, and nothing was said of it');
      return { stage, change, ...words, undo };
    }),
  );
}

const STEP_FIELDS: ReadonlySet<string> = new Set(['stage', 'change', 'what', 'why', 'undo']);
const STAGE = oneWordOf(...STAGES);

/** Takes steps back, the last one first: the reverse of an order that harms nothing. */
async function takeBack(table: TableAccess, steps: readonly Step[]): Promise<Run> {
  const run = new Run(table, {
    perform: (step) => send(table, step.undo),
    changes: (step) => step.undo,
    goesOn: () => true,
  });
  await run.through(steps.toReversed());
  return run;
}

/** Where the table stands. */
function failureOf(run: Run, back: Run | undefined, signal: AbortSignal | undefined): unknown {
  const inForce = back === undefined ? run.those('done') : [...back.those('refused'), ...back.those('not tried')];
  const unknown = [...run.those('unknown'), ...(back?.those('unknown') ?? [])];
  const failure = {
    refused: [...run.refusals(), ...(back?.refusals('take back: ') ?? [])],
    inForce: whats(inForce),
    takenBack: whats(back?.those('done') ?? []),
    notTried: whats(run.those('not tried')),
    unknown: whats(unknown),
  };
  const nothingLeft = failure.refused.length + inForce.length + unknown.length === 0;
  return nothingLeft
    ? signal?.reason
    : new ReconcileError(failure, run.firstError ?? back?.firstError ?? signal?.reason);
}

function whats(steps: readonly Step[]): string[] {
  return steps.map(({ what }) => what);
}

/** What {@link reconcile} takes. */
export interface ReconcileOptions extends PlanOptions, ApplyPlanOptions {}

/**
 * Makes the kernel's table the wanted one: reads it, makes a plan and carries that out. Doing it again does nothing.
 * @throws as `readState`, `plan` and `applyPlan`.
 *
 * @example
 * ```ts
 * import { loadStateFile } from 'ipvs-ts/config';
 * import { reconcile } from 'ipvs-ts/reconcile';
 * const { steps } = await reconcile(ipvs, await loadStateFile('/etc/ipvs.yaml'), { prune: true });
 * ```
 */
export async function reconcile(
  table: TableAccess,
  desired: DesiredTable,
  options: ReconcileOptions = {},
): Promise<Plan> {
  const { signal } = options;
  const made = plan(await readState(table, desired, { signal }), desired, options);
  await carryOut(table, made.steps, options);
  return made;
}

/** `not tried`: the run had ended, or the step could harm a service after a refusal. */
type Outcome = 'done' | 'refused' | 'unknown' | 'not tried';

/** What a run does with a step, and how far it goes. */
interface RunPolicy {
  /**
   * Does a step; false if it was given up without effect. What it sends, it sends before it gives back its promise, so that
   * steps travel in their order.
   */
  readonly perform: (step: Step) => Promise<boolean>;
  /** What is so once a step is done. */
  readonly changes: (step: Step) => readonly NormalChange[];
  readonly goesOn: () => boolean;
  readonly onDone?: (step: Step) => void;
}

/** Steps being carried out, forwards or backwards, and what became of each. */
class Run {
  readonly #table: TableAccess;
  readonly #policy: RunPolicy;
  readonly #outcomes = new Map<Step, Outcome>();
  readonly #errors = new Map<Step, Error>();
  /** What a step failed for keeps what it has. */
  readonly #spared = new Set<string>();

  constructor(table: TableAccess, policy: RunPolicy) {
    this.#table = table;
    this.#policy = policy;
  }

  get failed(): boolean {
    return this.#spared.size > 0;
  }

  /** In the order in which they were to be done. */
  those(outcome: Outcome): Step[] {
    return [...this.#outcomes].filter(([, its]) => its === outcome).map(([step]) => step);
  }

  get firstError(): Error | undefined {
    return this.#errors.values().next().value;
  }

  /** Why steps were refused. */
  refusals(words = ''): { step: string; error: Error }[] {
    return [...this.#errors].flatMap(([step, error]) =>
      this.#outcomes.get(step) === 'refused' ? [{ step: words + step.what, error }] : [],
    );
  }

  async through(steps: readonly Step[]): Promise<void> {
    for (const piece of pieces(steps)) {
      const goesOn = this.#policy.goesOn();
      const tried = piece.filter((step) => goesOn && !this.#spared.has(subjectOf(step.change)));
      for (const step of piece) this.#outcomes.set(step, 'not tried');
      const results = await Promise.allSettled(tried.map((step) => this.#policy.perform(step)));
      for (const [index, step] of tried.entries()) await this.#note(step, results[index]);
    }
  }

  async #note(step: Step, result: PromiseSettledResult<boolean> | undefined): Promise<void> {
    if (result?.status === 'fulfilled' && !result.value) return;
    const error = result?.status === 'rejected' ? (result.reason as Error) : undefined;
    const outcome = error === undefined ? 'done' : await this.#outcomeAfter(error, step);
    this.#outcomes.set(step, outcome);
    if (outcome === 'done') return this.#policy.onDone?.(step);
    this.#spared.add(subjectOf(step.change));
    if (error !== undefined) this.#errors.set(step, error);
  }

  /** An answer that was lost says nothing of the change, nor does one that somebody else was quicker: the table does. */
  async #outcomeAfter(error: Error, step: Step): Promise<Outcome> {
    if (error instanceof KernelError && error.code !== 'ENOENT' && error.code !== 'ESRCH') return 'refused';
    // The source has no form for the change, or there is no source: nothing was sent.
    if (error instanceof UnavailableError) return 'refused';
    try {
      for (const change of this.#policy.changes(step)) if (!(await isInForce(this.#table, change))) return 'refused';
      return 'done';
    } catch {
      return 'unknown';
    }
  }
}

/** Neighbours of one stage. */
function* pieces(steps: readonly Step[]): Generator<readonly Step[], void, undefined> {
  let first = 0;
  for (const [index, step] of steps.entries()) {
    const next = steps[index + 1];
    if (next?.stage === step.stage && index + 1 - first < PIECE) continue;
    yield steps.slice(first, index + 1);
    first = index + 1;
  }
}

/** The service that a change is about, or else what it is about. */
function subjectOf(change: NormalChange): string {
  if ('service' in change) return formatServiceKey(change.service);
  if ('daemon' in change) return change.daemon.role;
  if ('role' in change) return change.role;
  return 'key' in change && change.key !== undefined ? formatServiceKey(change.key) : change.verb;
}

/** Sends changes in their order. */
async function send(table: TableAccess, changes: readonly NormalChange[]): Promise<true> {
  const results = await Promise.allSettled(changes.map((change) => table.apply(change)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return true;
}

function perform(table: TableAccess, step: Step, { drain: settings, signal }: ApplyPlanOptions): Promise<boolean> {
  if (settings === undefined || step.stage !== 'remove') return send(table, [step.change]);
  return drainAndRemove(table, step, settings, signal);
}

/** A service goes when all its servers are drained; until then each could have its weight back. */
async function drainAndRemove(
  table: TableAccess,
  step: Step,
  settings: ApplyDrain,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const whole = step.change.verb === 'delete-service';
  const drains = step.undo.flatMap((change) =>
    change.verb === 'add-destination'
      ? [drain(table, change.key, change.destination, { ...settings, remove: !whole })]
      : [],
  );
  const cancel = () => Promise.allSettled(drains.map((each) => each.cancel()));
  signal?.addEventListener('abort', cancel);
  try {
    const results = await Promise.all(drains.map(({ finished }) => finished));
    const taken = results.find(({ outcome }) => outcome === 'taken over');
    if (taken !== undefined) throw new InterruptedError(`${taken.destination} was given weight while it was drained`);
    if (!results.some(({ outcome }) => outcome === 'cancelled')) return !whole || send(table, [step.change]);
    await cancel();
    return false;
  } catch (error) {
    await cancel();
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
