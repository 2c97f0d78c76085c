/**
 * How a host should be, as a file: the reverse of read.ts. compact.ts makes it short.
 * @module
 */
import { InvalidArgumentError, type Issue } from '../errors.js';
import { type DesiredTable, type NormalDesiredService, readDesiredTable } from '../model/desired.js';
import { formatDestinationKey, parseDestination } from '../model/destination.js';
import { parseDirector } from '../model/director.js';
import { asObject, under } from '../model/fields.js';
import { withoutUndefined } from '../model/parse.js';
import { parseRealServer } from '../model/real-server.js';
import { parseService } from '../model/service.js';
import { formatServiceKey } from '../model/service-key.js';
import { parseSyncDaemon } from '../model/sync-daemon.js';
import { compareDestinationKeys, compareServiceKeys, readWrittenTable, type WrittenTable } from '../model/table.js';
import { parseTimeouts } from '../model/timeouts.js';
import { compactServices } from './compact.js';
import type { DesiredState } from './desired-state.js';
import { reasonsUnwritable } from './writable.js';
import { yaml } from './yaml.js';

/**
 * A table that was read, as it would be desired: services and destinations in ipvsadm's order, so that two exports of
 * one table are equal.
 */
export function desiredServices(table: WrittenTable): NormalDesiredService[] {
  return readWrittenTable('table', table)
    .services.map(({ service, destinations }) => ({
      service,
      destinations: destinations.map(({ destination }) => destination).sort(compareDestinationKeys),
    }))
    .sort((a, b) => compareServiceKeys(a.service, b.service));
}

/**
 * YAML that `parseStateText` reads back as the same state.
 *
 * Throws {@link InvalidArgumentError} for what the format cannot express, and names each: services of other
 * protocols, ways of forwarding and tunnels that are the kernel's own, values out of range, and what /proc does not
 * tell.
 *
 * @example
 * ```ts
 * import { desiredServices, formatStateFile } from 'ipvs-ts/config';
 * console.log(formatStateFile({ services: desiredServices(await ipvs.snapshot()) }));
 * ```
 */
export function formatStateFile(input: DesiredTable & Pick<DesiredState, 'director' | 'realServer'>): string {
  asObject('state', input);
  const state = checkState(input);
  const issues = unwritable(state);
  if (issues.length > 0) throw new InvalidArgumentError('state', issues);
  const { services, health, timeouts = {}, daemons, director, realServer } = state;
  const file = withoutUndefined({
    version: 1,
    timeouts: Object.keys(timeouts).length > 0 ? timeouts : undefined,
    daemons,
    ...(services && compactServices(services, health)),
    director,
    realServer,
  });
  return inYaml(asWritten(file));
}

function checkState({
  director,
  realServer,
  ...table
}: DesiredTable & Pick<DesiredState, 'director' | 'realServer'>): DesiredState {
  return {
    ...readDesiredTable(table).table,
    ...(director !== undefined && { director: under('director', () => parseDirector(director)) }),
    ...(realServer !== undefined && { realServer: under('realServer', () => parseRealServer(realServer)) }),
  };
}

/** What would not come back as it is. */
function unwritable({ services = [], timeouts = {}, daemons = [] }: DesiredState): Issue[] {
  return [
    ...services.flatMap(({ service, destinations }) => [
      ...issuesOf(formatServiceKey(service), service, parseService),
      ...destinations.flatMap((destination) => {
        const name = `${formatDestinationKey(destination)} of ${formatServiceKey(service)}`;
        return issuesOf(name, destination, (given) => parseDestination(service, given));
      }),
    ]),
    ...(Object.keys(timeouts).length > 0 ? issuesOf('timeouts', timeouts, parseTimeouts) : []),
    ...daemons.flatMap((daemon) => issuesOf(`sync daemon ${daemon.role}`, daemon, parseSyncDaemon)),
  ];
}

function issuesOf<Value extends object>(path: string, value: Value, parse: (value: Value) => object): Issue[] {
  return reasonsUnwritable(value, parse).map((message) => ({ path, message }));
}

/** Addresses with a prefix as text, and dollars so that no variable comes of them. */
function asWritten(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(asWritten);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  if ('address' in value && 'prefix' in value && entries.length === 2) return `${value.address}/${value.prefix}`;
  return Object.fromEntries(entries.map(([name, field]) => [name, asWritten(field)]));
}

/** Small things stand on one line; sections and services stand apart. */
const ON_ONE_LINE: ReadonlySet<unknown> = new Set(['timeouts', 'tunnel', 'persistence', 'schedulerFlags', 'inside']);

function inYaml(file: unknown): string {
  const { Document, isCollection, isMap, isScalar, visit } = yaml();
  const document = new Document(file);
  visit(document, {
    Pair(index, pair, parents) {
      if (!isScalar(pair.key)) return;
      if (isCollection(pair.value) && ON_ONE_LINE.has(pair.key.value)) pair.value.flow = true;
      if (parents.length === 2 && index !== 0) pair.key.spaceBefore = true;
    },
    Seq(_, list) {
      for (const [index, item] of list.items.entries()) {
        if (!isMap(item)) continue;
        if (item.has('address')) item.flow = true;
        if (item.has('service') && index > 0) item.spaceBefore = true;
      }
    },
  });
  return document.toString({ lineWidth: 0 });
}
