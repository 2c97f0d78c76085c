/**
 * Carrying out a plan.
 * @module
 */
import { HostApplyError, UnavailableError } from '../errors.js';
import type { NamespaceOptions } from '../linux/namespace.js';
import { foresee, Host, perform } from './perform.js';
import { checkPlan, type HostPlan } from './plan.js';
import { type AppliedStep, type HostRecord, Journal, readRecord, recordPath } from './record.js';
import { undo } from './revert.js';
import type { HostStep } from './step.js';

/** How to carry out. */
export interface ApplyOptions extends NamespaceOptions {
  /** The record's file; default: `recordPath(plan.role, { netns })`. One that is there is gone on with. */
  readonly record?: string | undefined;
  /** Called after each step that was done. */
  readonly onStep?: ((step: HostStep) => void) | undefined;
  /** Ends it between two steps with `signal.reason`, as a refusal does. */
  readonly signal?: AbortSignal | undefined;
  /** After a refusal, takes back what this run did; default true. Otherwise it stays in force and in the record. */
  readonly rollback?: boolean | undefined;
}

/** What was done. Plain JSON, but for the functions that no one put there. */
export interface ApplyResult {
  /** The record's file, which `revert` takes; it is there only if something was ever done. */
  readonly path: string;
  /** What this run did: `revert` takes this too. */
  readonly record: HostRecord;
  /** The steps that were so already. */
  readonly already: readonly HostStep[];
}

/**
 * Does those steps of a plan that the host does not have yet, in their order. Before each, the record says what is about to
 * be changed and what was there, so that `revert` puts it back whatever happens in between. Doing it again does nothing; doing
 * another plan of the same role adds to the same record, and one `revert` takes all of it back. One process at a time.
 * @throws {HostApplyError} if a step is refused.
 * @throws {UnavailableError} if the plan has obstacles, or if record or namespace can't be had: nothing was changed.
 */
export async function apply(plan: HostPlan, options: ApplyOptions = {}): Promise<ApplyResult> {
  const { netns, record: path = recordPath(plan.role, { netns }) } = options;
  refuseObstacles(plan);
  options.signal?.throwIfAborted();
  const { steps } = await checkPlan(plan, { netns });
  const open = steps.filter(({ done }) => !done);
  const result = (applied: readonly AppliedStep[]): ApplyResult => ({
    path,
    record: { version: 1, role: plan.role, steps: applied },
    already: steps.filter(({ done }) => done),
  });
  if (open.length === 0) return result([]);
  await using host = await Host.open(netns);
  using journal = Journal.open(path, plan.role);
  const applied: AppliedStep[] = [];
  await carryOut({ steps: open, applied, host, journal }, options);
  return result(applied);
}

function refuseObstacles({ obstacles }: HostPlan): void {
  if (obstacles.length === 0) return;
  throw new UnavailableError(obstacles.map(({ what, hint }) => `${what} (${hint})`).join('; '));
}

/** Where a run stands. */
interface Run {
  readonly steps: readonly HostStep[];
  /** Begun, and noted in the record; the last one may have been refused. */
  readonly applied: AppliedStep[];
  readonly host: Host;
  readonly journal: Journal;
}

async function carryOut(run: Run, { onStep, signal, rollback = true }: ApplyOptions): Promise<void> {
  for (const [done, step] of run.steps.entries()) {
    try {
      signal?.throwIfAborted();
      const next = await foresee(step, run.host);
      run.journal.begin(next);
      run.applied.push(next);
      await perform(next, run.host);
    } catch (error) {
      const failure = await giveUp(run, done, rollback ? 0 : done, error as Error);
      throw error === signal?.reason && failure.inForce.length === 0 ? error : failure;
    }
    onStep?.(step);
  }
}

/** Takes back all but the first steps. What was begun of the refused one is never left. */
async function giveUp({ steps, applied, host, journal }: Run, done: number, keep: number, error: Error) {
  const takenBack: HostStep[] = [];
  let cause = error;
  try {
    await undo(applied.slice(keep), host, journal, { onStep: (step) => takenBack.push(step) });
    if (readRecord(journal.path)?.steps.length === 0) journal.remove();
  } catch (second) {
    cause = new AggregateError([error, second], `${error.message}; taking it back: ${(second as Error).message}`);
  }
  const refused = steps[done];
  const failure = {
    step: refused?.what ?? '',
    inForce: whats(applied.slice(0, applied.length - takenBack.length).map(({ step }) => step)),
    takenBack: whats(takenBack.filter((step) => step !== refused)),
    notTried: whats(steps.slice(done + 1)),
  };
  return new HostApplyError(failure, cause);
}

function whats(steps: readonly HostStep[]): string[] {
  return steps.map(({ what }) => what);
}
