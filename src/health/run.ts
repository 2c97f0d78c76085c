/**
 * One run of a check while it is under way.
 * @module
 */
import type { NormalCheck } from '../model/check.js';
import type { CheckOutcome, Target } from './check-outcome.js';
import { hardOutcome } from './outcome.js';

/** What a run has found if its time is over now; `time` is `3000 ms`. */
export type Late = (time: string) => CheckOutcome;

/** Knows what a run would have found if its time were over now, and what must be closed when it ends. */
export class Run {
  readonly #cleanups: (() => void)[] = [];
  #ended = false;
  #late: Late = (time) => hardOutcome(`no answer within ${time}`);

  /** Whether nobody wants to know any more; everything it had opened is closed. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Calls back when the run ends, whatever ends it; at once if it has. */
  onEnd(cleanup: () => void): void {
    if (this.#ended) cleanup();
    else this.#cleanups.push(cleanup);
  }

  /** What is missing from now on: `no connection`. If time is over before the next call, the run has failed hard for want of it. */
  waitFor(missing: string): void {
    this.#late = (time) => hardOutcome(`${missing} within ${time}`);
  }

  /** Says itself what it means if time is over before the next call. */
  orLate(late: Late): void {
    this.#late = late;
  }

  /** What is found when time is over. */
  late(milliseconds: number): CheckOutcome {
    return this.#late(`${milliseconds} ms`);
  }

  /** Closes everything, what was opened last first. */
  end(): void {
    this.#ended = true;
    for (const cleanup of this.#cleanups.splice(0).reverse()) cleanup();
  }
}

/**
 * One run. A probe rejects with a `CheckFailure`, or with what the system said: `runCheck` puts that in words. Every socket, process
 * and timer of it is told to the run (`onEnd`), which ends them when it is over, however that comes about.
 */
export type Probe<Check = NormalCheck> = (target: Target, check: Check, run: Run) => Promise<CheckOutcome>;
