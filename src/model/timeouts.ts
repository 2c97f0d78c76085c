/**
 * How long idle connections stay in the table.
 * @module
 */
import { Fields } from './fields.js';
import { whole } from './rules.js';

/** Seconds: what is left out of signed 32 bits is the kernel's to refuse, by its ticks a second (EINVAL). */
export const TIMEOUT = whole(0, 0x7fffffff, ' seconds');

/** All in seconds. The kernel starts with 900, 120 and 300. */
export interface Timeouts {
  /** An established TCP connection. */
  readonly tcp: number;
  /** A TCP connection after a FIN. */
  readonly tcpFin: number;
  readonly udp: number;
}

/** Timeouts to set, in seconds; what is absent or 0 stays as it is. */
export interface TimeoutsChange {
  /** An established TCP connection. */
  readonly tcp?: number | undefined;
  /** A TCP connection after a FIN. */
  readonly tcpFin?: number | undefined;
  readonly udp?: number | undefined;
}

const FIELDS: ReadonlySet<string> = new Set(['tcp', 'tcpFin', 'udp']);

/**
 * Checks new timeouts: 0 to 2147483647 seconds each, of which the kernel takes as many as fit its ticks (2147483 with 1000 a
 * second). 0 means the same as absent: it stays, as with `ipvsadm --set`. Throws `InvalidArgumentError`.
 */
export function parseTimeouts(input: TimeoutsChange): Partial<Timeouts> {
  const fields = new Fields('timeouts', input, FIELDS);
  const [tcp, tcpFin, udp] = [
    fields.optional('tcp', TIMEOUT),
    fields.optional('tcpFin', TIMEOUT),
    fields.optional('udp', TIMEOUT),
  ];
  fields.end();
  return withoutZeros({ tcp, tcpFin, udp });
}

/** Those that are set: a zero leaves a timeout as it is, in the kernel as in ipvsadm. */
export function withoutZeros({ tcp = 0, tcpFin = 0, udp = 0 }: TimeoutsChange): Partial<Timeouts> {
  return { ...(tcp > 0 && { tcp }), ...(tcpFin > 0 && { tcpFin }), ...(udp > 0 && { udp }) };
}

/** Checks timeouts that were read from a kernel: all three, 0 where it has none. Throws `InvalidArgumentError`. */
export function readHeldTimeouts(input: unknown): Timeouts {
  const fields = new Fields('timeouts', input, FIELDS);
  const timeouts = {
    tcp: fields.required('tcp', TIMEOUT),
    tcpFin: fields.required('tcpFin', TIMEOUT),
    udp: fields.required('udp', TIMEOUT),
  };
  fields.end();
  return timeouts;
}
