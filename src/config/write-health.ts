/**
 * How a service is checked, as it is written in a file: the reverse of health.ts.
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { type Check, type NormalCheck, parseCheck } from '../model/check.js';
import { formatDestinationKey, type NormalDestination } from '../model/destination.js';
import type { NormalOnFailure, NormalServerHealth, NormalServiceHealth } from '../model/health.js';
import type { NormalHook, NormalServiceNotify } from '../model/hook.js';
import { withoutUndefined } from '../model/parse.js';

/** The fields of a service; `writeServer` writes a stand-in. None where it is not checked. */
export function healthFields(
  health: NormalServiceHealth | undefined,
  writeServer: (server: NormalDestination) => unknown,
): Readonly<Record<string, unknown>> {
  if (health === undefined) return {};
  const { checks, onFailure, quorum, backups, sorry, failOpen, ramp, notify } = health;
  return withoutUndefined({
    checks: checks.map(writtenCheck),
    onFailure: writtenOnFailure(onFailure),
    notify: notify && writtenNotify(notify),
    quorum: quorum.hysteresis === 0 ? quorum.up : quorum,
    backups: backups.length > 0 ? backups.map(writeServer) : undefined,
    sorry: sorry && writeServer(sorry),
    failOpen: failOpen || undefined,
    ramp: ramp > 0 ? timeText(ramp) : undefined,
  });
}

function writtenOnFailure({ quiesce, removeAfter, endConnections }: NormalOnFailure): object {
  return { quiesce, removeAfter: removalText(removeAfter), ...(endConnections && { endConnections }) };
}

function differing({ quiesce, removeAfter, endConnections }: NormalOnFailure, usual: NormalOnFailure): object {
  return {
    ...(quiesce !== usual.quiesce && { quiesce }),
    ...(removeAfter !== usual.removeAfter && { removeAfter: removalText(removeAfter) }),
    ...(endConnections !== usual.endConnections && { endConnections }),
  };
}

function removalText(removeAfter: NormalOnFailure['removeAfter']): string {
  return removeAfter === 'never' ? removeAfter : timeText(removeAfter);
}

function writtenNotify({ fifo, ...hooks }: NormalServiceNotify): object {
  const written = Object.entries(hooks).map(([name, hook]) => [name, writtenHook(hook)] as const);
  return { ...Object.fromEntries(written), ...(fifo !== undefined && { fifo }) };
}

function writtenHook({ command, timeout, ...account }: NormalHook): object {
  if (timeout === 10_000 && Object.keys(account).length === 0) return command;
  return { command, timeout: timeText(timeout), ...account };
}

/** What one server has otherwise than its service, as written. */
export function ownFields(
  health: NormalServiceHealth | undefined,
  server: { readonly address: string; readonly port: number },
): Readonly<Record<string, unknown>> {
  const name = formatDestinationKey(server);
  const own = health?.servers.find((each) => formatDestinationKey(each) === name);
  return health === undefined || own === undefined ? {} : writtenOwn(own, health);
}

function writtenOwn({ checks, onFailure, notify }: NormalServerHealth, usual: NormalServiceHealth) {
  return withoutUndefined({
    checks: isDeepStrictEqual(checks, usual.checks) ? undefined : checks.map(writtenCheck),
    onFailure: onFailure && differing(onFailure, usual.onFailure),
    notify: notify && writtenNotify(notify),
  });
}

const TIMES: ReadonlySet<string> = new Set(['interval', 'timeout', 'recheck']);

/** What would be filled in by itself is left out. */
function writtenCheck(check: NormalCheck): object {
  const fields = Object.entries(check).filter(([name]) => !isFilledIn(check, name));
  return Object.fromEntries(fields.map(([name, value]) => [name, TIMES.has(name) ? timeText(Number(value)) : value]));
}

function isFilledIn(check: NormalCheck, name: string): boolean {
  const { [name as keyof NormalCheck]: value, ...rest } = check;
  try {
    const filled: Readonly<Record<string, unknown>> = { ...parseCheck(rest as Check) };
    return name !== 'type' && JSON.stringify(filled[name]) === JSON.stringify(value);
  } catch {
    // It is required.
    return false;
  }
}

function timeText(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}
