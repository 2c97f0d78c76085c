import { choice, isUsable } from './choice.js';
import type { ScheduledDestination } from './scheduler.js';

/** Failover (ip_vs_fo.c, since Linux 3.18): all to the greatest weight that is not overloaded; of equals the first in the list. */
export const fo = choice((destinations) => {
  let heaviest: ScheduledDestination | undefined;
  for (const destination of destinations) {
    if (isUsable(destination) && destination.weight > (heaviest?.weight ?? 0)) heaviest = destination;
  }
  return heaviest;
});
