/**
 * The JSON that the command line writes: `list --json`, `connections --json` and `settings --json`; and all schemas.
 * docs/json.md tells people the same. Fields may be added; those that are here stay.
 * @module
 */
import { z } from 'zod';
import type { Connection } from '../model/connection.js';
import type { IpvsStatus } from '../model/ipvs-status.js';
import type { IpvsSysctls } from '../model/ipvs-sysctls.js';
import { SCHEDULER_FLAGS } from '../model/service.js';
import { PROTOCOLS } from '../model/service-key.js';
import { DAEMON_ROLES, type NormalSyncDaemon } from '../model/sync-daemon.js';
import { SOURCES, type Table } from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import { eventJsonSchema } from './event-schemas.js';
import { findingsJsonSchema } from './findings.js';
import { checksJsonSchema, healthJsonSchema } from './health-schemas.js';
import { prettyJson } from './pretty.js';

const whole = (max: number) => z.number().int().min(0).max(max);
const port = whole(65535);
const mark = z.number().int().min(1).max(0xffffffff);
const address = z.string().describe('IPv4 or IPv6 address');
/** May pass 2^53, beyond which the numbers of many JSON readers are not exact. */
const counter = z.string().regex(/^\d+$/).describe('decimal number, up to 2^64 - 1');
const rate = z.number().min(0);

const rates = z
  .object({ connections: rate, inPackets: rate, outPackets: rate, inBytes: rate, outBytes: rate })
  .describe("each a second; the kernel's average over the last few seconds");

/** Counters and rates, as `list --json` writes them. */
export const statsJsonSchema = z
  .object({
    connections: counter,
    inPackets: counter,
    outPackets: counter,
    inBytes: counter,
    outBytes: counter,
    rates,
    counterBits: z
      .literal(32)
      .optional()
      .describe('connections and packets count modulo 2^32: source is sockopt, or Linux before 4.1'),
  })
  .describe('since the object was made or zeroed; absent if source is proc, and with run_estimation=0');

const serviceSettings = {
  scheduler: z.string(),
  schedulerFlags: z.array(z.enum(SCHEDULER_FLAGS)).optional(),
  onePacket: z.literal(true).optional().describe('absent: off'),
  persistence: z
    .object({
      timeout: z
        .number()
        .min(0)
        .optional()
        .describe("seconds; absent if source is proc and the kernel's HZ is unknown"),
      netmask: z.union([whole(128), z.string()]).describe('prefix length, or a dotted IPv4 mask that has none'),
    })
    .optional()
    .describe('absent: off'),
  persistenceEngine: z.string().optional().describe('absent: none, or source is sockopt or proc'),
};

const service = z.union([
  z.object({
    protocol: z.union([z.enum(PROTOCOLS), z.string().regex(/^ip\d+$/)]),
    address,
    port: port.describe('0: every port'),
    ...serviceSettings,
  }),
  z.object({
    protocol: z.literal('fwmark'),
    mark,
    family: z.enum(['ipv4', 'ipv6']).optional().describe('absent if source is proc'),
    ...serviceSettings,
  }),
]);

const checksum = z.enum(['none', 'csum', 'remcsum']);
const tunnel = z.union([
  z.object({ type: z.literal('ipip') }),
  z.object({ type: z.literal('gue'), port, checksum }),
  z.object({ type: z.literal('gre'), checksum: checksum.exclude(['remcsum']) }),
  z.object({ type: z.string().regex(/^type\d+$/) }),
]);

const threshold = z.number().int().optional().describe('connections; absent: no limit, or source is proc');

const destination = z.object({
  address,
  port,
  weight: z.number().int().describe('0: quiesced'),
  upperThreshold: threshold,
  lowerThreshold: threshold,
  forward: z.union([z.enum(['nat', 'dr', 'tun', 'local', 'bypass']), z.string().regex(/^method\d+$/)]),
  tunnel: tunnel.optional().describe('of tun only; absent if source is sockopt or proc'),
});

const connectionCount = whole(0xffffffff);
/** A real server, as `list --json` writes it. */
export const destinationEntryJsonSchema = z.object({
  destination,
  activeConnections: connectionCount.describe('in the state ESTABLISHED; of UDP: all'),
  inactiveConnections: connectionCount.describe('all others'),
  persistentConnections: connectionCount.optional().describe('persistence templates; absent if source is proc'),
  stats: statsJsonSchema.optional(),
});

/** A service without its real servers, as `list --json` writes it. */
export const serviceEntryJsonSchema = z.object({ service, stats: statsJsonSchema.optional() });

/** What `list --json` writes. */
export const tableJsonSchema = z
  .object({
    source: z
      .enum(SOURCES)
      .describe('sockopt: by socket options, which know IPv4 only; proc: read without rights, knows less'),
    services: z
      .array(
        serviceEntryJsonSchema.extend({
          destinations: z.array(destinationEntryJsonSchema).describe('newest first'),
        }),
      )
      .describe("in the kernel's order"),
  })
  .meta({ title: 'ipvs-ts list --json' });

