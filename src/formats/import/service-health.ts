/**
 * Checks of single real servers, as importers gather them -> the checks of a service.
 * @module
 */
import { familyOf } from '../../address/ip.js';
import { type Check, type NormalCheck, needsPort, parseCheck } from '../../model/check.js';
import type { DestinationKey } from '../../model/destination.js';
import type { OnFailure, Quorum, ServerHealth, ServiceHealth } from '../../model/health.js';
import type { ServiceNotify } from '../../model/hook.js';
import { withoutUndefined } from '../../model/parse.js';
import type { ServiceKey } from '../../model/service-key.js';
import type { Place, Report } from './report.js';

/** A real server and all its checks; none: it is always up. */
export interface CheckedServer {
  readonly server: DestinationKey & { readonly address: string; readonly port: number };
  readonly checks: readonly NormalCheck[];
  readonly own?: OwnPolicy | undefined;
}

/** What one server has otherwise than the others. */
export type OwnPolicy = Pick<ServerHealth, 'onFailure' | 'notify'>;

/** What follows when a server fails. */
export interface Policy {
  readonly onFailure: OnFailure;
  readonly quorum?: Quorum | undefined;
  readonly notify?: ServiceNotify | undefined;
}

/** The health of a service: the checks that most of its servers have, and those of the others. Undefined where no server has a check. */
export function serviceHealth(
  service: ServiceKey,
  servers: readonly CheckedServer[],
  policy: Policy,
): ServiceHealth | undefined {
  if (servers.every(({ checks }) => checks.length === 0)) return undefined;
  const usual = mostCommon(servers.map(({ checks }) => checks));
  const own = servers.filter(
    ({ checks, own = {} }) =>
      JSON.stringify(checks) !== JSON.stringify(usual) || (checks.length > 0 && Object.keys(own).length > 0),
  );
  return withoutUndefined({
    service,
    checks: usual,
    servers: own.map(({ server: { address, port }, checks, own: policy }) => ({ address, port, checks, ...policy })),
    ...policy,
  });
}

/** Of several that are as common, the first. */
function mostCommon(lists: readonly (readonly NormalCheck[])[]): readonly NormalCheck[] {
  const counts = new Map<string, number>();
  for (const list of lists) counts.set(JSON.stringify(list), (counts.get(JSON.stringify(list)) ?? 0) + 1);
  const best = Math.max(...counts.values());
  return lists.find((list) => counts.get(JSON.stringify(list)) === best) ?? [];
}

/** A check as the model has it. What it refuses is told with the check's place, and there is no check. */
export function checkOf(
  check: Check,
  server: { readonly address: string; readonly port: number },
  place: Place,
  report: Report,
): NormalCheck[] {
  if (check.port === undefined && server.port === 0 && needsPort(check)) {
    report.skip(place, 'has no port to go to: the check is left out');
    return [];
  }
  const { source, ...others } = check;
  const target = check.address ?? server.address;
  if (check.type !== 'exec' && /^fe[89ab]/i.test(target)) {
    report.skip(place, `cannot go to ${target}, a link-local address: the check is left out`);
    return [];
  }
  const isStrange = source !== undefined && familyOf(source) !== familyOf(target);
  if (isStrange) report.skip(place, `cannot go from ${source} to ${target}: it goes from any address`);
  const checked = report.attempt(
    place,
    () => parseCheck(withoutUndefined((isStrange ? others : check) as Check)),
    {},
    (at, why) => report.skip(at, `${why}; the check is left out`),
  );
  return checked === undefined ? [] : [checked];
}

/** Milliseconds within what a check may have; what is not as it is written is told. */
export function within(milliseconds: number, min: number, max: number, place: Place, report: Report): number {
  const kept = Math.min(Math.max(Math.round(milliseconds), min), max);
  if (Math.abs(kept - milliseconds) > 0.5) report.skip(place, `${milliseconds / 1000} s become ${kept / 1000} s`);
  return kept;
}
