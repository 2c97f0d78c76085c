/**
 * One run of a check while it is under way.
 * @module
 */
import type { NormalCheck } from '../model/check.js';
import type { CheckOutcome, Target } from './check-outcome.js';
import { hardOutcome } from './outcome.js';

/** What a run has found if its time is over now; `time` is `3000 ms`. */
export type Late = (time: string) => CheckOutcome;

/** Takes what a run found, and which run it was. */
export type Done = (outcome: CheckOutcome, run: Started) => void;

/** A run that is under way. */
export interface Started {
  /** Ends it: nobody wants to know any more. */
  end(): void;
}

/** Knows what a run would have found if its time were over now, and what must be closed when it ends. */
export class Run implements Started {
  readonly #done: Done;
  /** What is to be closed, in the order in which it was opened. Most runs open one thing, and an array takes more than that. */
  #cleanup: (() => void) | undefined;
  #cleanups: (() => void)[] | undefined;
  #ended = false;
  #missing = 'no answer';
  #late: Late | undefined;

  /** `done` is told what the run found, unless {@link Run.end} comes before. */
  constructor(done: Done = () => {}) {
    this.#done = done;
  }

  /** Whether nobody wants to know any more; everything it had opened is closed. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Calls back when the run ends, whatever ends it; at once if it has. */
  onEnd(cleanup: () => void): void {
    if (this.#ended) cleanup();
    else if (this.#cleanup === undefined) this.#cleanup = cleanup;
    else if (this.#cleanups === undefined) this.#cleanups = [cleanup];
    else this.#cleanups.push(cleanup);
  }

  /** What is missing from now on: `no connection`. If time is over before the next call, the run has failed hard for want of it. */
  waitFor(missing: string): void {
    this.#missing = missing;
    this.#late = undefined;
  }

  /** Says itself what it means if time is over before the next call. */
  orLate(late: Late): void {
    this.#late = late;
  }

  /** What is found when time is over. */
  late(milliseconds: number): CheckOutcome {
    const time = `${milliseconds} ms`;
    return this.#late === undefined ? hardOutcome(`${this.#missing} within ${time}`) : this.#late(time);
  }

  /** Ends it with what it found; only the first one counts. */
  finish(outcome: CheckOutcome): void {
    if (this.#ended) return;
    this.end();
    this.#done(outcome, this);
  }

  /** Closes everything, what was opened last first. */
  end(): void {
    this.#ended = true;
    const [first, others = []] = [this.#cleanup, this.#cleanups];
    this.#cleanup = undefined;
    this.#cleanups = undefined;
    for (const cleanup of others.reverse()) cleanup();
    first?.();
  }
}

/**
 * One run. A probe rejects with a `CheckFailure`, or with what the system said: `runCheck` puts that in words. Every socket, process
 * and timer of it is told to the run (`onEnd`), which ends them when it is over, however that comes about.
 */
export type Probe<Check = NormalCheck> = (target: Target, check: Check, run: Run) => Promise<CheckOutcome>;
