import { choice, isUsable } from './choice.js';
import type { ScheduledDestination } from './scheduler.js';

/**
 * Overflow (ip_vs_ovf.c, since Linux 4.3): all to the greatest weight, until it has more active connections than its weight;
 * then to the next. It fills up to weight + 1, since a server with exactly as many still qualifies. UDP connections are
 * never active: they stay with the first.
 */
export const ovf = choice((destinations) => {
  let heaviest: ScheduledDestination | undefined;
  for (const destination of destinations) {
    if (!isUsable(destination) || destination.activeConnections > destination.weight) continue;
    if (destination.weight > (heaviest?.weight ?? 0)) heaviest = destination;
  }
  return heaviest;
});
