/**
 * What may stand in a file of the desired state, key by key. docs/state-file.md tells people the same.
 *
 * A field that may come from elsewhere (from `defaults`, or from the service of a destination) has no default here: the
 * model fills it in when all is put together.
 * @module
 */
import type { z } from 'zod';
import { type Check, checkSchemaWith, type NormalCheck } from '../model/check.js';
import { GRE_CHECKSUM, GUE_CHECKSUM, GUE_PORT, THRESHOLD, WEIGHT } from '../model/destination.js';
import { MODES } from '../model/director.js';
import { quorumSchema } from '../model/health.js';
import { type Hook, hookSchemaWith, type NormalHook, serverNotifyShape, serviceNotifyShape } from '../model/hook.js';
import { integer, lazy, oneOf, portSchema, withoutUndefined } from '../model/parse.js';
import { REAL_SERVER_TUNNELS } from '../model/real-server.js';
import { TRUTH } from '../model/rules.js';
import { ENGINE, MAX_PERSISTENCE_TIMEOUT, SCHEDULER, SCHEDULER_FLAG } from '../model/service.js';
import { DAEMON_RULES } from '../model/sync-daemon.js';
import { zod } from '../model/zod.js';

const SECONDS_OF: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds as a number, or as text with a unit. */
const secondsSchema = lazy((z) => {
  const max = MAX_PERSISTENCE_TIMEOUT;
  const error = `must be 1 to ${max} seconds, as a number or with a unit: 90s, 5m, 12h, 31d`;
  const number = z.number({ error }).int({ error }).min(1, { error }).max(max, { error });
  const text = z.string({ error }).regex(/^[1-9]\d{0,7}[smhd]$/, { error });
  return z
    .union([number, text], { error })
    .transform((given) => (typeof given === 'number' ? given : secondsOf(given)))
    .refine((seconds) => seconds <= max, { error });
});

/** Milliseconds: a number is seconds, and text has a unit. */
function timeSchema(min: number, max: number) {
  const z = zod();
  const error = `must be ${spanText(min)} to ${spanText(max)}: seconds as a number, or with a unit: 500ms, 2s, 1m, 12h`;
  const number = z.number({ error });
  const text = z.string({ error }).regex(/^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$/, { error });
  return z
    .union([number, text], { error })
    .transform((given) => Math.round(typeof given === 'number' ? given * 1000 : millisecondsOf(given)))
    .refine((time) => time >= min && time <= max, { error });
}

function millisecondsOf(text: string): number {
  const [, number = '', unit = ''] = /^([\d.]+)(\w+)$/.exec(text) ?? [];
  return Number(number) * (unit === 'ms' ? 1 : (SECONDS_OF[unit] ?? 1) * 1000);
}

function spanText(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}

function secondsOf(text: string): number {
  return Number(text.slice(0, -1)) * (SECONDS_OF[text.slice(-1)] ?? 1);
}

/** An object that says which fields it knows when it meets another. */
function fields<Shape extends z.core.$ZodLooseShape>(z: typeof import('zod').z, shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === 'unrecognized_keys' ? `unknown field; known here: ${Object.keys(shape).join(', ')}` : undefined,
  });
}

/** A {@link Check} as a file has it: its times are seconds, or text with a unit (`500ms`). */
export type StateFileCheck = Check extends infer Type
  ? Type extends Check
    ? Omit<Type, 'interval' | 'timeout' | 'recheck'> & {
        readonly interval?: number | string | undefined;
        readonly timeout?: number | string | undefined;
        readonly recheck?: number | string | undefined;
      }
    : never
  : never;

/** One check: a definition of its own in the JSON Schema, since it stands in many places. */
const checkSchema = lazy(
  () => checkSchemaWith(timeSchema).meta({ id: 'check' }) as z.ZodType<NormalCheck, StateFileCheck>,
);

/** One check, or the name of one. */
const checkItemSchema = lazy((z) =>
  z.union([z.string(), checkSchema()], { error: 'must be a check, or the name of one' }),
);

const checksShape = lazy((z) => ({
  checks: z
    .array(checkItemSchema())
    .optional()
    .describe(
      'Health checks: each a name from the section checks, or written out: type, interval, timeout, fall, rise',
    ),
}));

/** A {@link Hook} as a file has it: its time is seconds, or text with a unit. */
export type StateFileHook =
  | readonly string[]
  | (Omit<Hook, 'timeout'> & { readonly timeout?: number | string | undefined });

