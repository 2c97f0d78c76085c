import type { Clock } from '../../../src/health/clock.js';

/** A clock that goes on when a test says so. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  #next = 0;
  readonly #timers = new Map<number, { at: number; call: () => void }>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(milliseconds: number, call: () => void): () => void {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + milliseconds, call });
    return () => void this.#timers.delete(id);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Goes on, and lets what was waiting run, each at its time. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await settled();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].call();
      await settled();
    }
    this.#now = end;
  }

  /** What the program does now takes so long. */
  spend(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Stands still for a while, as a process that is stopped: what was due meanwhile is late. */
  async stall(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    await this.advance(0);
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}
