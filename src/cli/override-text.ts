/**
 * Overrides, and the programs that keep a table, as verbs show them.
 * @module
 */
import type { LockHolder } from '../errors.js';
import { formatDestinationKey } from '../model/destination.js';
import { formatServiceKey } from '../model/service-key.js';
import { type Override, overrideText } from '../reconcile/override.js';
import { timeText } from './time-text.js';

/** `10.0.0.2:80 of tcp://192.0.2.1:80: weight 5, by anna since 2026-11-27T20:41:00Z until 2026-11-27T21:41:00Z: new disk` */
export function overrideLine(override: Override): string {
  const { service, destination, owner, since, expires, reason } = override;
  const server = `${formatDestinationKey(destination)} of ${formatServiceKey(service)}`;
  const until = expires === undefined ? '' : ` until ${timeText(expires)}`;
  const why = reason === undefined ? '' : `: ${reason.replaceAll(/\p{Cc}/gu, ' ')}`;
  return `${server}: ${overrideText(override)}, by ${owner} since ${timeText(since)}${until}${why}`;
}

/** `ipvs-ts keep web.yaml (pid 4127, since 2026-11-27T20:41:00.000Z)` */
export function keeperText({ program, pid, since }: LockHolder): string {
  return `${program} (pid ${pid}, since ${since})`;
}
