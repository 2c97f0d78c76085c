import { choice, isUsable } from './choice.js';
import { connectionOverhead } from './load.js';
import type { ScheduledDestination } from './scheduler.js';

/** Least connections (ip_vs_lc.c): who has the fewest, whatever their weights, unless 0; of equals the first in the list. */
export const lc = choice((destinations) => {
  let least: ScheduledDestination | undefined;
  let leastOverhead = 0;
  for (const destination of destinations) {
    if (!isUsable(destination)) continue;
    // Unsigned here, unlike everywhere else.
    const overhead = connectionOverhead(destination) >>> 0;
    if (least === undefined || overhead < leastOverhead) {
      least = destination;
      leastOverhead = overhead;
    }
  }
  return least;
});
