/**
 * A reading as rows: services, busiest first, and below each its real servers; all, or those that a text is found in.
 * @module
 */
import { formatEndpoint } from '../../address/endpoint.js';
import { type DestinationEntry, formatDestinationKey } from '../../model/destination.js';
import type { ServiceFields } from '../../model/service.js';
import { compareDestinationKeys, compareServiceKeys, type TableService } from '../../model/table.js';
import { CheckedRows } from './checked-rows.js';
import type { Reading } from './reading.js';
import type { Row } from './row.js';
import type { TopSort } from './sorts.js';

/** Which rows, and in which order. */
export interface Choice {
  readonly sort: TopSort;
  /** Shown is what has it in its name, with the service of a real server, and the real servers of a service. */
  readonly filter: string;
}

/** The number that a row is sorted by; where rates are not known, all are the same. */
const VALUES: Readonly<Record<Exclude<TopSort, 'name'>, (row: Row) => number>> = {
  weight: ({ weight = 0 }) => weight,
  active: ({ active = 0 }) => active,
  inactive: ({ inactive = 0 }) => inactive,
  cps: ({ rates }) => rates?.connections ?? 0,
  inpps: ({ rates }) => rates?.inPackets ?? 0,
  outpps: ({ rates }) => rates?.outPackets ?? 0,
  inbps: ({ rates }) => rates?.inBytes ?? 0,
  outbps: ({ rates }) => rates?.outBytes ?? 0,
};

/** The rows of a reading. What is equal stays in the order of ipvsadm. */
export function rowsOf(
  { services, health, at }: Pick<Reading, 'services' | 'health' | 'at'>,
  { sort, filter }: Choice,
): Row[] {
  const checked = new CheckedRows(health, at.getTime());
  const groups = services
    .toSorted((left, right) => compareServiceKeys(left.service, right.service))
    .map((entry) => ({
      service: checked.service(serviceRow(entry), entry),
      servers: sortRows(checked.servers(serverRows(entry), entry), sort),
    }))
    .flatMap(({ service, servers }) => filterGroup(service, servers, filter.toLowerCase()));
  const compare = comparison(sort);
  return groups
    .toSorted((left, right) => compare(left.service, right.service))
    .flatMap(({ service, servers }) => [service, ...servers]);
}

interface Group {
  readonly service: Row;
  readonly servers: readonly Row[];
}

function filterGroup(service: Row, servers: readonly Row[], filter: string): Group[] {
  const has = ({ name }: Row) => name.toLowerCase().includes(filter);
  if (has(service)) return [{ service, servers }];
  const found = servers.filter(has);
  return found.length === 0 ? [] : [{ service, servers: found }];
}

function sortRows(rows: readonly Row[], sort: TopSort): Row[] {
  return rows.toSorted(comparison(sort));
}

function comparison(sort: TopSort): (left: Row, right: Row) => number {
  if (sort === 'name') return () => 0;
  const value = VALUES[sort];
  return (left, right) => value(right) - value(left);
}

function serverRows({ destinations }: TableService): Row[] {
  return destinations
    .toSorted((left, right) => compareDestinationKeys(left.destination, right.destination))
    .map(serverRow);
}

function serverRow({ destination, activeConnections, inactiveConnections, stats }: DestinationEntry): Row {
  return {
    kind: 'server',
    name: formatDestinationKey(destination),
    weight: destination.weight,
    active: activeConnections,
    inactive: inactiveConnections,
    ...(stats && { rates: stats.rates }),
  };
}

function serviceRow({ service, destinations, stats }: TableService): Row {
  const sum = (value: (entry: DestinationEntry) => number) =>
    destinations.reduce((total, entry) => total + value(entry), 0);
  return {
    kind: 'service',
    name: `${serviceName(service)} ${service.scheduler}`,
    weight: sum(({ destination }) => destination.weight),
    active: sum(({ activeConnections }) => activeConnections),
    inactive: sum(({ inactiveConnections }) => inactiveConnections),
    ...(stats && { rates: stats.rates }),
  };
}

/** As ipvsadm names it. */
function serviceName(service: ServiceFields): string {
  if (service.protocol === 'fwmark') return `FWM ${service.mark}${service.family === 'ipv6' ? ' IPv6' : ''}`;
  return `${service.protocol.toUpperCase()} ${formatEndpoint(service.address, service.port)}`;
}
