/**
 * Whether a program that keeps a table makes progress: what a watchdog asks, and /livez.
 * @module
 */
import type { HealthMonitor } from '../health/monitor.js';
import type { KeepLook } from '../reconcile/keep.js';

/** Milliseconds that a look may take, beside the interval: the kernel's answer, a lock, a first round of checks. */
const LOOK = 30_000;
/** Milliseconds that checks may be late. */
const CHECKS = 30_000;
/** Milliseconds that the API may leave a question of its own program unanswered. */
const API = 30_000;

/** See the module. */
export class Progress {
  readonly #interval: number;
  readonly #now: () => number;
  #health: Pick<HealthMonitor, 'behind' | 'wishes'> | undefined;
  #looked: number;
  #look: KeepLook | undefined;
  #asked: number | undefined;
  #isEnding = false;

  /** @param interval milliseconds between two looks at the table. @param now milliseconds, never going back. */
  constructor(interval: number, now: () => number = () => performance.now()) {
    this.#interval = interval;
    this.#now = now;
    this.#looked = now();
  }

  begin(health: Pick<HealthMonitor, 'behind' | 'wishes'>): void {
    this.#health = health;
  }

  look(look: KeepLook): void {
    this.#look = look;
    this.#looked = this.#now();
  }

  /** A question to the API of this program. */
  ask(): void {
    this.#asked ??= this.#now();
  }

  /** The answer to it. */
  answer(): void {
    this.#asked = undefined;
  }

  /** A withdrawal may take as long as connections last. */
  end(): void {
    this.#isEnding = true;
  }

  /** Why there is none; undefined if there is. */
  get stall(): string | undefined {
    if (this.#isEnding) return undefined;
    const now = this.#now();
    const seconds = (milliseconds: number) => Math.round(milliseconds / 1000);
    const [since, behind] = [now - this.#looked, this.#health?.behind ?? 0];
    if (since > 2 * this.#interval + LOOK) return `the table was looked at ${seconds(since)} s ago`;
    if (behind > CHECKS) return `checks are ${seconds(behind)} s late`;
    const waits = this.#asked === undefined ? 0 : now - this.#asked;
    return waits > API ? `the API has not answered for ${seconds(waits)} s` : undefined;
  }

  /** How it is, in a sentence: `3 services with 8 real servers, 1 of them out`. */
  get sentence(): string {
    const { wanted: { services = [] } = {}, error } = this.#look ?? {};
    const servers = services.reduce((sum, { destinations }) => sum + destinations.length, 0);
    // What is in the wishes already: to gather a report of thousands of servers takes long.
    const out = this.#health?.wishes().verdicts?.size ?? 0;
    return [
      `${counted(services.length, 'service')} with ${counted(servers, 'real server')}`,
      ...(out > 0 ? [`, ${out} of them out`] : []),
      ...(error === undefined ? [] : [`; not all is as wanted: ${error.message}`]),
    ].join('');
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
