/**
 * When most servers fall at once, it is more likely this director that is cut off than they. Pure.
 * @module
 */

/** What counts as a mass failure. */
export interface MassFailureRules {
  /** More than this share of all real servers that are checked, 0 to 1. Default 0.5. */
  readonly share?: number | undefined;
  /** And at least this many. Default 10. */
  readonly atLeast?: number | undefined;
  /** Milliseconds for which the table is held then. Default 60000: after that the verdicts hold, whatever they are. */
  readonly hold?: number | undefined;
}

/** A check, and the real servers (`10.0.0.11:80`) that it is for: a server counts once, however many checks of it fall. */
export interface GuardedCheck {
  readonly key: string;
  readonly servers: ReadonlySet<string>;
}

/** The falls of late, and whether they are held. */
export class MassFailureGuard {
  readonly #share: number;
  readonly #atLeast: number;
  readonly #hold: number;
  /** When each of those fell that are down since, the earliest first; as far back as the window. */
  #recent = new Falls();
  #held = new Falls();
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

  /** Since when a check's fall is acted upon, if it was held; milliseconds since 1970. */
  releasedAt(key: string): number | undefined {
    return this.#released.get(key);
  }

  /** Goes on with a hold of a program before this one. */
  resume(since: number, checks: Iterable<GuardedCheck>, now: number): void {
    if (now >= since + this.#hold) return;
    this.#since = since;
    for (const check of checks) this.#held.add(check, since);
  }

  /** Whether a check's fall is not to be acted upon. */
  holds(key: string): boolean {
    return this.#held.has(key);
  }

  /**
   * @param window milliseconds: two intervals of the check
   * @param servers how many are checked
   * @returns whether the table is held from now on.
   */
  fell(check: GuardedCheck, now: number, window: number, servers: number): boolean {
    this.#recent.add(check, now);
    this.#recent.forget(now - window);
    if (this.#since !== undefined) {
      this.#held.add(check, now);
      return false;
    }
    if (this.#recent.servers < this.#atLeast || this.#recent.servers <= servers * this.#share) return false;
    this.#since = now;
    this.#held = this.#recent;
    this.#recent = new Falls();
    return true;
  }

  /** A check passes again, or nobody wants it any more. Whether the hold is over: too few servers are down for it. */
  recovered(key: string, servers: number): boolean {
    this.#recent.delete(key);
    this.#held.delete(key);
    this.#released.delete(key);
    if (this.#since === undefined || this.#held.servers > servers * this.#share) return false;
    return this.#release();
  }

  /** Whether the time of the hold is over. */
  expire(now: number): boolean {
    if (this.ends === undefined || now < this.ends) return false;
    for (const key of this.#held.keys()) this.#released.set(key, now);
    return this.#release();
  }

  #release(): true {
    this.#since = undefined;
    this.#held = new Falls();
    // They were counted once.
    this.#recent = new Falls();
    return true;
  }
}

/** Checks that fell, the earliest first, and how many servers that makes. */
class Falls {
  readonly #falls = new Map<string, { readonly time: number; readonly servers: readonly string[] }>();
  /** How many checks of each server fell. */
  readonly #counts = new Map<string, number>();

  /** How many servers. */
  get servers(): number {
    return this.#counts.size;
  }

  has(key: string): boolean {
    return this.#falls.has(key);
  }

  keys(): Iterable<string> {
    return this.#falls.keys();
  }

  add({ key, servers }: GuardedCheck, time: number): void {
    this.delete(key);
    // As they are now: what is counted here is taken away again.
    this.#falls.set(key, { time, servers: [...servers] });
    for (const server of servers) this.#counts.set(server, (this.#counts.get(server) ?? 0) + 1);
  }

  delete(key: string): void {
    const { servers = [] } = this.#falls.get(key) ?? {};
    this.#falls.delete(key);
    for (const server of servers) {
      const count = (this.#counts.get(server) ?? 0) - 1;
      if (count > 0) this.#counts.set(server, count);
      else this.#counts.delete(server);
    }
  }

  /** Those before a time. */
  forget(before: number): void {
    for (const [key, { time }] of this.#falls) {
      if (time >= before) break;
      this.delete(key);
    }
  }
}
