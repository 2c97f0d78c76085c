/**
 * What the API answers, where the command has no schema of its own for it.
 * @module
 */
import { z } from 'zod';
import { STAGES } from '../reconcile/plan.js';
import { errorJsonSchema } from './error.js';
import { connectionJsonSchema, destinationEntryJsonSchema, serviceEntryJsonSchema } from './table.js';

const time = z.number().describe('milliseconds since 1970');
const issue = z.looseObject({
  path: z.string().describe('the field: services[0].destinations[1].weight; empty: the whole'),
  message: z.string(),
  line: z.number().int().optional(),
  column: z.number().int().optional(),
});

/** `application/problem+json` */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  errors: z.array(issue).optional(),
  refusal: errorJsonSchema.shape.refusal,
});

export const versionSchema = z.object({
  program: z.literal('ipvs-ts'),
  version: z.string(),
  node: z.string(),
  pid: z.number().int(),
  started: time,
  file: z.string(),
  source: z.enum(['netlink', 'proc']),
  countsTraffic: z
    .boolean()
    .optional()
    .describe('false: with run_estimation=0 there are no statistics; absent: not known'),
  visitor: z
    .object({
      name: z.string().describe('of the token, or unix:USER'),
      role: z.enum(['reader', 'operator', 'admin']),
      peer: z.object({ pid: z.number().int(), uid: z.number().int(), gid: z.number().int() }).optional(),
    })
    .describe('who asks'),
  ipvs: z.looseObject({ version: z.string(), connectionTableSize: z.number() }),
});

export const readySchema = z.object({
  ready: z.boolean(),
  reasons: z.array(z.string()).describe('why not'),
  badSource: z.string().optional().describe('why the file as it is now is not in force: the last good one is'),
});

export const liveSchema = z.object({ alive: z.literal(true), lastLook: time.optional() });

const key = z.string().describe('the name of the service: tcp://192.0.2.1:80');
export const serviceSchema = serviceEntryJsonSchema.extend({ key });
export const servicesSchema = z.array(serviceSchema);
export const destinationsSchema = z.array(destinationEntryJsonSchema);
export const wholeServiceSchema = serviceSchema.extend({ destinations: destinationsSchema });
export const connectionSchema = connectionJsonSchema;

export const planSchema = z.object({
  steps: z.array(
    z.looseObject({
      stage: z.enum(STAGES),
      what: z.string().describe('add destination 10.0.0.2:80 of tcp://192.0.2.1:80'),
      why: z.string(),
      change: z.looseObject({ verb: z.string() }),
      undo: z.array(z.looseObject({ verb: z.string() })),
    }),
  ),
  unmanaged: z.array(z.string()).describe('services that are not in the file, left alone for want of --prune'),
});

export const documentSchema = z.looseObject({}).describe('the state file (schema/state-file.json), as JSON');

export const validSchema = z.object({
  revision: z.string().describe('SHA-256 of the document: the ETag that it would have'),
  services: z.number().int(),
  servers: z.number().int(),
  warnings: z.array(issue),
});

export const putSchema = z.object({
  revision: z.string(),
  outcome: z
    .enum(['dry run', 'applied', 'refused', 'pending'])
    .describe('refused: by the kernel, a step at least; pending: the file is written, the loop has not come to it yet'),
  plan: planSchema,
  warnings: z.array(issue),
  refused: z.array(z.object({ step: z.string(), message: z.string() })),
  notTried: z.array(z.string()),
});

export const healthSchema = z.looseObject({
  version: z.literal(1),
  written: time,
  pid: z.number().int(),
  heldSince: time.optional(),
  services: z.array(z.looseObject({ service: z.string(), tier: z.string(), hasQuorum: z.boolean() })),
  servers: z.array(
    z.looseObject({
      service: z.string(),
      server: z.string(),
      role: z.enum(['server', 'backup']),
      status: z.enum(['unknown', 'up', 'down', 'unchecked']),
      action: z.enum(['none', 'quiesce', 'remove']),
      checks: z.array(z.looseObject({ check: z.string(), target: z.string() })),
    }),
  ),
});

export const overrideSchema = z.looseObject({
  version: z.literal(1),
  kind: z.enum(['weight', 'drain']),
  service: z.looseObject({}),
  destination: z.object({ address: z.string(), port: z.number().int() }),
  before: z.number().int(),
  owner: z.string(),
  reason: z.string().optional(),
  since: time,
  expires: time.optional(),
});

export const overridesSchema = z.object({
  keepers: z.array(z.looseObject({ pid: z.number().int(), program: z.string(), since: z.string() })),
  overrides: z.array(overrideSchema),
});

/** What an override is made of, beside its subject; the library checks the values. */
const wish = {
  owner: z.string().optional().describe('who wants it'),
  reason: z.string().optional().describe('why; default: the header X-Reason'),
};
export const weightWishSchema = z.strictObject({
  weight: z.number().optional().describe('0 to 2147483647'),
  percent: z.number().optional().describe('of the weight in the file, 0 to 1000'),
  duration: z.number().optional().describe('milliseconds after which it ends'),
  ...wish,
});
export const drainWishSchema = z.strictObject({
  deadline: z.number().optional().describe('milliseconds after which the server is removed in any case'),
  poll: z.number().optional().describe('milliseconds between two looks; default 1000'),
  until: z.enum(['active', 'all']).optional().describe('the connections to wait for; default active'),
  end: z.boolean().optional().describe('end the connections that are left at the deadline'),
  remove: z.boolean().optional().describe('whether the server is removed in the end; default true'),
  ...wish,
});

export const endedSchema = z.object({
  override: overrideSchema,
  outcome: z.enum(['given back', 'left', 'gone', 'keeper']),
});

