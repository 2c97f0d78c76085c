/**
 * Taking back what was done to a host.
 * @module
 */
import type { NamespaceOptions } from '../linux/namespace.js';
import { decide, Host, takeBack } from './perform.js';
import { type AppliedStep, type HostRecord, Journal, readRecord } from './record.js';
import type { HostStep } from './step.js';

/** How to take back. */
export interface RevertOptions extends NamespaceOptions {
  /** Called after each step that was taken back. */
  readonly onStep?: ((step: HostStep) => void) | undefined;
  /** Ends it between two steps with `signal.reason`; what is left in the record can be taken back later. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of it. */
export interface RevertResult {
  /** In the order in which they were taken back, the last one first. */
  readonly undone: readonly HostStep[];
  /** What someone else changed meanwhile and what was therefore left, in words. */
  readonly left: readonly { readonly step: HostStep; readonly what: string }[];
}

/**
 * Puts back what a record says, the last step first: by the path of its file, which is gone afterwards, or by its content,
 * which then belongs to no file. It does not matter how far the steps came, nor how often this is called: what is as it was
 * before is left. Of what somebody set to a third value meanwhile nothing is touched. No record is nothing to take back.
 * @throws {KernelError} if a step can't be taken back; it and those before it stay in the record.
 * @throws {ProtocolError} if the file is no record.
 * @throws {UnavailableError} if the record or the namespace can't be had.
 */
export async function revert(source: HostRecord | string, options: RevertOptions = {}): Promise<RevertResult> {
  await using host = await Host.open(options.netns);
  if (typeof source !== 'string') return await undo(source.steps, host, undefined, options);
  const record = readRecord(source);
  if (record === undefined) return { undone: [], left: [] };
  using journal = Journal.open(source, record.role);
  const result = await undo(record.steps, host, journal, options);
  journal.remove();
  return result;
}

/** Takes steps back, the last one first, each noted in the journal if there is one. */
export async function undo(
  steps: readonly AppliedStep[],
  host: Host,
  journal: Journal | undefined,
  { onStep, signal }: Pick<RevertOptions, 'onStep' | 'signal'> = {},
): Promise<RevertResult> {
  const undone: HostStep[] = [];
  const left: { step: HostStep; what: string }[] = [];
  for (const applied of steps.toReversed()) {
    signal?.throwIfAborted();
    const { step } = applied;
    const decision = await decide(applied, host);
    // Half taken back, values could no longer be told from those that somebody else set.
    if (applied.restoring === undefined && decision.restoring.length > 0) journal?.restoring(decision.restoring);
    const kept = await takeBack(applied, decision.restoring, host);
    journal?.undone();
    for (const what of [...decision.left, ...kept]) left.push({ step, what });
    undone.push(step);
    onStep?.(step);
  }
  return { undone, left };
}
