/**
 * Taking back steps that a journal has, all but those that another set-up needs.
 * @module
 */
import { formatFouPort } from '../netlink/fou.js';
import { Journal, setupText } from './journal.js';
import type { KnownJournal } from './journals.js';
import { isNeeded } from './needs.js';
import { decide, type HostClient, takeBack } from './perform.js';
import type { AppliedStep } from './record.js';
import type { HostStep } from './step.js';

/** How far a run is. */
export interface HostProgress {
  /** Steps that are done, or taken back. */
  readonly done: number;
  /** Steps of this run in all. */
  readonly total: number;
  /** The step that was done last. */
  readonly step: HostStep;
}

/** How to hear of a run, and how to end it. */
export interface HostRunOptions {
  /** Called after each step. */
  readonly onProgress?: ((progress: HostProgress) => void) | undefined;
  /** Ends it between two steps with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of taking back. */
export interface RevertResult {
  /** In the order in which they were taken back, the last one first. */
  readonly undone: readonly HostStep[];
  /** What was left, and why: somebody else changed it meanwhile, or another set-up needs it. */
  readonly left: readonly { readonly step: HostStep; readonly what: string }[];
}

/** Where to undo. */
export interface Undoing {
  readonly host: HostClient;
  /** That of the set-up; a record without a file needs no more than these. */
  readonly journal: Pick<Journal, 'record' | 'restoring' | 'undone'>;
  /** The other set-ups of the host. */
  readonly others: readonly KnownJournal[];
}

/** Takes back those of a journal's steps that are wanted so, the last one first. */
export async function undoSteps(
  isWanted: (applied: AppliedStep) => boolean,
  { host, journal, others }: Undoing,
  { onProgress, signal }: HostRunOptions = {},
): Promise<RevertResult> {
  const undone: HostStep[] = [];
  const left: { step: HostStep; what: string }[] = [];
  const total = journal.record.steps.filter(isWanted).length;
  // Before a step are the same ones as ever, also after it was taken out.
  for (const [index, applied] of [...journal.record.steps.entries()].reverse()) {
    if (!isWanted(applied)) continue;
    signal?.throwIfAborted();
    const { step } = applied;
    const heir = others.find(({ record }) => isNeeded(applied, record.needs));
    if (heir !== undefined) {
      handOver(applied, heir);
      journal.undone(index);
      left.push({ step, what: `${stateOf(step)} stays: ${setupText(heir.record)} needs it` });
      continue;
    }
    const decision = await decide(applied, host);
    // Half taken back, values could no longer be told from those that somebody else set.
    if (applied.restoring === undefined && decision.restoring.length > 0) journal.restoring(index, decision.restoring);
    const kept = await takeBack(applied, decision.restoring, host);
    journal.undone(index);
    for (const what of [...decision.left, ...kept]) left.push({ step, what });
    undone.push(step);
    onProgress?.({ done: undone.length, total, step });
  }
  return { undone, left };
}

/** The other set-up's journal says it first: killed in between, both have it, and the second one finds it taken back. */
function handOver(applied: AppliedStep, { path, record }: KnownJournal): void {
  const { version, namespace, role, name } = record;
  using journal = Journal.open(path, { version, namespace, role, name });
  journal.inherit(applied);
}

/** What is so while a step is in force: `10.0.0.100/32 on lo`. */
export function stateOf(step: HostStep): string {
  switch (step.kind) {
    case 'sysctl':
      return `${step.name} = ${step.value}`;
    case 'address':
      return `${step.address}/${step.prefix} on ${step.device}`;
    case 'address-removal':
      return `${step.address}/${step.prefix} not on ${step.device}`;
    case 'route':
      return `the default gateway ${step.gateway}`;
    case 'link-up':
      return `${step.device} up`;
    case 'gre-device':
      return `the device ${step.device}`;
    case 'fou-port':
      return `the UDP port ${formatFouPort(step)} for GUE`;
    case 'masquerade':
      return `the masquerade rule for ${step.network}`;
  }
}
