import { choice } from './choice.js';
import { expectedOverhead, leastLoaded } from './load.js';

/** Shortest expected delay (ip_vs_sed.c): who will have the fewest for its weight once this connection is there too. */
export const sed = choice((destinations) => leastLoaded(destinations, expectedOverhead));
