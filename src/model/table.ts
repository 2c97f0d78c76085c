/**
 * The whole table of a director at one moment.
 * @module
 */
import { compareBytes, type familyOf, parseIP, parseIPv4Number } from '../address/ip.js';
import { type Destination, type DestinationEntry, type NormalDestination, readDestination } from './destination.js';
import { asObject, readList, under } from './fields.js';
import { type NormalService, readService, type Service, type ServiceEntry, type ServiceFields } from './service.js';
import { familyOfKey, protocolNumber, type ServiceKey } from './service-key.js';

/** Where a table can be reached, in the order of what they know. */
export const SOURCES = ['netlink', 'sockopt', 'proc'] as const;
/**
 * Where what was read came from. `sockopt` knows IPv4 services and destinations only, and no engines or types of tunnels; `proc`
 * besides no stats, thresholds or scheduler flags.
 */
export type Source = (typeof SOURCES)[number];

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

/** A table as it is told where the kernel keeps no statistics: what stands still is not known. */
export function withoutStats<T extends Pick<Table, 'services'>>(table: T): T {
  return { ...table, services: table.services.map(withoutServiceStats) };
}

function withoutServiceStats({ stats: _, destinations, ...service }: TableService): TableService {
  return { ...service, destinations: destinations.map(({ stats: _ignored, ...destination }) => destination) };
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

/** A table as a program may hand it in: one that was read, or as much of one as counts, also from JSON. */
export interface WrittenTable {
  readonly services: readonly WrittenTableService[];
}

/** A service of a {@link WrittenTable}. Other fields, such as counters, may stand beside. */
export interface WrittenTableService {
  readonly service: Service | ServiceFields;
  readonly destinations: readonly { readonly destination: Destination }[];
}

/** A service of a table with its destinations, checked: as much of a {@link TableService} as is no measurement. */
export interface NormalTableService {
  readonly service: NormalService;
  readonly destinations: readonly { readonly destination: NormalDestination }[];
}

/**
 * Checks a table that was read once, whoever kept it meanwhile. What only a kernel holds is taken too; a table as the kernel told
 * it comes back as it is.
 * Throws `InvalidArgumentError` with the path of everything that is wrong: `services[0].destinations[1].destination.weight`.
 */
export function readWrittenTable<Entry extends NormalTableService = NormalTableService>(
  subject: string,
  input: unknown,
): { readonly services: readonly Entry[] } {
  const { services } = asObject(subject, input);
  const read = under('services', () => readList(subject, services, readTableService));
  return { services: read as unknown as readonly Entry[] };
}

function readTableService(input: unknown): NormalTableService {
  const entry = asObject('service', input);
  const service = under('service', () => readService(entry['service'], []));
  const destinations = under('destinations', () =>
    readList('destinations', entry['destinations'], (item) => {
      const { destination, ...rest } = asObject('destination', item);
      const checked = under('destination', () => readDestination(service, destination, []));
      return checked === destination ? (item as { destination: NormalDestination }) : { ...rest, destination: checked };
    }),
  );
  return { ...entry, service, destinations };
}
