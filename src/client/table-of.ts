/**
 * The table in JSON -> model: counters are numbers again.
 * @module
 */
import type { z } from 'zod';
import type {
  destinationEntryJsonSchema,
  serviceEntryJsonSchema,
  statsJsonSchema,
  tableJsonSchema,
} from '../json/table.js';
import { type DestinationEntry, readDestination } from '../model/destination.js';
import { readService, type ServiceEntry } from '../model/service.js';
import type { ServiceKey } from '../model/service-key.js';
import { Stats } from '../model/stats.js';
import type { Table } from '../model/table.js';

/** Counters and rates. */
export function statsOf({ rates, ...counters }: z.infer<typeof statsJsonSchema>): Stats {
  const { connections, inPackets, outPackets, inBytes, outBytes } = counters;
  return new Stats(
    {
      connections: BigInt(connections),
      inPackets: BigInt(inPackets),
      outPackets: BigInt(outPackets),
      inBytes: BigInt(inBytes),
      outBytes: BigInt(outBytes),
    },
    rates,
  );
}

/** A real server of a service. */
export function destinationOf(
  key: ServiceKey,
  { stats, destination, persistentConnections, ...entry }: z.infer<typeof destinationEntryJsonSchema>,
): DestinationEntry {
  return {
    destination: readDestination(key, destination, []),
    ...entry,
    ...(persistentConnections !== undefined && { persistentConnections }),
    ...(stats && { stats: statsOf(stats) }),
  };
}

/** A service, without its real servers. */
export function serviceOf({ service, stats }: z.infer<typeof serviceEntryJsonSchema>): ServiceEntry {
  return { service: readService(service, []), ...(stats && { stats: statsOf(stats) }) };
}

/** The whole table. */
export function tableOf({ source, services }: z.infer<typeof tableJsonSchema>): Table {
  return {
    source,
    services: services.map((each) => {
      const entry = serviceOf(each);
      return { ...entry, destinations: each.destinations.map((one) => destinationOf(entry.service, one)) };
    }),
  };
}
