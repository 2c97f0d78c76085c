/**
 * A server that comes back is given its weight in steps. Pure.
 * @module
 */

/** Steps of a ramp. */
export const RAMP_STEPS = 10;

/** Schedulers that choose by a hash: each step would move clients from one server to another. */
const BY_HASH: ReadonlySet<string> = new Set(['sh', 'mh', 'dh']);

/** Whether servers of a scheduler come back in steps. */
export function canRamp(scheduler: string): boolean {
  return !BY_HASH.has(scheduler);
}

/**
 * Percent of its weight that a server has by now which came back at `since`, and when it gets more. Undefined once it has all.
 * @param over milliseconds
 */
export function rampAt(since: number, over: number, now: number): { percent: number; next: number } | undefined {
  const step = Math.floor(((now - since) / over) * RAMP_STEPS) + 1;
  if (over <= 0 || step >= RAMP_STEPS) return undefined;
  return { percent: (100 / RAMP_STEPS) * Math.max(step, 1), next: since + (over / RAMP_STEPS) * step };
}
