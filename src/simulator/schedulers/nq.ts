import { choice, isUsable } from './choice.js';
import { expectedOverhead, isMoreLoaded } from './load.js';
import type { ScheduledDestination } from './scheduler.js';

/** Never queue (ip_vs_nq.c): the first in the list without active connections; if all have some, as with sed. */
export const nq = choice((destinations) => {
  let least: ScheduledDestination | undefined;
  let leastOverhead = 0;
  for (const destination of destinations) {
    if (!isUsable(destination)) continue;
    if (destination.activeConnections === 0) return destination;
    const overhead = expectedOverhead(destination);
    if (least === undefined || isMoreLoaded(leastOverhead, least.weight, overhead, destination.weight)) {
      least = destination;
      leastOverhead = overhead;
    }
  }
  return least;
});
