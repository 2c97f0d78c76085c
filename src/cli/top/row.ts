/**
 * A line of the table that `top` shows, before it is text.
 * @module
 */
import type { Rates } from '../../model/stats.js';

/** One line of the table. */
export interface Row {
  readonly kind: 'service' | 'server';
  readonly name: string;
  /** What health checks found. Absent where nobody checks it. */
  readonly state?: ServerState;
  /** Of a service: of all its real servers together. Absent of a server that health checks took out of the table. */
  readonly weight?: number;
  readonly active?: number;
  readonly inactive?: number;
  /** Absent where it is not known. */
  readonly rates?: Rates;
}

/** Up, down, down and held since it flaps, not measured yet. */
export type ServerState = 'U' | 'D' | 'H' | '?';
