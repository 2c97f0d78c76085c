/**
 * Carrying out a plan.
 * @module
 */
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { HostApplyError, UnavailableError } from '../errors.js';
import { namespaceOfThisBoot } from '../linux/namespace-identity.js';
import { Journal, setupText } from './journal.js';
import { Journals, type KnownJournal, type LockWaitOptions } from './journals.js';
import { contradicted, isNeeded } from './needs.js';
import { otherOwners } from './other-owners.js';
import { foresee, HostClient, perform } from './perform.js';
import { bare, checkPlan, type HostPlan, ofAnotherNamespace, type PlannedStep } from './plan.js';
import type { AppliedStep, HostRecord } from './record.js';
import { parseHostPlan } from './schema.js';
import type { HostStep } from './step.js';
import { type HostRunOptions, undoSteps } from './undo.js';

/** How to carry out. */
export interface ApplyOptions extends HostRunOptions, LockWaitOptions {
  /** The undo journal's file; default: one below /run/ipvs-ts. One that is there, of the same set-up, is gone on with. */
  readonly record?: string | undefined;
  /** After a refusal, takes back what this run did; default true. Otherwise it stays in force and in the journal. */
  readonly rollback?: boolean | undefined;
  /** Takes addresses also where another host on the network says that it has them. Default false. */
  readonly force?: boolean | undefined;
  /** The steps that may be done now; the others are neither done nor missed. Default: all. */
  readonly only?: ((step: HostStep) => boolean) | undefined;
}

/** What was done. Plain JSON. */
export interface ApplyResult {
  /** The undo journal's file, which `revert` takes. */
  readonly path: string;
  /** What this run did: `revert` takes this too. */
  readonly record: HostRecord;
  /** The steps that were so already. */
  readonly already: readonly HostStep[];
}

/** As `Host.apply`, in this namespace. */
export async function applyHostPlan(
  input: HostPlan,
  netns: string | undefined,
  options: ApplyOptions = {},
): Promise<ApplyResult> {
  const plan = parseHostPlan(input);
  if (plan.namespace !== namespaceOfThisBoot({ netns })) throw ofAnotherNamespace('the plan');
  refuseObstacles(plan);
  options.signal?.throwIfAborted();
  const { namespace, role, name } = plan;
  const journals = new Journals(namespace);
  using _lock = await journals.lock(options);
  const path = options.record ?? journals.pathOf(role, name);
  const others = journals.all().filter((journal) => journal.path !== realPath(path));
  await using host = await HostClient.open(netns);
  const { steps } = await checkPlan(plan, { netns });
  refuseContradictions(steps, others);
  if (options.force !== true) await refuseTaken(steps, host, options);
  using journal = Journal.open(path, { version: 2, namespace, role, name });
  if (options.record !== undefined) journals.remember(path);
  const applied = await new Run(host, journal, others, options).carryOut(plan);
  return {
    path,
    record: { ...journal.record, steps: applied },
    already: steps.filter(({ done }) => done).map(bare),
  };
}

function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : resolve(path);
}

function refuseObstacles({ obstacles }: HostPlan): void {
  if (obstacles.length === 0) return;
  throw new UnavailableError(obstacles.map(({ what, hint }) => `${what} (${hint})`).join('; '));
}

function refuseContradictions(steps: readonly PlannedStep[], others: readonly KnownJournal[]): void {
  for (const step of steps.filter(({ done }) => !done)) {
    for (const { record } of others) {
      const need = contradicted(step, record.needs);
      if (need === undefined) continue;
      throw new UnavailableError(
        `${step.what}: ${setupText(record)} needs the opposite (${need.what}); take it down first`,
      );
    }
  }
}

/** Two hosts with one address would share its clients as chance has it. */
async function refuseTaken(steps: readonly PlannedStep[], host: HostClient, { only }: ApplyOptions): Promise<void> {
  const open = steps.filter((step) => !step.done && (only?.(step) ?? true));
  const questions = open.flatMap((step) => (step.kind === 'address' && step.announce ? [step] : []));
  if (questions.length === 0) return;
  const { answers, problem } = await otherOwners(questions, { links: await host.client.links() }, host.netns);
  if (problem !== undefined) throw new UnavailableError(`nobody could be asked who has the addresses: ${problem}`);
  const taken = Object.entries(answers).filter(([, macs]) => macs.length > 0);
  if (taken.length === 0) return;
  const list = taken.map(([address, macs]) => `${address} (${macs.join(', ')})`).join(', ');
  throw new UnavailableError(`another host on the network has ${list}; force takes the address all the same`);
}

