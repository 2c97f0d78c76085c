/**
 * The ends of the times that runs have: one timer for all of them, since there may be ten thousand a second, of which nearly all end
 * before.
 * @module
 */
import { Agenda } from './agenda.js';

/** What may run out of time. */
export interface Limited {
  /** Whether it has ended: its deadline is none any more. */
  readonly ended: boolean;
  /** Its time is over. */
  expire(): void;
}

/** Milliseconds: deadlines are kept as exactly as that. */
const TICK = 10;

/** Ends what runs out of time. It holds the process open while something may. */
export class Deadlines {
  /** By the tick in which their time is over. */
  readonly #due = new Map<number, Limited[]>();
  /** The ticks, the earliest first. */
  #ticks = new Agenda();
  #timer: NodeJS.Timeout | undefined;
  #armed = Number.POSITIVE_INFINITY;
  #count = 0;

  /** It has so many milliseconds from now. */
  add(limited: Limited, milliseconds: number): void {
    const tick = Math.ceil((performance.now() + milliseconds) / TICK);
    const others = this.#due.get(tick);
    this.#count += 1;
    if (others !== undefined) {
      others.push(limited);
      return;
    }
    this.#due.set(tick, [limited]);
    this.#ticks.add(tick, 0);
    this.#arm();
  }

  /** One of them has ended. */
  ended(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    clearTimeout(this.#timer);
    this.#armed = Number.POSITIVE_INFINITY;
    this.#due.clear();
    this.#ticks = new Agenda();
  }

  #arm(): void {
    const { earliest } = this.#ticks;
    if (earliest >= this.#armed) return;
    clearTimeout(this.#timer);
    this.#armed = earliest;
    this.#timer = setTimeout(() => this.#expire(), earliest * TICK - performance.now());
  }

  #expire(): void {
    this.#armed = Number.POSITIVE_INFINITY;
    const now = performance.now() / TICK;
    const over: Limited[] = [];
    while (this.#ticks.earliest <= now) {
      const tick = this.#ticks.earliest;
      this.#ticks.take();
      over.push(...(this.#due.get(tick) ?? []));
      this.#due.delete(tick);
    }
    this.#arm();
    // What came while this program stood still is heard before the time is over: Node calls timers first, and looks at sockets then.
    setImmediate(() => {
      for (const limited of over) if (!limited.ended) limited.expire();
    });
  }
}
