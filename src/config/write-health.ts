/**
 * How a service is checked, as it is written in a file: the reverse of health.ts.
 * @module
 */
import { type Check, type NormalCheck, parseCheck } from '../model/check.js';
import { formatDestinationKey, type NormalDestination } from '../model/destination.js';
import type { NormalServiceHealth } from '../model/health.js';
import { withoutUndefined } from '../model/parse.js';

/** The fields of a service; `writeServer` writes a stand-in. None where it is not checked. */
export function healthFields(
  health: NormalServiceHealth | undefined,
  writeServer: (server: NormalDestination) => unknown,
): Readonly<Record<string, unknown>> {
  if (health === undefined) return {};
  const { checks, onFailure, quorum, backups, sorry, failOpen, ramp } = health;
  const { quiesce, removeAfter } = onFailure;
  return withoutUndefined({
    checks: checks.map(writtenCheck),
    onFailure: { quiesce, removeAfter: removeAfter === 'never' ? removeAfter : timeText(removeAfter) },
    quorum: quorum.hysteresis === 0 ? quorum.up : quorum,
    backups: backups.length > 0 ? backups.map(writeServer) : undefined,
    sorry: sorry && writeServer(sorry),
    failOpen: failOpen || undefined,
    ramp: ramp > 0 ? timeText(ramp) : undefined,
  });
}

/** The checks of one server as written; undefined where it has those of its service. */
export function ownChecks(
  health: NormalServiceHealth | undefined,
  server: { readonly address: string; readonly port: number },
): readonly object[] | undefined {
  const name = formatDestinationKey(server);
  return health?.servers.find((own) => formatDestinationKey(own) === name)?.checks.map(writtenCheck);
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
