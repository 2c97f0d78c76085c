/**
 * All routes of the API.
 * @module
 */
import { openapi } from './openapi.js';
import type { Route } from './route.js';
import { CHANGE_ROUTES } from './routes/changes.js';
import { DESIRED_ROUTES } from './routes/desired.js';
import { EVENT_ROUTES } from './routes/events.js';
import { HISTORY_ROUTES } from './routes/history.js';
import { METRICS_ROUTES } from './routes/metrics.js';
import { OVERRIDE_ROUTES } from './routes/overrides.js';
import { SIMULATE_ROUTES } from './routes/simulate.js';
import { STATE_ROUTES } from './routes/state.js';
import { STATUS_ROUTES } from './routes/status.js';
import { TABLE_ROUTES } from './routes/table.js';

const DOCUMENT: Route = {
  method: 'GET',
  path: '/v1/openapi.json',
  id: 'openapi',
  role: 'reader',
  help: 'This document',
  answers: { 200: { help: 'OpenAPI 3.1', type: 'application/json' } },
  handle: ({ options: { version } }) => ({ json: openapi(ROUTES, version) }),
};

/** In the order of the document. */
export const ROUTES: readonly Route[] = [
  ...STATUS_ROUTES,
  ...STATE_ROUTES,
  ...METRICS_ROUTES,
  ...TABLE_ROUTES,
  ...CHANGE_ROUTES,
  ...DESIRED_ROUTES,
  ...HISTORY_ROUTES,
  ...OVERRIDE_ROUTES,
  ...SIMULATE_ROUTES,
  ...EVENT_ROUTES,
  DOCUMENT,
];
