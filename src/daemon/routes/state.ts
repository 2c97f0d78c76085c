/**
 * What the daemon knows, on one page.
 * @module
 */
import { stateSchema } from '../../json/api.js';
import { keepersOf } from '../../reconcile/keepers.js';
import { isUnderWay } from '../../reconcile/override.js';
import { readOverrides } from '../../reconcile/overrides.js';
import type { Director } from '../director.js';
import type { Route } from '../route.js';

export const STATE_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/state',
    id: 'state',
    role: 'reader',
    help: 'What is wanted, how it stands, who has a say in it, on one page',
    answers: { 200: { help: 'the state', schema: stateSchema } },
    handle: (director) => ({ json: stateOf(director) }),
  },
];

function stateOf(director: Director): object {
  const { options, started, wanted, look, unready: reasons, badSource, stall, keepCounters } = director;
  const { services = [] } = wanted;
  const overrides = readOverrides(options.directory);
  const report = director.healthReport();
  const count = (status: string) => report?.servers.filter((server) => server.status === status).length ?? 0;
  return {
    file: options.file,
    started,
    ready: reasons.length === 0,
    reasons,
    ...(stall !== undefined && { stall }),
    ...(badSource !== undefined && { badSource }),
    desired: {
      services: services.length,
      servers: services.reduce((sum, { destinations }) => sum + destinations.length, 0),
      ...(look?.revision !== undefined && { revision: look.revision }),
    },
    ...(look !== undefined && { lastLook: { at: look.at, ...(look.error && { error: look.error.message }) } }),
    keepers: keepersOf(options.directory),
    overrides,
    draining: overrides.filter(isUnderWay).length,
    health: {
      up: count('up'),
      down: count('down'),
      unknown: count('unknown'),
      unchecked: count('unchecked'),
      ...(report?.heldSince !== undefined && { heldSince: report.heldSince }),
    },
    counts: Object.fromEntries(Object.entries(keepCounters.counts()).filter(([, value]) => typeof value === 'number')),
    events: director.events.end - 1,
  };
}