const endpoint = z.object({ address, port });

/** A connection, as `connections --json` writes it. */
export const connectionJsonSchema = z.object({
  protocol: z.string().describe('tcp, udp, sctp; ip: template of a fwmark service'),
  client: endpoint.describe('port 0: a persistence template'),
  virtual: z
    .union([endpoint, z.object({ mark })])
    .describe('what the client called; a mark: template of a fwmark service'),
  destination: endpoint.describe('the real server'),
  state: z.string().describe("the kernel's word"),
  expires: z.number().int().min(0).describe('seconds until the entry goes away if no packet comes'),
  engine: z
    .object({ name: z.string(), data: z.string() })
    .optional()
    .describe('what a persistence engine identifies the client by'),
});

/** What `connections --json` writes. */
export const connectionsJsonSchema = z.array(connectionJsonSchema).meta({ title: 'ipvs-ts connections --json' });

const seconds = z.number().int().min(0).describe('seconds');
const syncDaemon = z.object({
  role: z.enum(DAEMON_ROLES),
  interface: z.string(),
  syncId: whole(255),
  maxLength: whole(65535)
    .optional()
    .describe('bytes of a message; absent by socket options and before Linux 4.3, as are the next three'),
  group: address.optional().describe('multicast'),
  port: port.optional().describe('UDP'),
  ttl: whole(255).optional(),
});

const hashTable = z.object({
  loadFactor: z.number().int().describe('the sysctl conn_lfactor or svc_lfactor'),
  buckets: whole(Number.MAX_SAFE_INTEGER),
  empty: whole(Number.MAX_SAFE_INTEGER).optional().describe('buckets without an entry'),
  chains: z
    .array(z.object({ length: whole(Number.MAX_SAFE_INTEGER), buckets: whole(Number.MAX_SAFE_INTEGER) }))
    .describe('how many buckets have so many entries'),
});
const status = z.object({
  connections: whole(Number.MAX_SAFE_INTEGER),
  connectionTable: hashTable.optional(),
  services: whole(Number.MAX_SAFE_INTEGER),
  serviceTable: hashTable.optional(),
  estimation: z
    .object({
      slots: whole(Number.MAX_SAFE_INTEGER),
      maxSlots: whole(Number.MAX_SAFE_INTEGER),
      maxChainLength: whole(Number.MAX_SAFE_INTEGER),
      estimators: whole(Number.MAX_SAFE_INTEGER),
    })
    .optional()
    .describe('threads that bring statistics up to date'),
});

/** What `settings --json` writes. */
export const settingsJsonSchema = z
  .object({
    timeouts: z.object({ tcp: seconds, tcpFin: seconds, udp: seconds }),
    daemons: z.array(syncDaemon).describe('those that run: none, a master, a backup, or both'),
    sysctls: z.record(z.string(), z.string()).optional().describe('with --all: the texts of net.ipv4.vs.*'),
    status: status.optional().describe('with --all, since Linux 7.1: /proc/net/ip_vs_status'),
  })
  .meta({ title: 'ipvs-ts settings --json' });

/** The JSON Schemas (draft 2020-12) by the names of their files in `schema`. They allow fields that are not there yet. */
export function jsonSchemas(): Readonly<
  Record<'table' | 'connections' | 'settings' | 'findings' | 'health' | 'checks' | 'event', object>
> {
  // As of input: the schema of output would forbid further fields.
  return {
    table: z.toJSONSchema(tableJsonSchema, { io: 'input' }),
    connections: z.toJSONSchema(connectionsJsonSchema, { io: 'input' }),
    settings: z.toJSONSchema(settingsJsonSchema, { io: 'input' }),
    findings: z.toJSONSchema(findingsJsonSchema, { io: 'input' }),
    health: z.toJSONSchema(healthJsonSchema, { io: 'input' }),
    checks: z.toJSONSchema(checksJsonSchema, { io: 'input' }),
    event: z.toJSONSchema(eventJsonSchema, { io: 'input' }),
  };
}

/** A table as `list --json` writes it. */
export function tableJson(table: Table): string {
  return prettyJson(table);
}

/** Timeouts and sync daemons as `settings --json` writes them. */
export function settingsJson(settings: {
  readonly timeouts: Timeouts;
  readonly daemons: readonly NormalSyncDaemon[];
  readonly sysctls?: IpvsSysctls;
  readonly status?: IpvsStatus;
}): string {
  return prettyJson(settings);
}

/** Connections as `connections --json` writes them: one array, a line for each, piece by piece. */
export async function* connectionsJson(connections: AsyncIterable<Connection>): AsyncGenerator<string> {
  let before = '[\n';
  for await (const connection of connections) {
    yield before + JSON.stringify(connection);
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}
