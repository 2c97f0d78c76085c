/**
 * The sync daemon: the kernel thread that tells a backup director about connections, by multicast.
 * @module
 */
import type { z } from 'zod';
import { parseIP } from '../address/ip.js';
import { addressSchema, integer, lazy, name, parse, withoutUndefined } from './parse.js';

/** A director may run both at once. */
export const DAEMON_ROLES = ['master', 'backup'] as const;
/** The master sends the connections of a director, the backup receives those of another. */
export type DaemonRole = (typeof DAEMON_ROLES)[number];

/** A sync daemon by itself. */
export const syncDaemonSchema = lazy((z) =>
  z.strictObject({
    role: z.enum(DAEMON_ROLES),
    /** The network interface to send or listen on. */
    interface: name(15),
    /** Directors of one id share connections: 0 to 255, default 0. */
    syncId: integer(0, 255).default(0),
    /** Bytes of a sync message, 1 to 65507; the kernel's default follows from the interface's MTU. Since Linux 4.3. */
    maxLength: integer(1, 65507).optional(),
    /** Multicast group, default 224.0.0.81. Since Linux 4.3. */
    group: addressSchema()
      .refine(isMulticast, { error: 'must be a multicast address (224.0.0.0/4 or ff00::/8)' })
      .optional(),
    /** UDP port, 1 to 65535, default 8848. Since Linux 4.3. */
    port: integer(1, 65535).optional(),
    /** Multicast TTL, 1 to 255, default 1. Since Linux 4.3. */
    ttl: integer(1, 255).optional(),
  }),
);
const roleSchema = lazy((z) => z.enum(DAEMON_ROLES));

function isMulticast(address: string): boolean {
  const first = parseIP(address)?.[0] ?? 0;
  return address.includes(':') ? first === 0xff : first >= 224 && first <= 239;
}

/** A sync daemon as a program writes it. */
export type SyncDaemon = z.input<ReturnType<typeof syncDaemonSchema>>;
/** A sync daemon in its one form; what the kernel tells has every field that this kernel knows. */
export type NormalSyncDaemon = z.output<ReturnType<typeof syncDaemonSchema>>;

/** Checks a sync daemon. Throws `InvalidArgumentError`. */
export function parseSyncDaemon(input: SyncDaemon): NormalSyncDaemon {
  return withoutUndefined(parse(syncDaemonSchema, 'sync daemon', input));
}

/** Checks a role. Throws `InvalidArgumentError`. */
export function parseDaemonRole(input: DaemonRole): DaemonRole {
  return parse(roleSchema, 'sync daemon role', input);
}
