/**
 * The schemas of what `health --json` and `check --json` write. Fields may be added; those that are here stay.
 * @module
 */
import { z } from 'zod';

const moment = z.number().describe('milliseconds since 1970');
const service = z.string().describe('tcp://192.0.2.1:80');
const server = z.string().describe('10.0.0.11:80');
const type = z.string().describe('the type of the check: tcp, http; versions to come may have more');
const milliseconds = z.number().min(0).describe('milliseconds that it took');

const checkReport = z.object({
  check: type,
  target: server,
  status: z.enum(['unknown', 'up', 'down']).describe('unknown: not measured yet'),
  since: moment,
  passes: z.number().describe('in a row, counted while it is down'),
  failures: z.number().describe('in a row, counted while it is up'),
  reason: z.string().optional().describe('what the last run found; absent before the first'),
  measured: moment.optional().describe('when that was: milliseconds since 1970'),
  passed: moment.optional().describe('when it passed last, milliseconds since 1970; absent: never'),
  fell: moment.optional().describe('when it fell last, milliseconds since 1970; absent: never'),
  penalty: z.number().describe('what flapping had come to then'),
  heldUntil: moment.optional().describe('it flaps, and stays down until then: milliseconds since 1970'),
  took: milliseconds.optional(),
  notMeasured: z.string().optional().describe('why the last run could not be made; absent if it could'),
  warning: z.string().optional(),
  load: z.number().optional().describe('percent of its weight that the server asks for'),
});

/** What `health --json` writes. */
export const healthJsonSchema = z
  .object({
    version: z.literal(1),
    written: moment,
    pid: z.number().int().describe('the process that checks'),
    heldSince: moment.optional().describe('so many fell at once that the table is held since then; absent: it is not'),
    services: z.array(
      z.object({
        service,
        tier: z.enum(['primary', 'backups', 'sorry', 'fail-open', 'nobody']).describe('who serves'),
        hasQuorum: z.boolean(),
        standIns: z.array(server).describe('who serves besides its own servers'),
      }),
    ),
    servers: z.array(
      z.object({
        service,
        server,
        role: z.enum(['server', 'backup']),
        status: z.enum(['unknown', 'up', 'down', 'unchecked']),
        action: z.enum(['none', 'quiesce', 'remove']).describe('what health makes of it in the table'),
        returned: moment.optional().describe('when it came back last; absent: it was never away'),
        checks: z.array(checkReport),
      }),
    ),
  })
  .meta({ title: 'ipvs-ts health --json' });

/** What `check --json` writes. */
export const checksJsonSchema = z
  .array(
    z.object({
      services: z.array(service).describe('those that the server is checked for'),
      server,
      target: server.describe('what was asked: another port or address than the server, perhaps'),
      check: type,
      result: z.enum(['passed', 'failed', 'not measured']),
      reason: z.string(),
      took: milliseconds,
    }),
  )
  .meta({ title: 'ipvs-ts check --json' });