/** One program to run: a definition of its own, as a check. */
const hookSchema = lazy(() => hookSchemaWith(timeSchema).meta({ id: 'hook' }) as z.ZodType<NormalHook, StateFileHook>);

const onFailureSchema = lazy((z) =>
  fields(z, {
    quiesce: TRUTH.schema()
      .optional()
      .describe('Whether a server that is down has weight 0 until it is removed. Default true'),
    removeAfter: z
      .union([z.literal('never'), timeSchema(0, 86_400_000)], {
        error: 'must be never, or a time up to a day: 0, 30s, 5m',
      })
      .optional()
      .describe('When a server that is down is removed: 0 (at once), 30s (default), never'),
    endConnections: TRUTH.schema()
      .optional()
      .describe('Whether its connections are ended then; with removeAfter: never, when it is down. Default false'),
  })
    .optional()
    .describe('What happens to a server that is down'),
);

const healthShape = lazy((z) => ({
  ...checksShape(),
  onFailure: onFailureSchema(),
  notify: fields(z, serviceNotifyShape(hookSchema()))
    .optional()
    .describe('Programs that are run, and a FIFO that is written to, when a server or the quorum changes'),
  quorum: z
    .union([quorumSchema().shape.up, quorumSchema()], {
      error: 'must be a weight, a share (50%), or up and hysteresis',
    })
    .optional()
    .describe('How much must be up: the sum of weights (default 1), or a share: 50%. With less, the backups serve too'),
  failOpen: TRUTH.schema()
    .optional()
    .describe('Whether all servers serve when all are down and there is no sorry server. Default false'),
  ramp: timeSchema(0, 3_600_000)
    .optional()
    .describe('A server that comes back is given its weight in ten steps over this time: 30s. Default 0: at once'),
}));

const schedulingShape = lazy((z) => {
  const persistence = fields(z, {
    timeout: secondsSchema().optional().describe('Seconds a client stays with its real server. Default 360'),
    netmask: z
      .union([z.number(), z.string()], { error: 'must be a prefix length, or a dotted IPv4 mask' })
      .optional()
      .describe('Clients of one network count as one: prefix length, or dotted IPv4 mask. Default 32 or 128'),
  });
  return {
    scheduler: SCHEDULER.schema().optional().describe('rr, wrr, lc, wlc, lblc, lblcr, dh, sh, ... Default wlc'),
    schedulerFlags: z
      .array(SCHEDULER_FLAG.schema())
      .optional()
      .describe('Of this scheduler: sh-port, sh-fallback, mh-port, mh-fallback, flag-1 to flag-3'),
    persistence: z
      .union([z.boolean(), secondsSchema(), persistence], {
        error: 'must be seconds (300, 5m), true for 360, false for none, or timeout and netmask',
      })
      .optional()
      .describe(
        'Clients stay with their real server: for so many seconds, true (360), false (none), or timeout and netmask',
      ),
  };
});

const tunnelSchema = lazy((z) =>
  z.discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('ipip') }),
      z.strictObject({
        type: z.literal('gue'),
        port: GUE_PORT.schema(),
        checksum: GUE_CHECKSUM.schema().default('none'),
      }),
      z.strictObject({ type: z.literal('gre'), checksum: GRE_CHECKSUM.schema().default('none') }),
    ],
    oneOf('ipip', 'gue', 'gre'),
  ),
);

const destinationSettingsShape = lazy((z) => {
  return {
    forward: z.enum(MODES).optional().describe('Way of the packets: nat, dr (default) or tun'),
    tunnel: tunnelSchema()
      .optional()
      .describe(
        'Encapsulation where forward is tun: type ipip (default), gue with port, or gre; checksum none, csum, remcsum',
      ),
    weight: WEIGHT.schema().optional().describe('Share of the connections, 0 to 2147483647, default 1; 0 quiesces'),
    upperThreshold: THRESHOLD.schema().optional().describe('No new connections above this many; 0 (default): no limit'),
    lowerThreshold: THRESHOLD.schema()
      .optional()
      .describe('Connections again below this many; 0 (default): 3/4 of the upper threshold'),
  };
});

const inheritedShape = lazy(() => ({
  ...destinationSettingsShape(),
  destinationPort: integer(1, 65535)
    .optional()
    .describe("Port of nat destinations that name none, 1 to 65535. Default: the service's"),
}));

