/**
 * Counters and rates in columns that are nine characters wide.
 * @module
 */

/** A counter (bigint, 64 bits) or a rate. */
export type Count = bigint | number;

/**
 * Shortened to a whole number of thousands (K), millions (M), thousand millions (G) or million millions (T) from nine
 * digits on; what is cut off is not rounded (ipvsadm.c 1.31, `print_largenum`).
 */
export function scaledNumber(count: Count): string {
  if (count < 10n ** 8n) return exactNumber(count);
  const { unit, divisor } = UNITS.find(({ below }) => count < below) ?? TRILLIONS;
  return `${String(BigInt(count) / divisor).padStart(8)}${unit}`;
}

const UNITS = [
  { below: 10n ** 9n, unit: 'K', divisor: 10n ** 3n },
  { below: 10n ** 11n, unit: 'M', divisor: 10n ** 6n },
  { below: 10n ** 14n, unit: 'G', divisor: 10n ** 9n },
] as const;
const TRILLIONS = { unit: 'T', divisor: 10n ** 12n } as const;

/** Every digit; longer numbers widen the column, and a blank always stands before them (`--exact`, ipvsadm 1.31). */
export function exactNumber(count: Count): string {
  return ` ${String(count).padStart(8)}`;
}
