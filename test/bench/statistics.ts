/**
 * What the figures of a run say. Nothing but medians, and ratios within one round.
 */
import type { Row, Side, Target } from './results.js';

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** A ratio of two sides: the median of the rounds' own, and the smallest and largest of them. */
export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Undefined where one of the sides was not measured. */
export function ratio(row: Row, of: Side, over: Side): Ratio | undefined {
  const [above, below] = [row.samples[of], row.samples[over]];
  if (above === undefined || below === undefined) return undefined;
  const ratios = above.map((figure, round) => figure / (below[round] ?? Number.NaN));
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}

/** The median figure of a side; undefined where it was not measured. */
export function figure(row: Row, side: Side): number | undefined {
  const figures = row.samples[side];
  return figures && median(figures);
}

/** What came of a target. */
export interface Verdict {
  readonly row: Row;
  readonly target: Target;
  /** What is compared with the limit. */
  readonly found: number;
  readonly met: boolean;
}

/** Every target of these rows. */
export function verdicts(rows: readonly Row[]): Verdict[] {
  return rows.flatMap((row) => (row.targets ?? []).map((target) => judge(row, target)));
}

function judge(row: Row, target: Target): Verdict {
  const { of, over, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = target;
  const found =
    over === undefined ? Math.max(...(row.samples[of] ?? [])) : (ratio(row, of, over)?.median ?? Number.NaN);
  return { row, target, found, met: found >= least && found <= most };
}