/** What holds for everything below that does not say otherwise. */
export const defaultsSchema = lazy((z) =>
  fields(z, {
    port: integer(1, 65535).optional().describe('Port of services that name none, 1 to 65535'),
    ...schedulingShape(),
    ...inheritedShape(),
    ...healthShape(),
  }).describe('What holds for all services and destinations that do not say otherwise'),
);

const destinationObjectSchema = lazy((z) =>
  fields(z, {
    address: z.string().describe('10.0.0.11, 2001:db8::11, 10.0.0.11:8080, [2001:db8::11]:8080, 10.0.0.11-10.0.0.19'),
    port: portSchema().optional().describe("Default: destinationPort, else the service's port; 0 for a fwmark"),
    ...destinationSettingsShape(),
    ...checksShape(),
    onFailure: onFailureSchema(),
    notify: fields(z, serverNotifyShape(hookSchema())).optional().describe('Programs that are run when it changes'),
  }),
);

/** A destination, or a range of them: text is short for an object that has but an address. */
export const destinationItemSchema = lazy((z) =>
  z
    .union([z.string(), destinationObjectSchema()], { error: 'must be an address, or an object with an address' })
    .describe('A real server, or a range of them'),
);

/** A service, or some that are alike, and its destinations. */
export const serviceEntrySchema = lazy((z) => {
  const names = (error: string) => z.union([z.string(), z.array(z.string()).min(1, { error })], { error });
  return fields(z, {
    service: names('must be a service such as tcp://10.0.0.100:80, or a list of services').describe(
      'tcp://10.0.0.100:80, udp://[2001:db8::1]:53, tcp://10.0.0.100-10.0.0.103:80,8000-8010, fwmark://5; or a list',
    ),
    ...schedulingShape(),
    onePacket: TRUTH.schema().optional().describe('Each datagram is scheduled by itself; udp and fwmark only'),
    persistenceEngine: ENGINE.schema().optional().describe('sip: clients are distinguished by the Call-ID'),
    ...inheritedShape(),
    pool: names('must be the name of a pool, or a list of names')
      .optional()
      .describe('Pools whose real servers serve here'),
    ...healthShape(),
    sorry: destinationItemSchema().optional().describe('Serves while too few real servers are up, and no backup is'),
    backups: z
      .array(destinationItemSchema())
      .optional()
      .describe('Real servers that serve while too few others are up'),
    destinations: z.array(destinationItemSchema()).optional().describe('Real servers besides those of the pools'),
  }).describe('A service, or several that are alike');
});

const timeoutsSchema = lazy((z) => {
  const seconds = secondsSchema().optional();
  return fields(z, {
    tcp: seconds.describe('Seconds; an established TCP connection. The kernel starts with 900'),
    tcpFin: seconds.describe('Seconds; a TCP connection after a FIN. The kernel starts with 120'),
    udp: seconds.describe('Seconds. The kernel starts with 300'),
  }).refine((given) => Object.values(given).some((value) => value !== undefined), {
    error: 'give at least one of tcp, tcpFin, udp',
  });
});

/** A sync daemon. */
export const daemonSchema = lazy((z) => {
  const { role, interface: device, syncId, maxLength, group, port, ttl } = DAEMON_RULES;
  return fields(z, {
    role: role.schema().describe('master sends connections, backup receives them'),
    interface: device.schema().describe('The network interface to send or listen on'),
    syncId: syncId.schema().default(0).describe('Directors of one id share connections: 0 to 255, default 0'),
    maxLength: maxLength.schema().optional().describe('Bytes of a message, 1 to 65507. Since Linux 4.3'),
    group: group.schema().optional().describe('Multicast group, default 224.0.0.81. Since Linux 4.3'),
    port: port.schema().optional().describe('UDP port, default 8848. Since Linux 4.3'),
    ttl: ttl.schema().optional().describe('Multicast TTL, 1 to 255, default 1. Since Linux 4.3'),
  });
});

/** Names and kinds alone: parseDirector checks the rest when what the services tell is filled in. */
const directorSchema = lazy((z) => {
  const text = z.string().optional();
  return fields(z, {
    mode: z.enum(MODES).optional().describe("Default: the forward of the services' destinations, where all have one"),
    device: z.string().describe('The network device that clients come in by, and that bears the VIPs'),
    vips: z
      .array(z.string())
      .optional()
      .describe('10.0.0.100, 10.0.0.100/24, 10.0.0.100-10.0.0.120. Default: the addresses of the services'),
    gateway: text.describe('The router to the rest of the world. Default: what is there stays'),
    inside: fields(z, {
      network: z.string().describe("The real servers' network: 10.1.0.0/24"),
      device: text.describe('The device towards them. Default: that of the VIPs'),
      address: text.describe("The director's address there, which is their gateway: 10.1.0.1/24"),
      masquerade: z.boolean().optional().describe('Real servers see the director, not the client. Default false'),
    })
      .optional()
      .describe('nat only: the side where the real servers are'),
  }).describe('What a director needs around the table');
});

