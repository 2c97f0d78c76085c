import { isUsable } from './choice.js';
import type { ScheduledDestination } from './scheduler.js';

/** A destination's load, before its weight is looked at: a 32-bit integer, as in the kernel. */
export type Overhead = (destination: ScheduledDestination) => number;

/**
 * `ip_vs_dest_conn_overhead` (ip_vs.h): an active connection weighs as much as 256 others. An `int`: it turns negative with
 * 8,388,608 active connections.
 */
export function connectionOverhead(destination: ScheduledDestination): number {
  return ((destination.activeConnections << 8) + destination.inactiveConnections) | 0;
}

/** The load that sed and nq expect once the new connection is there too; others don't count. */
export function expectedOverhead(destination: ScheduledDestination): number {
  return (destination.activeConnections + 1) | 0;
}

/** The destination with the least overhead for its weight, of equals the first; what wlc, sed, lblc and lblcr share. */
export function leastLoaded(
  destinations: readonly ScheduledDestination[],
  overhead: Overhead,
): ScheduledDestination | undefined {
  let least: ScheduledDestination | undefined;
  let leastOverhead = 0;
  for (const destination of destinations) {
    if (least === undefined ? !isUsable(destination) : destination.overloaded) continue;
    const own = overhead(destination);
    if (least === undefined || isMoreLoaded(leastOverhead, least.weight, own, destination.weight)) {
      least = destination;
      leastOverhead = own;
    }
  }
  return least;
}

/** Whether a server of lblc or lblcr has more active connections than its weight while another has less than half of that. */
export function isOverfull(server: ScheduledDestination, destinations: readonly ScheduledDestination[]): boolean {
  if (server.activeConnections <= server.weight) return false;
  return destinations.some(({ activeConnections, weight }) => activeConnections * 2 < weight);
}

/** Whether overhead / weight of the one exceeds the other's. */
export function isMoreLoaded(overhead: number, weight: number, otherOverhead: number, otherWeight: number): boolean {
  return isProductGreater(overhead, otherWeight, otherOverhead, weight);
}

/**
 * Whether a · b > c · d for 32-bit integers, as with the kernel's 64-bit products. A double has 53 bits of them; since
 * rounding keeps the order, only products that it makes equal have to be looked at again.
 */
function isProductGreater(a: number, b: number, c: number, d: number): boolean {
  const [left, right] = [a * b, c * d];
  if (left !== right || Number.isSafeInteger(left)) return left > right;
  return BigInt(a) * BigInt(b) > BigInt(c) * BigInt(d);
}
