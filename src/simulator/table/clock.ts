/**
 * The time of a simulated kernel.
 * @module
 */

/** Runs with another clock, and can be put forward. */
export class Clock {
  readonly #source: () => number;
  #ahead = 0;
  /** Milliseconds: the moment that is being worked on. Whoever works on timers sets it on. */
  time: number;

  /** @param source milliseconds from any origin, never going back. */
  constructor(source: () => number) {
    this.#source = source;
    this.time = source();
  }

  /** The time up to which everything is to be done. */
  get target(): number {
    return Math.max(this.time, this.#source() + this.#ahead);
  }

  /** @param milliseconds 0 or more. */
  advance(milliseconds: number): void {
    this.#ahead += milliseconds;
  }
}
