import { choice, isUsable } from './choice.js';
import { connectionOverhead } from './load.js';
import type { ScheduledDestination, SchedulerEnvironment } from './scheduler.js';

/**
 * The power of two choices (ip_vs_twos.c, since Linux 5.12): the less loaded of two that are drawn by weight. Takes two
 * random numbers for each connection, none if there is nobody to draw.
 */
export const twos = choice((destinations, environment) => {
  if (!destinations.some(isUsable)) return undefined;
  const total = destinations.reduce((sum, { weight, overloaded }) => (overloaded ? sum : sum + weight), 0);
  const first = draw(destinations, total, environment);
  const second = draw(destinations, total, environment);
  if (first === undefined || second === undefined) return first;
  return isMoreLoaded(first, second) ? second : first;
});

/**
 * From 0 up to the sum of the weights itself, so that the first has one chance more than its weight. Scaled as since Linux
 * 6.1 (`prandom_u32_max`); until then it was the remainder of a division. The sum is an `int` that wraps.
 */
function draw(
  destinations: readonly ScheduledDestination[],
  total: number,
  environment: SchedulerEnvironment,
): ScheduledDestination | undefined {
  const limit = (total + 1) >>> 0;
  let left = Math.floor((environment.random() / 2 ** 32) * limit) | 0;
  for (const destination of destinations) {
    if (!isUsable(destination)) continue;
    left -= destination.weight;
    if (left <= 0) return destination;
  }
  return undefined;
}

/** With 32-bit products, unlike everywhere else: they wrap. */
function isMoreLoaded(left: ScheduledDestination, right: ScheduledDestination): boolean {
  return Math.imul(right.weight, connectionOverhead(left)) > Math.imul(left.weight, connectionOverhead(right));
}
