/**
 * When most servers fall at once, it is more likely this director that is cut off than they. Pure.
 * @module
 */

/** What counts as a mass failure. */
export interface MassFailureRules {
  /** More than this share of all targets, 0 to 1. Default 0.5. */
  readonly share?: number | undefined;
  /** And at least this many. Default 10. */
  readonly atLeast?: number | undefined;
  /** Milliseconds for which the table is held then. Default 60000: after that the verdicts hold, whatever they are. */
  readonly hold?: number | undefined;
}

/** The falls of late, and whether they are held. */
export class MassFailureGuard {
  readonly #share: number;
  readonly #atLeast: number;
  readonly #hold: number;
  /** When each of those fell that are down since, the earliest first; as far back as the window. */
  readonly #recent = new Map<string, number>();
  #held = new Set<string>();
  /** When the hold of each ended by its time, of those that are down since. */
  readonly #released = new Map<string, number>();
  #since: number | undefined;

  constructor({ share = 0.5, atLeast = 10, hold = 60_000 }: MassFailureRules = {}) {
    this.#share = share;
    this.#atLeast = atLeast;
    this.#hold = hold;
  }

  /** Since when the table is held; undefined if it is not. */
  get heldSince(): number | undefined {
    return this.#since;
  }

  /** When the hold ends by itself. */
  get ends(): number | undefined {
    return this.#since === undefined ? undefined : this.#since + this.#hold;
  }

  /** Since when a target's fall is acted upon, if it was held; milliseconds since 1970. */
  releasedAt(target: string): number | undefined {
    return this.#released.get(target);
  }

  /** Goes on with a hold of a program before this one. */
  resume(since: number, targets: Iterable<string>, now: number): void {
    if (now >= since + this.#hold) return;
    this.#since = since;
    this.#held = new Set(targets);
  }

  /** Whether a target's fall is not to be acted upon. */
  holds(target: string): boolean {
    return this.#held.has(target);
  }

  /** @param window milliseconds: two intervals of the check. Whether the table is held from now on. */
  fell(target: string, now: number, window: number, targets: number): boolean {
    this.#recent.delete(target);
    this.#recent.set(target, now);
    for (const [name, time] of this.#recent) {
      if (time >= now - window) break;
      this.#recent.delete(name);
    }
    if (this.#since === undefined) {
      if (this.#recent.size < this.#atLeast || this.#recent.size <= targets * this.#share) return false;
      this.#since = now;
      this.#held = new Set(this.#recent.keys());
      return true;
    }
    this.#held.add(target);
    return false;
  }

  /** A target is up again, or nobody wants it any more. Whether the hold is over: too few are down for it. */
  recovered(target: string, targets: number): boolean {
    this.#recent.delete(target);
    this.#held.delete(target);
    this.#released.delete(target);
    if (this.#since === undefined || this.#held.size > targets * this.#share) return false;
    return this.#release();
  }

  /** Whether the time of the hold is over. */
  expire(now: number): boolean {
    if (this.ends === undefined || now < this.ends) return false;
    for (const target of this.#held) this.#released.set(target, now);
    return this.#release();
  }

  #release(): true {
    this.#since = undefined;
    this.#held = new Set();
    // They were counted once.
    this.#recent.clear();
    return true;
  }
}
