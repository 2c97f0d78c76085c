import { choice } from './choice.js';
import { connectionOverhead, leastLoaded } from './load.js';

/** Weighted least connections (ip_vs_wlc.c): who has the fewest for its weight; of equals the first in the list. */
export const wlc = choice((destinations) => leastLoaded(destinations, connectionOverhead));
