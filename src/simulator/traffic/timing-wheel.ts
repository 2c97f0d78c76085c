/**
 * Timers of very many things at a cost that does not depend on how many they are (a hierarchical timing wheel).
 * @module
 */

const LEVELS = 4;
const SLOTS = 256;
const MASK = SLOTS - 1;
/** Milliseconds of a slot on each level. */
const SPANS = [1, SLOTS, SLOTS ** 2, SLOTS ** 3] as const;
const REACH = SLOTS ** LEVELS - 1;

/** What has a timer. The fields are the wheel's. */
export interface Timed<T> {
  /** Milliseconds on the wheel's clock. */
  expires: number;
  /** -1 while the timer does not run. */
  slot: number;
  timerNext: T | undefined;
  timerPrevious: T | undefined;
}

/** Timers in milliseconds. Unlike the kernel's wheel, which lets long timers run up to an eighth longer, it is exact. */
export class TimingWheel<T extends Timed<T>> {
  readonly #heads: (T | undefined)[] = new Array(LEVELS * SLOTS).fill(undefined);
  readonly #counts = [0, 0, 0, 0];
  readonly #fire: (timed: T, time: number) => void;
  /** Whole milliseconds; what was due until then has fired. */
  #time: number;

  /** @param fire called when a timer is over; it may start it, and others, again. */
  constructor(time: number, fire: (timed: T, time: number) => void) {
    this.#time = Math.floor(time);
    this.#fire = fire;
  }

  /** Starts a timer, or starts it anew. What is due already fires with the next millisecond. */
  start(timed: T, expires: number): void {
    if (timed.slot !== -1) this.stop(timed);
    timed.expires = expires;
    this.#place(timed);
  }

  stop(timed: T): void {
    const { slot, timerNext, timerPrevious } = timed;
    if (slot === -1) return;
    if (timerPrevious === undefined) this.#heads[slot] = timerNext;
    else timerPrevious.timerNext = timerNext;
    if (timerNext !== undefined) timerNext.timerPrevious = timerPrevious;
    timed.slot = -1;
    timed.timerNext = undefined;
    timed.timerPrevious = undefined;
    this.#count(slot, -1);
  }

  /** Fires what is due until a time, in order. */
  run(until: number): void {
    const end = Math.floor(until);
    while (this.#time < end) {
      const next = this.#nextStop();
      if (next > end) {
        this.#time = end;
        return;
      }
      this.#time = next;
      this.#cascade();
      for (let timed = this.#heads[next & MASK]; timed !== undefined; timed = this.#heads[next & MASK]) {
        this.stop(timed);
        this.#fire(timed, next);
      }
    }
  }

  /** The next millisecond at which there is anything to do: where levels are empty, their slots are skipped. */
  #nextStop(): number {
    for (let level = 0; level < LEVELS; level++) {
      const span = SPANS[level] ?? 1;
      if ((this.#counts[level] ?? 0) > 0) return (Math.floor(this.#time / span) + 1) * span;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** At the start of a slot of a higher level, its timers move down. */
  #cascade(): void {
    for (let level = 1; level < LEVELS && this.#time % (SPANS[level] ?? 1) === 0; level++) {
      const slot = this.#slot(level, this.#time);
      for (let timed = this.#heads[slot]; timed !== undefined; timed = this.#heads[slot]) {
        this.stop(timed);
        this.#place(timed, this.#time);
      }
    }
  }

  #place(timed: T, earliest = this.#time + 1): void {
    const left = Math.min(Math.max(Math.ceil(timed.expires), earliest) - this.#time, REACH);
    let level = 0;
    while (left >= SLOTS * (SPANS[level] ?? 1)) level++;
    const slot = this.#slot(level, this.#time + left);
    const head = this.#heads[slot];
    if (head !== undefined) head.timerPrevious = timed;
    timed.timerNext = head;
    timed.slot = slot;
    this.#heads[slot] = timed;
    this.#count(slot, 1);
  }

  #slot(level: number, time: number): number {
    return level * SLOTS + (Math.floor(time / (SPANS[level] ?? 1)) & MASK);
  }

  #count(slot: number, change: number): void {
    const level = Math.floor(slot / SLOTS);
    this.#counts[level] = (this.#counts[level] ?? 0) + change;
  }
}
