/**
 * The table in the kernel: services, destinations, connections.
 * @module
 */
import { setImmediate as turn } from 'node:timers/promises';
import { connectionSchema, destinationsSchema, servicesSchema, wholeServiceSchema } from '../../json/api.js';
import { settingsJsonSchema, statsJsonSchema, tableJsonSchema } from '../../json/table.js';
import { TIME_SLICE } from '../../linux/time-slice.js';
import { type ConnectionFilter, connectionMatcher } from '../../model/connection-filter.js';
import type { ServiceEntry } from '../../model/service.js';
import { formatServiceKey, type ServiceKeyText } from '../../model/service-key.js';
import { withoutStats } from '../../model/table.js';
import type { Director } from '../director.js';
import { Problem, reading } from '../problem.js';
import { type Answer, type Call, type Route, serviceIn } from '../route.js';

const NO_SERVICE = { help: 'there is no such service' };

export const TABLE_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/table',
    id: 'table',
    role: 'reader',
    help: 'Every service with its real servers, as "ipvs-ts list --json" writes it',
    answers: { 200: { help: 'the table', schema: tableJsonSchema } },
    async handle({ reads: table }) {
      const read = await table.snapshot();
      const { source, services } = table.countsTraffic?.() === false ? withoutStats(read) : read;
      return inPieces(`{"source":${JSON.stringify(source)},"services":[`, services, ']}\n');
    },
  },
  {
    method: 'GET',
    path: '/v1/services',
    id: 'services',
    role: 'reader',
    help: 'Every service, without its real servers',
    answers: { 200: { help: 'the services', schema: servicesSchema } },
    async handle(director) {
      const services = await director.reads.listServices();
      return inPieces(
        '[',
        services.map((entry) => named(director, entry)),
        ']\n',
      );
    },
  },
  {
    method: 'GET',
    path: '/v1/services/{service}',
    id: 'service',
    role: 'reader',
    help: 'One service with its real servers',
    answers: { 200: { help: 'the service', schema: wholeServiceSchema }, 404: NO_SERVICE },
    async handle(director, call) {
      const entry = await serviceOf(director, call);
      return { json: { ...named(director, entry), destinations: await destinationsOf(director, entry) } };
    },
  },
  {
    method: 'GET',
    path: '/v1/services/{service}/destinations',
    id: 'destinations',
    role: 'reader',
    help: 'The real servers of a service',
    answers: { 200: { help: 'the real servers', schema: destinationsSchema }, 404: NO_SERVICE },
    async handle(director, call) {
      return inPieces('[', await destinationsOf(director, await serviceOf(director, call)), ']\n');
    },
  },
  {
    method: 'GET',
    path: '/v1/settings',
    id: 'settings',
    role: 'reader',
    help: 'Timeouts and sync daemons, as "ipvs-ts settings --json" writes them',
    answers: { 200: { help: 'the settings', schema: settingsJsonSchema } },
    async handle({ reads: table }) {
      return { json: { timeouts: await table.timeouts(), daemons: await table.daemons() } };
    },
  },
  {
    method: 'GET',
    path: '/v1/totals',
    id: 'totals',
    role: 'reader',
    help: 'Counters and rates of the whole director',
    answers: { 200: { help: 'the totals', schema: statsJsonSchema } },
    handle: async ({ reads }) => ({ json: await reads.totals() }),
  },
  {
    method: 'GET',
    path: '/v1/connections',
    id: 'connections',
    role: 'reader',
    help: 'Connections, one a line, while they are read',
    query: {
      service: 'only of this service: tcp://192.0.2.1:80',
      server: 'only to this real server: 10.0.0.1, 10.0.0.1:80',
      client: 'only of this client, or of clients in this network',
      state: "only in this state, by the kernel's name",
    },
    answers: { 200: { help: 'a connection a line', schema: connectionSchema, type: 'application/x-ndjson' } },
    handle({ table }, { query: { service, server, client, state } }) {
      const filter: ConnectionFilter = { service: service as ServiceKeyText | undefined, server, client, state };
      reading(() => connectionMatcher(filter));
      return { type: 'application/x-ndjson', text: lines(table.connections(filter)) };
    },
  },
];

/** The name of a service is what its URL has. */
function named(director: Director, { stats, ...entry }: ServiceEntry): object {
  const counted = director.table.countsTraffic?.() !== false && stats !== undefined;
  return { key: formatServiceKey(entry.service), ...entry, ...(counted && { stats }) };
}

async function serviceOf({ table }: Director, call: Call): Promise<ServiceEntry> {
  const entry = await table.getService(serviceIn(call));
  if (entry === undefined) throw new Problem(404, `there is no service ${call.params['service']}`);
  return entry;
}

async function destinationsOf({ table }: Director, { service }: ServiceEntry): Promise<object[]> {
  const entries = await table.listDestinations(service);
  return table.countsTraffic?.() === false ? entries.map(({ stats: _, ...entry }) => entry) : entries;
}

/** A long list as JSON, without holding the loop. */
function inPieces(before: string, items: readonly object[], after: string): Answer {
  return { type: 'application/json', text: pieces(before, items, after) };
}

async function* pieces(before: string, items: readonly object[], after: string): AsyncGenerator<string> {
  let piece = before;
  let begun = performance.now();
  for (const [index, item] of items.entries()) {
    piece += `${index === 0 ? '' : ',\n'}${JSON.stringify(item)}`;
    if (performance.now() - begun < TIME_SLICE) continue;
    yield piece;
    await turn();
    piece = '';
    begun = performance.now();
  }
  yield piece + after;
}

/** Characters that are written at a time. */
const PIECE = 65_536;

async function* lines(items: AsyncIterable<object>): AsyncGenerator<string> {
  let piece = '';
  for await (const item of items) {
    piece += `${JSON.stringify(item)}\n`;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}