export const historySchema = z.array(
  z.object({
    number: z.number().int(),
    time,
    revision: z.string(),
    by: z.enum(['file', 'api']),
    who: z.string().optional().describe('the name of the token, or unix:USER'),
    reason: z.string().optional(),
  }),
);

/** What a daemon knows, on one page. */
export const stateSchema = z.object({
  file: z.string(),
  started: time,
  ready: z.boolean(),
  reasons: z.array(z.string()).describe('why not'),
  stall: z.string().optional().describe('why the loop makes no progress'),
  badSource: z.string().optional().describe('why the file as it is now is not in force'),
  desired: z.object({
    services: z.number().int(),
    servers: z.number().int(),
    revision: z.string().optional().describe('SHA-256 of the document that is in force'),
  }),
  lastLook: z.object({ at: time, error: z.string().optional().describe('why not all is as wanted') }).optional(),
  keepers: overridesSchema.shape.keepers,
  overrides: overridesSchema.shape.overrides,
  draining: z.number().int().describe('drains under way'),
  health: z
    .object({
      ...{ up: z.number().int(), down: z.number().int(), unknown: z.number().int(), unchecked: z.number().int() },
      heldSince: time.optional().describe('so many servers failed at once that the table is held'),
    })
    .describe('real servers by what their checks found'),
  counts: z.record(z.string(), z.number()).describe('what the loop did'),
  events: z.number().int().describe('since the start'),
});
/** What a daemon knows, on one page. */
export type DaemonState = z.infer<typeof stateSchema>;

/** Changes of the table, in their order; a change is that of `Ipvs.apply`. */
export const changesSchema = z.strictObject({ changes: z.array(z.looseObject({ verb: z.string() })) });
export const failuresSchema = z.object({
  failures: z
    .array(z.object({ place: z.number().int().describe('in the list, from 0'), error: errorJsonSchema }))
    .describe('what was refused; the others were done'),
});

const filter = z
  .strictObject({
    service: z.string().optional(),
    server: z.string().optional(),
    client: z.string().optional(),
    state: z.string().optional(),
  })
  .describe('the connections that meet all of it; empty: all');
export const endConnectionsSchema = z.strictObject({ filter });
export const moveConnectionsSchema = z.strictObject({ filter, to: z.string().describe('10.0.0.2, 10.0.0.2:80') });
export const changedConnectionsSchema = z.object({
  matched: z.number().int(),
  changed: z.number().int().describe('0 with dryRun'),
  left: z.array(z.object({ connection: connectionJsonSchema, why: z.string() })),
});

const simulatedServer = z.looseObject({ address: z.string(), port: z.number().optional() });
export const simulateSchema = z.strictObject({
  traffic: z
    .strictObject({
      rate: z.number().describe('connections that start each second'),
      seconds: z.number().describe('how long they start'),
      clients: z.union([z.number(), z.string()]).optional().describe('how many, or their network; default 10000'),
      arrival: z.enum(['constant', 'poisson']).optional().describe('default poisson'),
      duration: z
        .strictObject({
          distribution: z.enum(['fixed', 'exponential', 'pareto']),
          mean: z.number().describe('seconds'),
          shape: z.number().optional().describe('of pareto; default 1.5'),
        })
        .optional()
        .describe('of a connection; default exponential, 10 s'),
      seed: z.number().optional().describe('the same gives the same; default 1'),
    })
    .describe('at most 1000000 connections, of all schedulers together'),
  service: z.string().optional().describe('tcp://192.0.2.1:80; default: the only one of the table'),
  changes: z
    .array(
      z.discriminatedUnion('change', [
        z.strictObject({ change: z.literal('add'), server: simulatedServer }),
        z.strictObject({ change: z.literal('remove'), server: simulatedServer }),
        z.strictObject({ change: z.literal('weight'), server: simulatedServer, weight: z.number() }),
      ]),
    )
    .optional(),
  desired: z
    .union([z.string(), documentSchema])
    .optional()
    .describe(
      'a document, as text or JSON: what it changes of the real servers and the scheduler, in the place of "changes"',
    ),
  at: z.number().optional().describe('seconds from the start until the changes; default: the middle'),
  schedulers: z.array(z.string()).max(32).optional().describe('which are compared; default: that of the service'),
});
export const whatIfSchema = z.array(
  z.looseObject({
    scheduler: z.string(),
    connections: z.number().int(),
    refused: z.number().int().describe('connections that no real server took'),
    servers: z.array(
      z.looseObject({
        address: z.string(),
        port: z.number().int(),
        weight: z.number().int().describe('in the end; 0 where it was removed'),
        connections: z.number().int(),
        share: z.number().describe('0 to 1'),
        peak: z.number().int().describe('the most at the same time'),
      }),
    ),
    imbalance: z.number().describe('1: by weight'),
    moved: z
      .object({ clients: z.number().int(), changed: z.number().int(), anyway: z.number().int() })
      .optional()
      .describe(
        'clients that called before and after the changes; that came to another server; that would have anyway',
      ),
  }),
);

/** The version of a daemon, and who asks it. */
export type DaemonVersion = z.infer<typeof versionSchema>;
/** Whether a daemon is ready, and why not. */
export type DaemonReadiness = z.infer<typeof readySchema>;
/** What came of a new document. */
export type DocumentResult = z.infer<typeof putSchema>;
/** What a document that can be kept has. */
export type ValidDocument = z.infer<typeof validSchema>;
/** What would be done, as the API tells it. */
export type PlanJson = z.infer<typeof planSchema>;
/** A document that was in force. */
export type HistoryRecord = z.infer<typeof historySchema>[number];
