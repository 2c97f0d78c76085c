/**
 * Changes of the kernel's table and of its connections, beside the desired state.
 * @module
 */
import { KeptError } from '../../errors.js';
import {
  changedConnectionsSchema,
  changesSchema,
  endConnectionsSchema,
  failuresSchema,
  moveConnectionsSchema,
} from '../../json/api.js';
import { errorJson } from '../../json/error.js';
import type { Change, NormalChange } from '../../model/change.js';
import { readChange } from '../../model/change.js';
import type { ChangedConnections } from '../../model/connection-changes.js';
import { type ConnectionFilter, connectionMatcher, parseServer } from '../../model/connection-filter.js';
import { readList, under } from '../../model/fields.js';
import { formatServiceKey, type ServiceKey } from '../../model/service-key.js';
import { scopeMatcher } from '../../reconcile/scope.js';
import type { Director } from '../director.js';
import { Problem } from '../problem.js';
import { type Answer, BODY_LIMIT, type Call, DOCUMENT_LIMIT, flag, jsonBody, type Route } from '../route.js';

const DRY_RUN = { dryRun: 'only count them' };

export const CHANGE_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/changes',
    id: 'changeTable',
    role: 'admin',
    help:
      'Changes the table, as "Ipvs.applyAll" does. What the desired state says is refused there (ERR_KEPT): PUT /v1/desired ' +
      'changes it, and overrides change weights',
    body: { schema: changesSchema, limit: DOCUMENT_LIMIT },
    answers: { 200: { help: 'done, but for what was refused', schema: failuresSchema } },
    handle: (director, call) => director.write(() => change(director, call)),
  },
  {
    method: 'POST',
    path: '/v1/connections/end',
    id: 'endConnections',
    role: 'operator',
    help: 'Ends connections: the next packet of a TCP client is answered with a reset',
    query: DRY_RUN,
    body: { schema: endConnectionsSchema, limit: BODY_LIMIT },
    answers: { 200: { help: 'what became of them', schema: changedConnectionsSchema } },
    handle(director, call) {
      const filter = filterOf(jsonBody(call, endConnectionsSchema).filter);
      return changed(director, call, filter, () => director.table.endConnections(filter, { signal: call.signal }));
    },
  },
  {
    method: 'POST',
    path: '/v1/connections/move',
    id: 'moveConnections',
    role: 'operator',
    help: 'Moves connections to another real server',
    query: DRY_RUN,
    body: { schema: moveConnectionsSchema, limit: BODY_LIMIT },
    answers: { 200: { help: 'what became of them', schema: changedConnectionsSchema } },
    handle(director, call) {
      const { filter: given, to } = jsonBody(call, moveConnectionsSchema);
      const [filter, server] = [filterOf(given), under('to', () => parseServer(to))];
      return changed(director, call, filter, () => {
        const { table } = director;
        if (table.moveConnections === undefined) throw new Problem(501, 'this table moves no connections');
        return table.moveConnections(filter, server, { signal: call.signal });
      });
    },
  },
];

/** @throws {InvalidArgumentError} */
function filterOf(filter: Readonly<Record<string, string | undefined>>): ConnectionFilter {
  under('filter', () => connectionMatcher(filter as ConnectionFilter));
  return filter as ConnectionFilter;
}

async function changed(
  { table }: Director,
  call: Call,
  filter: ConnectionFilter,
  work: () => Promise<ChangedConnections>,
): Promise<Answer> {
  if (!flag(call, 'dryRun')) return { json: await work() };
  let matched = 0;
  for await (const _ of table.connections(filter)) matched++;
  return { json: { matched, changed: 0, left: [] } };
}

async function change(director: Director, call: Call): Promise<Answer> {
  const { changes } = jsonBody(call, changesSchema);
  const read = under('changes', () => readList('changes', changes, (item) => readChange(item, [])));
  const why = keptBy(director);
  const kept = read.flatMap((each, place) => {
    const reason = why(each);
    return reason === undefined ? [] : [{ place, error: errorJson(new KeptError(reason)) }];
  });
  const refused = new Set(kept.map(({ place }) => place));
  const places = changes.map((_, place) => place).filter((place) => !refused.has(place));
  // As they came: what was read has lost what only a kernel's own values have.
  const failures = await director.table.applyAll(places.map((place) => changes[place] as unknown as Change));
  const others = failures.map(({ place, error }) => ({ place: places[place] ?? 0, error: errorJson(error) }));
  return { json: { failures: [...kept, ...others].sort((left, right) => left.place - right.place) } };
}

/**
 * Why the loop would undo a change; undefined where it would not. The file has the say of the services that it names, with --prune of all in
 * its scope, and of timeouts and sync daemons if it has such a section.
 */
function keptBy({
  wanted,
  look,
  options: { file, scope, prune },
}: Director): (change: NormalChange) => string | undefined {
  // Before the first look nobody knows what the file has.
  if (look === undefined) throw new Problem(503, 'the table is not applied yet');
  const names = new Set((wanted.services ?? []).map(({ service }) => formatServiceKey(service)));
  const isInScope = scopeMatcher(scope);
  const ofService = (key: ServiceKey) => {
    const name = formatServiceKey(key);
    const isKept = names.has(name) || (prune && wanted.services !== undefined && isInScope(key));
    return isKept ? `${name} is kept as ${file} says: change that, or override a weight` : undefined;
  };
  const ofSection = (section: 'timeouts' | 'daemons') =>
    wanted[section] === undefined ? undefined : `${section} are kept as ${file} says: change that`;
  return (change) => {
    switch (change.verb) {
      case 'add-service':
      case 'update-service':
        return ofService(change.service);
      case 'delete-service':
      case 'add-destination':
      case 'update-destination':
      case 'delete-destination':
        return ofService(change.key);
      case 'flush':
        return names.size === 0 ? undefined : `the services of ${file} would come back: change that`;
      case 'set-timeouts':
        return ofSection('timeouts');
      case 'start-daemon':
      case 'stop-daemon':
        return ofSection('daemons');
      case 'zero':
        return undefined;
    }
  };
}
