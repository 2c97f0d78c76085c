/**
 * Whether two readings of the table agree on what there is. Netlink and /proc/net/ip_vs go through the same lists
 * (ip_vs_genl_dump_services, ip_vs_genl_dump_dests and ip_vs_info_array, ip_vs_info_seq_show in ip_vs_ctl.c), so that equal
 * tables come in equal order.
 * @module
 */
import type { DestinationEntry } from './destination.js';
import type { ServiceKey } from './service-key.js';
import type { TableService } from './table.js';

/** As much of a service as its name is in. */
interface Named {
  readonly service: ServiceKey;
}

/** Whether both have the same services with the same servers, whatever their settings, in the same order. */
export function agree(left: readonly TableService[], right: readonly TableService[]): boolean {
  return areAlike(left, right, isSameService) && areAlike(left, right, hasSameServers);
}

/** Whether both have the same services in the same order. */
export function haveSameServices(left: readonly Named[], right: readonly Named[]): boolean {
  return areAlike(left, right, isSameService);
}

function areAlike<T>(left: readonly T[], right: readonly T[], isAlike: (left: T, right: T) => boolean): boolean {
  if (left.length !== right.length) return false;
  return left.every((one, index) => {
    const other = right[index];
    return other !== undefined && isAlike(one, other);
  });
}

/** /proc does not tell the family of a mark: there any will do. */
export function isSameService({ service: one }: Named, { service: other }: Named): boolean {
  if (one.protocol === 'fwmark') {
    const isFamilyKnown = other.protocol === 'fwmark' && one.family !== undefined && other.family !== undefined;
    return other.protocol === 'fwmark' && one.mark === other.mark && (!isFamilyKnown || one.family === other.family);
  }
  if (other.protocol === 'fwmark') return false;
  return one.protocol === other.protocol && one.address === other.address && one.port === other.port;
}

function hasSameServers(left: TableService, right: TableService): boolean {
  return areAlike(left.destinations, right.destinations, isSameServer);
}

function isSameServer({ destination: one }: DestinationEntry, { destination: other }: DestinationEntry): boolean {
  return one.address === other.address && one.port === other.port;
}
