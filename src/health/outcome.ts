/**
 * Making outcomes, and failing with one from the depth of a conversation.
 * @module
 */
import { printable } from '../errors.js';
import type { CheckOutcome } from './check-outcome.js';

/** Ends a run with an outcome that is not a pass. It never leaves `runCheck`. */
export class CheckFailure extends Error {
  readonly outcome: CheckOutcome;

  constructor(outcome: CheckOutcome) {
    super(outcome.reason);
    this.outcome = outcome;
  }
}

/** The server answered as it should. */
export function passed(reason: string, extra: { load?: number; warning?: string | undefined } = {}): CheckOutcome {
  return { result: 'passed', reason, ...extra };
}

/** It could not be reached, it refused, it was silent. */
export function hardOutcome(reason: string): CheckOutcome {
  return { result: 'failed', kind: 'hard', reason };
}

/** It answered otherwise than it should. */
export function softOutcome(reason: string): CheckOutcome {
  return { result: 'failed', kind: 'soft', reason };
}

/** This host's own trouble. */
export function notMeasured(reason: string): CheckOutcome {
  return { result: 'not measured', reason };
}

/** To be thrown: {@link hardOutcome}. */
export function hard(reason: string): CheckFailure {
  return new CheckFailure(hardOutcome(reason));
}

/** To be thrown: {@link softOutcome}. */
export function soft(reason: string): CheckFailure {
  return new CheckFailure(softOutcome(reason));
}

/** To be thrown: {@link notMeasured}. */
export function ownTrouble(reason: string): CheckFailure {
  return new CheckFailure(notMeasured(reason));
}

/** Characters of a server's words that stand in a reason. */
const SHOWN = 100;

/** What a server said, as it may stand in a reason: its first line in quotes, never more than 100 characters. */
export function quoted(said: Uint8Array | string): string {
  const text = typeof said === 'string' ? said : Buffer.from(said.subarray(0, 4 * SHOWN)).toString();
  const [line = ''] = text.trimStart().split(/\r?\n/, 1);
  return `"${printable(line.trimEnd(), SHOWN)}"`;
}
