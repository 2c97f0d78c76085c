/**
 * The real servers that a `keep` wants and that may be out of the kernel's table all the same: health checks took them out, or
 * they are backups. An operator can drain one of them, or give it a weight, before it comes back.
 * @module
 */
import { join } from 'node:path';
import { readStateText, removeStateFile, stateFilesIn, writeStateText } from '../linux/state-directory.js';
import type { NormalDesiredTable } from '../model/desired.js';
import { formatDestinationKey, type NormalDestination } from '../model/destination.js';
import { lazy } from '../model/parse.js';
import { formatServiceKey, type ServiceKey } from '../model/service-key.js';
import { keeperOf } from './keepers.js';
import { type Scope, scopeName } from './scope.js';

/** Weights by service and server: `{ 'tcp://192.0.2.1:80': { '10.0.0.1:80': 1 } }`. */
const fileSchema = lazy((z) => z.record(z.string(), z.record(z.string(), z.number())));
const directoryIn = (directory: string) => join(directory, 'wanted');
const SUFFIX = '.json';

/**
 * Writes down the servers of the services that are checked: nobody else's leave the table.
 * @throws {UnavailableError} if it can't be written.
 */
export function writeWantedServers(
  directory: string,
  scope: Scope | undefined,
  { services = [], health = [] }: NormalDesiredTable,
): void {
  const path = join(directoryIn(directory), `${scopeName(scope) || 'all'}${SUFFIX}`);
  const own = new Map(services.map(({ service, destinations }) => [formatServiceKey(service), destinations]));
  const wanted = health.map(({ service, backups, sorry }) => {
    const name = formatServiceKey(service);
    return [name, weightsOf([...(own.get(name) ?? []), ...backups, ...(sorry === undefined ? [] : [sorry])])];
  });
  if (wanted.length === 0) removeStateFile(path);
  else writeStateText(path, `${JSON.stringify(Object.fromEntries(wanted))}\n`);
}

function weightsOf(servers: readonly NormalDestination[]): Readonly<Record<string, number>> {
  return Object.fromEntries(servers.map((server) => [formatDestinationKey(server), server.weight]));
}

/**
 * The weight that a running `keep` wants a server to have; undefined if none wants it.
 * @param directory as `stateDirectory` gives it
 * @throws {UnavailableError} if that can't be found out.
 */
export function wantedWeight(
  directory: string,
  service: ServiceKey,
  server: { readonly address: string; readonly port: number },
): number | undefined {
  // What a keep that has ended wanted, nobody brings back.
  if (keeperOf(directory, service) === undefined) return undefined;
  const files = directoryIn(directory);
  const weights = stateFilesIn(files, SUFFIX).map((name) => {
    const services = readWanted(join(files, name));
    return services?.[formatServiceKey(service)]?.[formatDestinationKey(server)];
  });
  return weights.find((weight) => weight !== undefined);
}

/** A file that is none of ours counts as none: the next keep writes it anew. */
function readWanted(path: string): Readonly<Record<string, Readonly<Record<string, number>>>> | undefined {
  try {
    return fileSchema().safeParse(JSON.parse(readStateText(path) ?? '')).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
