/**
 * The sync daemon: the kernel thread that tells a backup director about connections, by multicast.
 * @module
 */
import { parseIP } from '../address/ip.js';
import { InvalidArgumentError } from '../errors.js';
import { Fields } from './fields.js';
import { withoutUndefined } from './parse.js';
import { ADDRESS, nameOf, oneWordOf, whole } from './rules.js';

/** A director may run both at once. */
export const DAEMON_ROLES = ['master', 'backup'] as const;
/** The master sends the connections of a director, the backup receives those of another. */
export type DaemonRole = (typeof DAEMON_ROLES)[number];

/** What each field of a sync daemon may hold. */
export const DAEMON_RULES = {
  role: oneWordOf(...DAEMON_ROLES),
  interface: nameOf(15),
  syncId: whole(0, 255),
  maxLength: whole(1, 65507),
  group: {
    ...ADDRESS,
    read(input: unknown) {
      const address = ADDRESS.read(input);
      return address !== undefined && isMulticast(address) ? address : undefined;
    },
    problem: (input: unknown) =>
      ADDRESS.read(input) === undefined
        ? ADDRESS.problem(input)
        : 'must be a multicast address (224.0.0.0/4 or ff00::/8)',
    schema: () =>
      ADDRESS.schema().refine(isMulticast, { error: 'must be a multicast address (224.0.0.0/4 or ff00::/8)' }),
  },
  port: whole(1, 65535),
  ttl: whole(1, 255),
};

function isMulticast(address: string): boolean {
  const first = parseIP(address)?.[0] ?? 0;
  return address.includes(':') ? first === 0xff : first >= 224 && first <= 239;
}

/** A sync daemon as a program writes it. */
export interface SyncDaemon {
  readonly role: DaemonRole;
  /** The network interface to send or listen on. */
  readonly interface: string;
  /** Directors of one id share connections: 0 to 255, default 0. */
  readonly syncId?: number | undefined;
  /** Bytes of a sync message, 1 to 65507; the kernel's default follows from the interface's MTU. Since Linux 4.3. */
  readonly maxLength?: number | undefined;
  /** Multicast group, default 224.0.0.81. Since Linux 4.3. */
  readonly group?: string | undefined;
  /** UDP port, 1 to 65535, default 8848. Since Linux 4.3. */
  readonly port?: number | undefined;
  /** Multicast TTL, 1 to 255, default 1. Since Linux 4.3. */
  readonly ttl?: number | undefined;
}

/** A sync daemon in its one form; what the kernel tells has every field that this kernel knows. */
export interface NormalSyncDaemon {
  readonly role: DaemonRole;
  readonly interface: string;
  readonly syncId: number;
  readonly maxLength?: number;
  readonly group?: string;
  readonly port?: number;
  readonly ttl?: number;
}

const FIELDS: ReadonlySet<string> = new Set(Object.keys(DAEMON_RULES));

/** Checks a sync daemon. Throws `InvalidArgumentError` with the path of every wrong field. */
export function parseSyncDaemon(input: SyncDaemon): NormalSyncDaemon {
  const fields = new Fields('sync daemon', input, FIELDS);
  const daemon = {
    role: fields.required('role', DAEMON_RULES.role),
    interface: fields.required('interface', DAEMON_RULES.interface),
    syncId: fields.optional('syncId', DAEMON_RULES.syncId) ?? 0,
    maxLength: fields.optional('maxLength', DAEMON_RULES.maxLength),
    group: fields.optional('group', DAEMON_RULES.group),
    port: fields.optional('port', DAEMON_RULES.port),
    ttl: fields.optional('ttl', DAEMON_RULES.ttl),
  };
  fields.end();
  return withoutUndefined(daemon);
}

/** Checks a role. Throws `InvalidArgumentError`. */
export function parseDaemonRole(input: DaemonRole): DaemonRole {
  const role = DAEMON_RULES.role.read(input);
  if (role !== undefined) return role;
  throw new InvalidArgumentError('sync daemon role', [{ path: '', message: DAEMON_RULES.role.problem(input) }]);
}
