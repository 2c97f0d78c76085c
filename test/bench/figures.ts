/**
 * Figures as text, the same in the terminal and in the docs.
 */
import type { Side } from './results.js';
import type { Ratio, Verdict } from './statistics.js';

/** With three significant digits. */
export function number(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}

/** `41.3 (38.2..44)`, the median with the least and the most. */
export function spread({ median, least, most }: Ratio): string {
  return `${number(median)} (${number(least)}..${number(most)})`;
}

/** `ipvsadm / SDK 41.3, at least 35`. */
export function targetWords({ row, target, found }: Verdict): string {
  const { of, over, least, most } = target;
  const what = over === undefined ? `${sideName(of)}, at most` : `${sideName(of)} / ${sideName(over)}`;
  const value = over === undefined ? `${number(found)} ${row.unit}` : number(found);
  const limit = least === undefined ? `at most ${number(most ?? Number.NaN)}` : `at least ${number(least)}`;
  return `${what} ${value}, wanted ${limit}`;
}

export function sideName(side: Side): string {
  switch (side) {
    case 'sdk':
      return 'SDK';
    case 'bound':
      return 'C';
    default:
      return side;
  }
}
