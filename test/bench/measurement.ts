/**
 * What the benchmarks are made of: measurements, which fill rows, round by round.
 */
import type { RowDescription, Samples } from './results.js';

/** Something that is measured: one row, or several that come out of the same rounds. */
export interface Measurement {
  readonly rows: readonly RowDescription[];
  /** With `--quick` there are two at most. */
  readonly rounds: number;
  /** Takes a minute or more: not part of `--quick`, unless it is asked for by name. */
  readonly slow?: boolean;
  /**
   * Makes what is needed, and measures once for each of the rounds. All sides take their turn in every round: what the
   * machine is up to changes within one run.
   */
  run(rounds: Iterable<Round>): Promise<void>;
}

/** One round of a measurement. */
export interface Round {
  /** Notes what was measured in this round, once for each row. */
  record(row: RowDescription, samples: Samples): void;
}
