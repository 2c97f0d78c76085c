/**
 * How long idle connections stay in the table.
 * @module
 */
import type { z } from 'zod';
import { integer, lazy, parse, withoutUndefined } from './parse.js';

/** Seconds in 31 days: ipvsadm's limit. */
export const MAX_TIMEOUT = 31 * 24 * 60 * 60;

const timeoutsSchema = lazy((z) => {
  const seconds = integer(1, MAX_TIMEOUT, ' seconds').optional();
  return z
    .strictObject({ tcp: seconds, tcpFin: seconds, udp: seconds })
    .refine((given) => Object.values(given).some((value) => value !== undefined), {
      error: 'give at least one of tcp, tcpFin, udp',
    });
});

/** All in seconds. The kernel starts with 900, 120 and 300. */
export interface Timeouts {
  /** An established TCP connection. */
  readonly tcp: number;
  /** A TCP connection after a FIN. */
  readonly tcpFin: number;
  readonly udp: number;
}

/** Timeouts to set: what is absent stays as it is. */
export type TimeoutsChange = z.input<ReturnType<typeof timeoutsSchema>>;

/** Checks new timeouts: 1 to 2678400 seconds each. Throws `InvalidArgumentError`. */
export function parseTimeouts(input: TimeoutsChange): Partial<Timeouts> {
  return withoutUndefined(parse(timeoutsSchema, 'timeouts', input));
}
