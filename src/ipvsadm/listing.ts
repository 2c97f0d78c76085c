/**
 * What `ipvsadm -L` prints of services and their destinations (1.31), byte for byte.
 *
 * It differs where ipvsadm is wrong: marks from 2^31 on are not negative, counters and rates of destinations do not wrap
 * at 2^32 (libipvs reads their 64 bits as 32), and the order is the one that ipvsadm means (see
 * {@link compareServiceKeys}).
 * @module
 */
import { familyOf } from '../address/ip.js';
import type { ServiceFields } from '../model/service.js';
import { familyOfKey } from '../model/service-key.js';
import { compareDestinationKeys, compareServiceKeys, type Info, type TableService } from '../model/table.js';
import type { ListCommand } from './build-command.js';
import { type ListingFormat, listingFormat } from './listing-columns.js';
import { endpointText, numericReverseNames, type ReverseNames } from './reverse-names.js';

/** How to list services: as much of a {@link ListCommand} as matters. */
export type ListingStyle = Pick<ListCommand, 'columns' | 'numeric' | 'exact' | 'sort'>;

/** What is listed beside the services. */
export interface ListingOptions {
  /** For the version line, which ipvsadm prints above the whole table, and not above one service. */
  readonly info?: Info;
  /** What addresses are called where the style is not numeric. Default: nothing has a name. */
  readonly names?: ReverseNames;
}

/**
 * The listing of a whole table, or of one service: `formatListing([service], style)`. Services and destinations are
 * expected in the kernel's order, which is kept where the style says not to sort. From ipvsadm.c 1.31, `list_all` and
 * `list_service`.
 */
export function formatListing(
  services: readonly TableService[],
  style: ListingStyle,
  { info, names = numericReverseNames }: ListingOptions = {},
): string {
  const format = listingFormat(style.columns, style.exact);
  const known = style.numeric ? numericReverseNames : names;
  const sorted = style.sort
    ? services.toSorted((left, right) => compareServiceKeys(left.service, right.service))
    : services;
  const lines = info === undefined ? [] : [formatInfo(info)];
  lines.push(`${format.title}\n`);
  for (const entry of sorted) pushService(lines, entry, format, style.sort, known);
  return lines.join('');
}

/**
 * `IP Virtual Server version 1.2.1 (size=4096)`: the line that ipvsadm 1.31 prints before it asks for the table
 * (`list_all`), and so also when it then fails.
 */
export function formatInfo({ version, connectionTableSize }: Info): string {
  return `IP Virtual Server version ${version} (size=${connectionTableSize})\n`;
}

function pushService(
  lines: string[],
  entry: TableService,
  format: ListingFormat,
  sort: boolean,
  names: ReverseNames,
): void {
  const { service, destinations } = entry;
  lines.push(`${format.service(serviceName(service, names), entry)}\n`);
  const sorted = sort
    ? destinations.toSorted((left, right) => compareDestinationKeys(left.destination, right.destination))
    : destinations;
  for (const server of sorted) {
    const { address, port } = server.destination;
    const name = cut(endpointText(address, port, service.protocol, names), address, DESTINATION_LENGTH);
    lines.push(`${format.destination(name, server)}\n`);
  }
}

/** Where ipvsadm ends the text of IPv4 services, the protocol included, and of IPv4 destinations. */
const SERVICE_LENGTH = 33;
const DESTINATION_LENGTH = 28;

/** `print_service_entry` in ipvsadm.c 1.31. */
function serviceName(service: ServiceFields, names: ReverseNames): string {
  if (service.protocol === 'fwmark') return `FWM  ${service.mark}${familyOfKey(service) === 'ipv6' ? ' IPv6' : ''}`;
  const { protocol, address, port } = service;
  const label = PROTOCOL_LABELS.get(protocol) ?? '?';
  return cut(`${label.padEnd(4)} ${endpointText(address, port, protocol, names)}`, address, SERVICE_LENGTH);
}

const PROTOCOL_LABELS: ReadonlyMap<string, string> = new Map([
  ['tcp', 'TCP'],
  ['udp', 'UDP'],
  ['sctp', 'SCTP'],
]);

/** ipvsadm cuts names to fit its columns, and with them the ports; the wider IPv6 texts it lets stand. */
function cut(text: string, address: string, length: number): string {
  return familyOf(address) === 'ipv6' ? text : text.slice(0, length);
}
