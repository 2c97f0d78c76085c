/**
 * What `keep` did since it began, counted from what it tells.
 * @module
 */
import type { KeepEvent } from '../reconcile/keep.js';

/** Why steps were made: what the source wants, an operator, health checks, a table that had drifted, a drain, the end. */
export const STEP_CAUSES = ['applied', 'override', 'health', 'drift', 'drained', 'withdrawn'] as const;
/** One of those. */
export type StepCause = (typeof STEP_CAUSES)[number];

/** The counts of a {@link KeepCounters}. Whole numbers. */
export interface KeepCounts {
  /** 1 once the table was as wanted for the first time, 0 before. */
  readonly ready: number;
  /** How often what the source wants was applied. */
  readonly applied: number;
  /** How often the kernel's table was not as wanted, though nothing that is wanted had changed. */
  readonly drift: number;
  /** Steps that the kernel refused; one that it refuses again in the same way counts once. */
  readonly refused: number;
  /** How often the source could not be taken. */
  readonly badSource: number;
  /** Looks at the table, or at the overrides, that failed. */
  readonly failed: number;
  /** Steps that were done, by cause. */
  readonly steps: Readonly<Record<StepCause, number>>;
}

/**
 * Counts what `keep` tells.
 *
 * @example
 * ```ts
 * import { formatMetrics, KeepCounters, readMetrics } from 'ipvs-ts/metrics';
 * import { keep } from 'ipvs-ts/reconcile';
 * const counters = new KeepCounters();
 * const page = async () => formatMetrics({ ...(await readMetrics(ipvs)), keep: counters.counts() });
 * await keep(ipvs, { read: () => ({ services: [] }) }, { onEvent: (event) => counters.tell(event) });
 * ```
 */
export class KeepCounters {
  readonly #counts = { ready: 0, applied: 0, drift: 0, refused: 0, badSource: 0, failed: 0 };
  readonly #steps = { applied: 0, override: 0, health: 0, drift: 0, drained: 0, withdrawn: 0 };

  /** What it came to until now. */
  counts(): KeepCounts {
    return { ...this.#counts, steps: { ...this.#steps } };
  }

  /** Takes one event of `keep`. Those that are not counted are passed over. */
  tell(event: KeepEvent): void {
    switch (event.type) {
      case 'ready':
        this.#counts.ready = 1;
        break;
      case 'applied':
        this.#counts.applied++;
        this.#steps.applied += event.plan.steps.length;
        break;
      case 'drift':
        this.#counts.drift++;
        this.#steps.drift += event.plan.steps.length;
        break;
      case 'override':
      case 'health':
      case 'drained':
      case 'withdrawn':
        this.#steps[event.type] += event.plan.steps.length;
        break;
      case 'refused':
        this.#counts.refused += event.error.refused.length;
        break;
      case 'bad-source':
        this.#counts.badSource++;
        break;
      case 'failed':
        this.#counts.failed++;
        break;
    }
  }
}
