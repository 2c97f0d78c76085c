/**
 * The formats of `ipvsadm -L`: what each tells about services and destinations (ipvsadm.c 1.31, `print_title` and
 * `print_service_entry`).
 *
 * What /proc/net/ip_vs does not tell is shown as `-`. ipvsadm never has to: it does not read that file.
 * @module
 */
import type { DestinationEntry, DestinationFields } from '../model/destination.js';
import type { ServiceEntry, ServiceFields } from '../model/service.js';
import type { Counters, Stats } from '../model/stats.js';
import type { ListColumns } from './build-command.js';
import { netmaskText } from './rules.js';
import { type Count, exactNumber, scaledNumber } from './scaled-number.js';
import { schedulerFlagsText } from './scheduler-flags.js';

/** One format. Lines come without their ends. */
export interface ListingFormat {
  /** The two lines above the first service. */
  readonly title: string;
  /** The line of a service. */
  readonly service: (name: string, entry: ServiceEntry) => string;
  /** The line of a destination. */
  readonly destination: (name: string, entry: DestinationEntry) => string;
}

/** The width of a service's name where columns follow it. */
const SERVICE_WIDTH = 33;
/** The width of a destination's name. */
const DESTINATION_WIDTH = 28;
/** Stands where a value is not known. */
const UNKNOWN = '-';

type FormatNumber = (count: Count) => string;

/** The format of one choice of columns (ipvsadm.c 1.31, `print_title`); `exact` has a meaning for stats and rates alone. */
export function listingFormat(columns: ListColumns | undefined, exact: boolean): ListingFormat {
  switch (columns) {
    case 'stats':
      return countersFormat(exact ? exactNumber : scaledNumber);
    case 'rate':
      return ratesFormat(exact ? exactNumber : scaledNumber);
    case 'thresholds':
      return THRESHOLDS;
    case 'persistent-conn':
      return PERSISTENT_CONNECTIONS;
    case 'tun-info':
      return TUNNELS;
    case undefined:
      return USUAL;
  }
}

function countersFormat(format: FormatNumber): ListingFormat {
  const counters = ({ stats }: { readonly stats?: Stats }) => numberColumns(stats, COUNTERS, format);
  return {
    title: numbersTitle(['Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes']),
    service: (name, entry) => name.padEnd(SERVICE_WIDTH) + counters(entry),
    destination: (name, entry) => destinationName(name) + counters(entry),
  };
}

function ratesFormat(format: FormatNumber): ListingFormat {
  return {
    title: numbersTitle(['CPS', 'InPPS', 'OutPPS', 'InBPS', 'OutBPS']),
    service: (name, { stats }) => name.padEnd(SERVICE_WIDTH) + numberColumns(stats?.rates, COUNTERS, format),
    // ipvsadm shortens the bytes of destinations only.
    destination: (name, { stats }) =>
      destinationName(name) +
      numberColumns(stats?.rates, PACKETS, exactNumber) +
      numberColumns(stats?.rates, BYTES, format),
  };
}

const PACKETS = ['connections', 'inPackets', 'outPackets'] as const;
const BYTES = ['inBytes', 'outBytes'] as const;
const COUNTERS = [...PACKETS, ...BYTES] as const;

function numberColumns(
  counts: Readonly<Record<keyof Counters, Count>> | undefined,
  fields: readonly (keyof Counters)[],
  format: FormatNumber,
): string {
  return fields.map((field) => (counts === undefined ? UNKNOWN.padStart(9) : format(counts[field]))).join('');
}

function numbersTitle(columns: readonly string[]): string {
  return namesTitle(columns.map((column) => ` ${column.padStart(8)}`).join(''));
}

/** A title whose columns stand above those of services and destinations alike. */
function namesTitle(columns: string): string {
  return `${'Prot LocalAddress:Port'.padEnd(SERVICE_WIDTH)}${columns}\n  -> RemoteAddress:Port`;
}

const THRESHOLDS: ListingFormat = {
  title: namesTitle(cells(['Uthreshold', 10], ['Lthreshold', 10], ['ActiveConn', 10], ['InActConn', 10])),
  service: serviceLine,
  destination: (name, entry) => {
    const { upperThreshold, lowerThreshold } = thresholdsOf(entry);
    return destinationName(name) + cells([upperThreshold, 10], [lowerThreshold, 10]) + connectionCells(entry);
  },
};

