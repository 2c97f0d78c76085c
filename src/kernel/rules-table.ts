/**
 * The table as far as rules tell it. They tell no statistics and no connections, so that a service's servers can come from
 * /proc/net/ip_vs, which tells all services' at once; by netlink each service is a dump of its own.
 * @module
 */

import type { CallOptions } from '../model/call-options.js';
import type { DestinationEntry } from '../model/destination.js';
import { haveSameServices } from '../model/same-table.js';
import type { ServiceEntry } from '../model/service.js';
import type { TableService } from '../model/table.js';
import type { CommandSource } from './command-source.js';
import { ifAny, type ProcSource } from './proc-source.js';

/**
 * Every service with its destinations at one moment: the file is read twice, and all must agree. Undefined where they
 * don't, or where the file cannot be read. Thresholds, tunnels and counts may be missing.
 */
export async function readRulesTable(
  source: CommandSource,
  proc: ProcSource,
  options?: CallOptions,
): Promise<readonly TableService[] | undefined> {
  const services: ServiceEntry[] = [];
  await source.services((entry) => services.push(entry), options);
  const listed = (await ifAny(() => proc.table()))?.services;
  if (listed === undefined || !haveSameServices(services, listed)) return undefined;
  const table = services.map((entry, index) => ({ ...entry, destinations: listed[index]?.destinations ?? [] }));
  const shared = sharedMarks(services);
  await Promise.all(
    table
      .filter((service) => isVague(service, shared))
      .map(async (service) => {
        const destinations: DestinationEntry[] = [];
        await source.destinations(service.service, (entry) => destinations.push(entry), options);
        service.destinations = destinations;
      }),
  );
  return (await proc.confirms(table)) ? table : undefined;
}

/** The marks that two services share, one a family. */
function sharedMarks(services: readonly ServiceEntry[]): ReadonlySet<number> {
  const [seen, shared] = [new Set<number>(), new Set<number>()];
  for (const { service } of services) {
    if (service.protocol !== 'fwmark') continue;
    if (seen.has(service.mark)) shared.add(service.mark);
    seen.add(service.mark);
  }
  return shared;
}

/**
 * Whether the file leaves open what rules tell of a service's servers: the kind of a tunnel, or which of the two services of
 * one mark they belong to. (It says Masq for the methods 4 to 7 as well, which no service has unless a program made it by
 * hand.)
 */
function isVague({ service, destinations }: TableService, shared: ReadonlySet<number>): boolean {
  if (service.protocol === 'fwmark' && shared.has(service.mark)) return true;
  return destinations.some(({ destination }) => destination.forward === 'tun');
}