/** One carrying out of a plan. */
class Run {
  readonly #host: HostClient;
  readonly #journal: Journal;
  readonly #others: readonly KnownJournal[];
  readonly #options: ApplyOptions;

  constructor(host: HostClient, journal: Journal, others: readonly KnownJournal[], options: ApplyOptions) {
    this.#host = host;
    this.#journal = journal;
    this.#others = others;
    this.#options = options;
  }

  /** Does the steps that are not so yet, and takes back what an earlier form of the set-up did and this one does not need. */
  async carryOut(plan: HostPlan): Promise<AppliedStep[]> {
    const { steps: earlier, needs: earlierNeeds } = this.#journal.record;
    const inTheWay = earlier.filter(({ step }) => contradicted(step, plan.steps) !== undefined);
    this.#journal.needs(plan.steps.map(bare));
    await this.#undo((applied) => inTheWay.includes(applied));
    const isUnneeded = (one: AppliedStep) => !LASTING.includes(one.step.kind) && !isNeeded(one, plan.steps);
    // A VIP that the earlier form has on another device would do, and goes with that form.
    const going = earlier.filter(isUnneeded).map(({ step }) => step);
    const { steps } = await checkPlan(plan, { netns: this.#host.netns, going });
    const open = steps.filter((step) => !step.done && (this.#options.only?.(step) ?? true)).map(bare);
    const applied: AppliedStep[] = [];
    const failure = await this.#perform(open, applied);
    if (failure !== undefined) {
      this.#journal.needs(earlierNeeds);
      await this.#perform(
        inTheWay.map(({ step }) => step),
        [],
      );
      if (earlierNeeds.length === 0 && this.#journal.record.steps.length === 0) this.#journal.remove();
      throw failure;
    }
    await this.#undo((one) => isUnneeded(one) && !applied.includes(one));
    return applied;
  }

  async #undo(isWanted: (applied: AppliedStep) => boolean, options = {}): Promise<HostStep[]> {
    const undoing = { host: this.#host, journal: this.#journal, others: this.#others };
    return [...(await undoSteps(isWanted, undoing, options)).undone];
  }

  /** Does steps, and adds them to those that were begun. What ends it is returned, after it was taken back. */
  async #perform(steps: readonly HostStep[], applied: AppliedStep[]): Promise<Error | undefined> {
    const { onProgress, signal, rollback = true } = this.#options;
    for (const [done, step] of steps.entries()) {
      try {
        signal?.throwIfAborted();
        const next = await foresee(step, this.#host);
        this.#journal.begin(next);
        applied.push(next);
        await perform(next, this.#host);
      } catch (error) {
        const failure = await this.#giveUp({ steps, applied, done, keep: rollback ? 0 : done }, error as Error);
        return error === signal?.reason && failure.inForce.length === 0 ? (error as Error) : failure;
      }
      onProgress?.({ done: done + 1, total: steps.length, step });
    }
    return undefined;
  }

  /** Takes back all but the first steps of this run. What was begun of the refused one is never left. */
  async #giveUp({ steps, applied, done, keep }: Standing, error: Error): Promise<HostApplyError> {
    const refused = steps[done];
    const begun = applied.slice(keep);
    const takenBack: HostStep[] = [];
    let cause = error;
    try {
      const onProgress = ({ step }: { step: HostStep }) => takenBack.push(step);
      await this.#undo((one) => begun.includes(one), { onProgress });
    } catch (second) {
      cause = new AggregateError([error, second], `${error.message}; taking it back: ${(second as Error).message}`);
    }
    const inForce = applied.slice(0, applied.length - takenBack.length).map(({ step }) => step);
    const failure = {
      step: refused?.what ?? '',
      inForce: whats(inForce),
      takenBack: whats(takenBack.filter((step) => step !== refused)),
      notTried: whats(steps.slice(done + 1)),
    };
    return new HostApplyError(failure, cause);
  }
}

/** Steps that are in a plan only while something is wrong: when they are in it no more, they may still be needed. */
const LASTING: readonly HostStep['kind'][] = ['sysctl', 'address-removal'];

/** Where a run was when it was refused. */
interface Standing {
  readonly steps: readonly HostStep[];
  readonly applied: readonly AppliedStep[];
  readonly done: number;
  readonly keep: number;
}

function whats(steps: readonly HostStep[]): string[] {
  return steps.map(({ what }) => what);
}