const PERSISTENT_CONNECTIONS: ListingFormat = {
  title: namesTitle(cells(['Weight', 9], ['PersistConn', 11], ['ActiveConn', 10], ['InActConn', 10])),
  service: serviceLine,
  destination: (name, entry) => {
    const { destination, persistentConnections = UNKNOWN } = entry;
    return destinationName(name) + cells([destination.weight, 9], [persistentConnections, 11]) + connectionCells(entry);
  },
};

const TUNNELS: ListingFormat = {
  title:
    'Prot LocalAddress:Port Scheduler Flags\n' +
    '  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn',
  service: serviceLine,
  destination: (name, entry) => {
    const { forward, weight } = entry.destination;
    const columns = cells([methodName(forward), 7], [tunnelText(entry.destination), 13], [weight, 6]);
    return destinationName(name) + columns + connectionCells(entry);
  },
};

const USUAL: ListingFormat = {
  title:
    'Prot LocalAddress:Port Scheduler Flags\n' +
    '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
  service: serviceLine,
  destination: (name, entry) => {
    const { forward, weight } = entry.destination;
    return destinationName(name) + cells([methodName(forward), 7], [weight, 6]) + connectionCells(entry);
  },
};

/** Columns with a blank before each, padded at the right, the last one too: listings end in blanks. */
function cells(...columns: readonly (readonly [content: string | number, width: number])[]): string {
  return columns.map(([content, width]) => ` ${String(content).padEnd(width)}`).join('');
}

function connectionCells({ activeConnections, inactiveConnections }: DestinationEntry): string {
  return cells([activeConnections, 10], [inactiveConnections, 10]);
}

function destinationName(name: string): string {
  return `  -> ${name.padEnd(DESTINATION_WIDTH)}`;
}

/** Absent thresholds are 0, unless it was /proc that told: then they are not known. */
function thresholdsOf({ destination, persistentConnections }: DestinationEntry) {
  if (persistentConnections === undefined) return { upperThreshold: UNKNOWN, lowerThreshold: UNKNOWN };
  const { upperThreshold = 0, lowerThreshold = 0 } = destination;
  return { upperThreshold, lowerThreshold };
}

/** `fwd_name` in ipvsadm.c 1.31: for the methods that it does not know glibc prints a null pointer. */
function methodName(forward: DestinationFields['forward']): string {
  return METHOD_NAMES.get(forward) ?? '(null)';
}

const METHOD_NAMES: ReadonlyMap<string, string> = new Map([
  ['nat', 'Masq'],
  ['local', 'Local'],
  ['tun', 'Tunnel'],
  ['dr', 'Route'],
]);

/** `fwd_tun_info` in ipvsadm.c 1.31. */
function tunnelText({ tunnel }: DestinationFields): string {
  switch (tunnel?.type) {
    case 'ipip':
      return 'ipip';
    case 'gue':
      return `gue:${tunnel.port}:${CHECKSUM_NAMES[tunnel.checksum]}`;
    case 'gre':
      return `gre:${CHECKSUM_NAMES[tunnel.checksum]}`;
    default:
      return 'n/a';
  }
}

const CHECKSUM_NAMES = { none: '-c', csum: '+c', remcsum: 'r+c' } as const;

/** Unlike its rules, ipvsadm's listings tell of an engine only where the service is persistent. */
function serviceLine(name: string, { service }: ServiceEntry): string {
  const flags = schedulerFlagsText(service);
  return (
    `${name} ${service.scheduler}` +
    // Where only a flag without a name is set, ipvsadm shows that there is one.
    (flags === undefined ? '' : ` (${flags})`) +
    persistenceText(service) +
    (service.onePacket === true ? ' ops' : '')
  );
}

function persistenceText(service: ServiceFields): string {
  const { persistence, persistenceEngine } = service;
  if (persistence === undefined) return '';
  const mask = netmaskText(service);
  return (
    // Where the timeout is not known (/proc without the kernel's HZ) it is left out.
    (persistence.timeout === undefined ? ' persistent' : ` persistent ${persistence.timeout}`) +
    (mask === undefined ? '' : ` mask ${mask}`) +
    (persistenceEngine === undefined ? '' : ` pe ${persistenceEngine}`)
  );
}
