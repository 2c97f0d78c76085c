/**
 * A table as rows, each with its labels: what the metrics of the table are written of.
 * @module
 */
import { formatDestinationKey, type NormalDestination, readDestination } from '../model/destination.js';
import { under } from '../model/fields.js';
import { type NormalService, readService } from '../model/service.js';
import { formatServiceKey } from '../model/service-key.js';
import type { Counters } from '../model/stats.js';
import { serverName } from '../reconcile/override.js';
import { asFields, asList, type Gathered, readConnections, readCounters, refuse } from './check.js';
import type { MetricsInput } from './input.js';
import type { ServiceLabels } from './service-labels.js';
import { labelText } from './text.js';

/** What the kernel counts traffic of. */
export interface Counted {
  /** Absent where they are not known. */
  readonly counters: Counters | undefined;
}

/** A service of the table; or all others, summed up. */
export interface ServiceRow extends Counted {
  readonly labels: string;
  /** Absent of the sum. */
  readonly service: NormalService | undefined;
  readonly destinations: readonly DestinationRow[];
  /** Of the sum: how many destinations it stands for. */
  readonly counts?: DestinationCounts;
}

/** Destinations with a weight above 0, and with weight 0. */
export interface DestinationCounts {
  readonly serving: number;
  readonly quiesced: number;
}

/** The real servers of a service by whether they have a weight. */
export function countDestinations({ counts, destinations }: ServiceRow): DestinationCounts {
  if (counts !== undefined) return counts;
  const serving = destinations.filter(({ destination }) => (destination?.weight ?? 0) > 0).length;
  return { serving, quiesced: destinations.length - serving };
}

/** A real server of a service; or those of all others, summed up. */
export interface DestinationRow extends Counted {
  readonly labels: string;
  /** Absent of the sum. */
  readonly destination: NormalDestination | undefined;
  readonly active: number;
  readonly inactive: number;
  readonly persistent: number | undefined;
  /** The weight that the file says. */
  readonly wanted: number | undefined;
}

/** Rows between two looks at the clock. */
const LOT = 16;

/** Reads the wanted weights, by server. */
function* readWanted(input: MetricsInput['desired'], gathered: Gathered): Generator<void, Map<string, number>> {
  const weights = new Map<string, number>();
  if (input === undefined) return weights;
  const services = gathered.attempt('desired', () => asList('services', asFields(input)['services'] ?? [])) ?? [];
  for (const [place, entry] of services.entries()) {
    gathered.attempt(`desired.services[${place}]`, () => {
      const { service, destinations } = asFields(entry);
      const key = readService(service, []);
      for (const each of asList('destinations', destinations)) {
        const destination = readDestination(key, each, []);
        weights.set(serverName(key, destination), destination.weight);
      }
    });
    if (place % LOT === 0) yield;
  }
  return weights;
}

/** Reads the table. Whoever runs it has a turn between two steps. */
export function* readTableRows(
  { table, countsTraffic, desired }: MetricsInput,
  labels: ServiceLabels,
  gathered: Gathered,
): Generator<void, ServiceRow[]> {
  const wanted = yield* readWanted(desired, gathered);
  const services = gathered.attempt('table', () => asList('services', asFields(table)['services'])) ?? [];
  const rows = new Map<string, ServiceRow>();
  for (const [place, entry] of services.entries()) {
    const path = `table.services[${place}]`;
    const read = gathered.attempt(path, () => readServiceEntry(entry, countsTraffic !== false));
    if (read === undefined) continue;
    const { service, counters, entries } = read;
    const key = formatServiceKey(service);
    const text = labels.of(key);
    const before = rows.get(key);
    // /proc does not tell a mark's family: those of both families are one there.
    if (before !== undefined && !(service.protocol === 'fwmark' && service.family === undefined)) {
      gathered.attempt(path, () => refuse('service', `${key} is there twice`));
    }
    const destinations = new Map(before?.destinations.map((row) => [row.labels, row]));
    for (const [index, each] of entries.entries()) {
      gathered.attempt(`${path}.destinations[${index}]`, () => {
        const row = readDestinationRow(service, text, each, countsTraffic !== false, wanted);
        if (destinations.has(row.labels)) refuse('destination', 'is there twice');
        destinations.set(row.labels, row);
      });
      if (index % LOT === LOT - 1) yield;
    }
    rows.set(key, { labels: text, service, counters, destinations: [...destinations.values()] });
    yield;
  }
  return [...rows.values()];
}

function readServiceEntry(entry: unknown, isCounted: boolean) {
  const { service, stats, destinations } = asFields(entry);
  return {
    service: readService(service, []),
    counters: readStats(stats, isCounted),
    entries: asList('destinations', destinations),
  };
}

function readStats(stats: unknown, isCounted: boolean): Counters | undefined {
  const counters = stats === undefined ? undefined : under('stats', () => readCounters(stats));
  return isCounted ? counters : undefined;
}

function readDestinationRow(
  service: NormalService,
  serviceLabels: string,
  entry: unknown,
  isCounted: boolean,
  wanted: ReadonlyMap<string, number>,
): DestinationRow {
  const { destination: given, activeConnections, inactiveConnections, persistentConnections, stats } = asFields(entry);
  const destination = readDestination(service, given, []);
  return {
    labels: `${serviceLabels},${labelText({ destination: formatDestinationKey(destination) })}`,
    destination,
    counters: readStats(stats, isCounted),
    active: readConnections('activeConnections', activeConnections),
    inactive: readConnections('inactiveConnections', inactiveConnections),
    persistent:
      persistentConnections === undefined ? undefined : readConnections('persistentConnections', persistentConnections),
    wanted: wanted.size === 0 ? undefined : wanted.get(serverName(service, destination)),
  };
}
