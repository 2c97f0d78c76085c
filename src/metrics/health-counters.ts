/**
 * What the health checks came to since they began, counted from what their monitor tells.
 * @module
 */
import type { HealthEvent } from '../health/monitor.js';

/** The counts of a {@link HealthCounters}. */
export interface HealthCounts {
  /** How often a server became up. */
  readonly up: number;
  /** How often a server became down. */
  readonly down: number;
  /** How often so many servers fell at once that the table was held. */
  readonly massFailures: number;
  /** Milliseconds that the checking program was late by, added up. */
  readonly late: number;
  /** Runs of checks that did not count because it was late. */
  readonly unmeasured: number;
}

/**
 * Counts what a `HealthMonitor` tells.
 *
 * @example
 * ```ts
 * import { HealthMonitor } from 'ipvs-ts/health';
 * import { HealthCounters } from 'ipvs-ts/metrics';
 * const counters = new HealthCounters();
 * using monitor = new HealthMonitor({ onEvent: (event) => counters.tell(event) });
 * ```
 */
export class HealthCounters {
  readonly #counts = { up: 0, down: 0, massFailures: 0, late: 0, unmeasured: 0 };

  /** What it came to until now. */
  counts(): HealthCounts {
    return { ...this.#counts };
  }

  /** Takes one event of the monitor. Those that are not counted are passed over. */
  tell(event: HealthEvent): void {
    switch (event.type) {
      case 'server':
        this.#counts[event.status]++;
        break;
      case 'mass-failure':
        this.#counts.massFailures++;
        break;
      case 'late':
        this.#counts.late += event.late;
        this.#counts.unmeasured += event.runs;
        break;
    }
  }
}
