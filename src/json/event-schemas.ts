/**
 * The schema of the lines that `keep --json`, `serve --json` and `check --watch --json` write. Fields and types of events may be added;
 * those that are here stay.
 * @module
 */
import { z } from 'zod';
import { STAGES } from '../reconcile/plan.js';

const moment = z.number().describe('milliseconds since 1970');
const service = z.string().describe('tcp://192.0.2.1:80');
const server = z.string().describe('10.0.0.11:80');
const member = z.string().describe('10.0.0.11:80 of tcp://192.0.2.1:80');

const plan = z
  .object({
    steps: z.array(
      z.object({
        stage: z.enum(STAGES),
        what: z.string().describe('update destination 10.0.0.2:80 of tcp://192.0.2.1:80'),
        why: z.string().describe('weight 1 -> 5'),
        change: z.looseObject({ verb: z.string() }),
        undo: z.array(z.looseObject({ verb: z.string() })).describe('what takes it back'),
      }),
    ),
    unmanaged: z.array(service).describe('services that nobody wants, left alone'),
  })
  .meta({ id: 'plan' });

const override = z.looseObject({ kind: z.enum(['drain', 'weight']), owner: z.string(), since: moment });

/** What every line of some types has besides. */
const EVENTS = {
  ready: {},
  reloading: {},
  applied: { plan },
  health: { plan },
  drift: { plan },
  drained: { plan },
  withdrawn: { plan },
  override: { plan, overrides: z.array(override) },
  refused: { error: z.string() },
  'bad-source': { error: z.string() },
  failed: { error: z.string() },
  interrupted: { error: z.string(), inForce: z.array(z.string()), notTried: z.array(z.string()) },
  stopping: { draining: z.array(member) },
  ended: {
    server: member,
    ended: z.number().int().describe('connections that were ended'),
    left: z.number().int().describe('connections that could not be'),
  },
  'not-ended': { server: member, error: z.string() },
  server: {
    service,
    server,
    status: z.enum(['up', 'down']),
    reason: z.string(),
    heldUntil: moment.optional().describe('it flaps, and stays down until then: milliseconds since 1970'),
  },
  tier: { service, tier: z.enum(['primary', 'backups', 'sorry', 'fail-open', 'nobody']) },
  'mass-failure': { until: moment },
  'mass-failure-over': {},
  late: { late: z.number().describe('milliseconds'), runs: z.number().int().describe('checks that do not count') },
  'not-measured': { reason: z.string(), servers: z.array(member) },
  warning: { target: server, warning: z.string() },
  journal: { reason: z.string() },
  'hook-failed': {
    service,
    server: server.optional().describe('absent where it was about the quorum'),
    event: z.enum(['up', 'down', 'quorum-up', 'quorum-down']),
    hook: z.string().describe('the program with its arguments, or the FIFO'),
    reason: z.string(),
  },
};

/** The types of events: each has a schema. */
export type EventType = keyof typeof EVENTS;

const lines = Object.entries(EVENTS).map(([type, fields]) =>
  z.object({ time: z.iso.datetime().describe('ISO 8601, in UTC'), type: z.literal(type), ...fields }),
);

/** One line. */
export const eventJsonSchema = z.union(lines).meta({ title: 'a line of ipvs-ts keep --json' });
