/**
 * Who is told when a real server or a quorum changes: programs of this host, and a FIFO.
 * @module
 */
import type { z } from 'zod';
import { textSchema } from './checks/base.js';
import { commandSchema } from './checks/exec.js';
import { integer, lazy, withoutUndefined } from './parse.js';
import { zod } from './zod.js';

/**
 * A program that is run, without a shell, when something has changed. It has NOTIFY_EVENT (`up`, `down`, `quorum-up`,
 * `quorum-down`), NOTIFY_SERVICE (`tcp://192.0.2.1:80`), NOTIFY_SERVER (`10.0.0.11:80`; empty for a quorum) and NOTIFY_REASON in its
 * environment beside the variables of this process.
 */
export interface Hook {
  /** The program and its arguments. For a shell say so: `['/bin/sh', '-c', '...']`. */
  readonly command: readonly string[];
  /** Milliseconds until it is killed, with all processes of its group, 100 to 600000. Default 10000. */
  readonly timeout?: number | undefined;
  /** The user that it runs as: a name of /etc/passwd, or a number. Default: that of this process. Needs root. */
  readonly user?: string | undefined;
  /** The group, of /etc/group or a number. Default: the user's own. Supplementary groups are dropped where one of both is given. */
  readonly group?: string | undefined;
}

/** {@link Hook}, with its default filled in. */
export type NormalHook = Omit<Hook, 'timeout'> & { readonly timeout: number };

/** What is run for a real server. A list is short for a {@link Hook} with this command. */
export interface ServerNotify {
  /** A server came back: it was down, and all its checks pass. Its first pass after the start is no news. */
  readonly up?: Hook | readonly string[] | undefined;
  /** A server is down. */
  readonly down?: Hook | readonly string[] | undefined;
}

/** What is run for a service and its real servers, and where lines are written. */
export interface ServiceNotify extends ServerNotify {
  /** The service has its quorum: told at the start, and whenever it is had again. */
  readonly quorumUp?: Hook | readonly string[] | undefined;
  /** The quorum is lost: also told at the start, if it is not had then. */
  readonly quorumDown?: Hook | readonly string[] | undefined;
  /**
   * The path of a FIFO that gets a line for each of these, as keepalived's `lvs_notify_fifo` has them. It is made if it is not
   * there, for this user alone. Lines wait in it until they are read, 64 KiB of them; what has no room is lost, and told.
   */
  readonly fifo?: string | undefined;
}

/** {@link ServerNotify}, checked and in its one form. */
export interface NormalServerNotify {
  readonly up?: NormalHook;
  readonly down?: NormalHook;
}

/** {@link ServiceNotify}, checked and in its one form. */
export interface NormalServiceNotify extends NormalServerNotify {
  readonly quorumUp?: NormalHook;
  readonly quorumDown?: NormalHook;
  readonly fifo?: string;
}

const accountSchema = lazy(() => textSchema().regex(/^[^\s:\0]+$/, { error: 'must be a name or a number' }));

/** The schema of a {@link Hook} whose time is written as `time` reads it: one of `min` to `max` milliseconds. */
export function hookSchemaWith(time: (min: number, max: number) => z.ZodType<number>) {
  const z = zod();
  const error = 'must be a list (the program and its arguments), or an object with a command';
  const whole = z.strictObject({
    command: commandSchema().describe('The program and its arguments; for a shell write [/bin/sh, -c, ...]'),
    timeout: time(100, 600_000).default(TIMEOUT).describe('Killed, with its process group, after this: 10s (default)'),
    user: accountSchema().optional().describe('Runs as this user, by name or number. Default: that of keep'),
    group: accountSchema().optional().describe('Runs in this group. Default: that of the user'),
  });
  const short = commandSchema().transform((command) => ({ command, timeout: TIMEOUT }));
  return z.union([short, whole], { error }).transform((hook): NormalHook => withoutUndefined(hook) as NormalHook);
}

/** Milliseconds. */
const TIMEOUT = 10_000;

/** The fields of {@link ServerNotify}. */
export function serverNotifyShape<Written>(hook: z.ZodType<NormalHook, Written>) {
  return {
    up: hook.optional().describe('Run when a real server is up again: [/usr/local/bin/told, up]'),
    down: hook.optional().describe('Run when a real server is down'),
  };
}

/** The fields of {@link ServiceNotify}. */
export function serviceNotifyShape<Written>(hook: z.ZodType<NormalHook, Written>) {
  return {
    ...serverNotifyShape(hook),
    quorumUp: hook.optional().describe('Run at the start, and when the quorum is had again'),
    quorumDown: hook.optional().describe('Run when the quorum is lost'),
    fifo: textSchema()
      .regex(/^\/[^\0]*$/, { error: 'must be a path from the root: "/run/lvs-events"' })
      .optional()
      .describe("A FIFO that gets a line for each, in the form of keepalived's lvs_notify_fifo"),
  };
}

const hookSchema = lazy(() => hookSchemaWith((min, max) => integer(min, max, ' milliseconds')));

/** What {@link ServerNotify} may hold. */
export const serverNotifySchema = lazy((z) =>
  z.strictObject(serverNotifyShape(hookSchema())).transform((notify): NormalServerNotify => withoutUndefined(notify)),
);

/** What {@link ServiceNotify} may hold. */
export const serviceNotifySchema = lazy((z) =>
  z.strictObject(serviceNotifyShape(hookSchema())).transform((notify): NormalServiceNotify => withoutUndefined(notify)),
);
