/**
 * The whole table of a director at one moment.
 * @module
 */
import { compareBytes, type familyOf, parseIP, parseIPv4Number } from '../address/ip.js';
import type { DestinationEntry } from './destination.js';
import type { ServiceEntry } from './service.js';
import { familyOfKey, protocolNumber, type ServiceKey } from './service-key.js';

/** Where what was read came from. /proc knows no stats, thresholds, scheduler flags, engines or tunnels. */
export type Source = 'netlink' | 'proc';

/** A service with its real servers. */
export interface TableService extends ServiceEntry {
  readonly destinations: readonly DestinationEntry[];
}

/** Every service and destination. `JSON.stringify` works; it gives counters as strings. */
export interface Table {
  readonly source: Source;
  /** In the kernel's order, as are the destinations of each: newest destination first. */
  readonly services: readonly TableService[];
}

/** Facts about the running IPVS. */
export interface Info {
  /** `1.2.1` since Linux 2.6. */
  readonly version: string;
  /** Buckets of the connection table. Since Linux 7.1 the current size, 0 before the first connection. */
  readonly connectionTableSize: number;
}

/**
 * ipvsadm's order of services: those of an address before those of a mark, then by mark, family, protocol number,
 * address and port. ipvsadm subtracts in signed 32-bit arithmetic and misplaces values that are 2^31 or more apart
 * (libipvs.c, 1.31); this order is the one it means.
 */
export function compareServiceKeys(left: ServiceKey, right: ServiceKey): number {
  return (
    markOf(left) - markOf(right) ||
    familyRank(familyOfKey(left)) - familyRank(familyOfKey(right)) ||
    compareEndpoints(left, right)
  );
}

/** ipvsadm's order of destinations: by address, then port; IPv4 counts as padded with zeros. */
export function compareDestinationKeys(
  left: { address: string; port: number },
  right: { address: string; port: number },
): number {
  const one = parseIPv4Number(left.address);
  const other = one === undefined ? undefined : parseIPv4Number(right.address);
  // Most are IPv4, and numbers leave no garbage.
  if (one !== undefined && other !== undefined) return one - other || left.port - right.port;
  const [a, b] = [bytesOf(left.address), bytesOf(right.address)];
  return compareBytes(a, b) || left.port - right.port || a.length - b.length;
}

function compareEndpoints(left: ServiceKey, right: ServiceKey): number {
  if (left.protocol === 'fwmark' || right.protocol === 'fwmark') return 0;
  return protocolNumber(left.protocol) - protocolNumber(right.protocol) || compareDestinationKeys(left, right);
}

function markOf(key: ServiceKey): number {
  return key.protocol === 'fwmark' ? key.mark : 0;
}

function familyRank(family: ReturnType<typeof familyOf>): number {
  return family === 'ipv4' ? 0 : 1;
}

function bytesOf(address: string): Uint8Array {
  return parseIP(address) ?? new Uint8Array(16);
}