/** As {@link directorSchema}. */
const realServerSchema = lazy((z) =>
  fields(z, {
    mode: z.enum(MODES).optional().describe("Default: the forward of the services' destinations, where all have one"),
    vips: z.array(z.string()).optional().describe('dr and tun. Default: the addresses of the services'),
    gateway: z.string().optional().describe('nat: the director. dr and tun: the router, default: what is there stays'),
    tunnel: z
      .enum(REAL_SERVER_TUNNELS)
      .optional()
      .describe(
        "tun only: how the director wraps packets. Default: as the services' destinations, ipip where there are none",
      ),
    port: GUE_PORT.schema()
      .optional()
      .describe(
        "tunnel gue only: UDP port that packets come to, 1 to 65535. Default: that of the services' destinations",
      ),
    checksum: TRUTH.schema()
      .optional()
      .describe("tunnel gre only: packets have checksums. Default: as the services' destinations"),
    local: z
      .array(z.string())
      .optional()
      .describe('With checksum: the addresses that the director sends to, one of a family. Default: found on the host'),
  }).describe('What a real server needs'),
);

/** The whole file. */
export const stateFileSchema = lazy((z) =>
  fields(z, {
    version: z.literal(1, { error: 'must be 1' }).optional().describe('Of this format: 1'),
    defaults: defaultsSchema().optional(),
    timeouts: timeoutsSchema().optional().describe('How long idle connections stay; an absent one stays as it is'),
    daemons: z
      .array(daemonSchema())
      .optional()
      .describe('The sync daemons that run: none ([]), a master, a backup, or both. Absent: they stay as they are'),
    checks: z
      .record(z.string(), checkSchema())
      .optional()
      .describe('Health checks by name, for use by several services'),
    pools: z
      .record(z.string(), z.array(destinationItemSchema()))
      .optional()
      .describe('Real servers by the name of their pool, for use by several services'),
    services: z
      .array(serviceEntrySchema())
      .optional()
      .describe('All services there shall be. Absent: the file says nothing of services'),
    director: directorSchema().optional(),
    realServer: realServerSchema().optional(),
  }).meta({ title: 'ipvs-ts state file' }),
);

/** A file of the desired state as a value, as a program or `JSON.parse` makes it. */
export type StateFile = z.input<ReturnType<typeof stateFileSchema>>;
/** The section `defaults`, checked. */
export type Defaults = z.output<ReturnType<typeof defaultsSchema>>;
/** An element of `services`, checked. */
export type ServiceEntry = z.output<ReturnType<typeof serviceEntrySchema>>;
/** A destination as written, checked. */
export type DestinationItem = z.output<ReturnType<typeof destinationItemSchema>>;
/** A check as written, checked: the name of one, or one. */
export type CheckItem = z.output<ReturnType<typeof checkItemSchema>>;

const jsonSchema = lazy((z) =>
  z.toJSONSchema(stateFileSchema(), {
    io: 'input',
    override: ({ jsonSchema }) => allowVariable(jsonSchema),
  }),
);

/**
 * Where a number or a word is due, the text may be a variable: see environment.ts. The length of a text says nothing
 * then.
 */
function allowVariable(schema: z.core.JSONSchema.BaseSchema): void {
  delete schema.maxLength;
  const { type, enum: words, minimum, maximum } = schema;
  if (words === undefined && type !== 'integer' && type !== 'boolean') return;
  for (const constraint of ['type', 'enum', 'minimum', 'maximum']) delete schema[constraint];
  const value = { type, enum: words, minimum, maximum };
  schema.anyOf = [withoutUndefined(value), { type: 'string', pattern: '^\\$\\{' }];
}

/**
 * The JSON Schema (draft 2020-12) of a file of the desired state, for editors: `schema/state.schema.json`. It knows
 * keys, kinds and bounds; what must fit together, {@link parseStateText} checks.
 */
export function stateFileJsonSchema(): object {
  return jsonSchema();
}
