/**
 * How the services of a file are checked: names of checks looked up, stand-ins put in, defaults filled in.
 * @module
 */
import { type NormalCheck, needsPort } from '../model/check.js';
import { formatDestinationKey, type NormalDestination } from '../model/destination.js';
import { type ServiceHealth, unreachable } from '../model/health.js';
import { withoutUndefined } from '../model/parse.js';
import type { ServiceKey } from '../model/service-key.js';
import { type Draft, destinationsOf, draftsOf } from './destinations.js';
import type { Findings, Path } from './path.js';
import type { CheckItem, Defaults, DestinationItem, ServiceEntry } from './schema.js';
import type { Placed, Sections } from './sections.js';

/** What only makes sense where something is checked. */
const NEED_CHECKS = ['onFailure', 'notify', 'quorum', 'failOpen', 'ramp', 'sorry', 'backups'] as const;

const NEEDS_CHECKS = 'needs checks: without them no real server is ever down';

/** Undefined where a service has no checks. */
export function healthOf(
  service: ServiceKey,
  entry: Placed<ServiceEntry>,
  servers: readonly { readonly destination: NormalDestination; readonly draft: Draft }[],
  sections: Sections,
  findings: Findings,
): ServiceHealth | undefined {
  const { defaults, checks: named } = sections;
  const { path, value } = entry;
  const items =
    value.checks === undefined
      ? { path: ['defaults', 'checks'], value: defaults.checks ?? [] }
      : { path: [...path, 'checks'], value: value.checks };
  const backups = standIns(service, entry, 'backups', value.backups ?? [], defaults, findings);
  const sorry = standIns(service, entry, 'sorry', value.sorry === undefined ? [] : [value.sorry], defaults, findings);
  if (sorry.length > 1) findings.add([...path, 'sorry'], 'must be one real server');
  for (const { draft } of sorry) refuseChecked(draft, findings);
  const sorryName = sorry[0] && formatDestinationKey(sorry[0].destination);
  const isOther = ({ destination }: (typeof servers)[number]) =>
    destination.weight > 0 || formatDestinationKey(destination) !== sorryName;
  refuseOwn(entry, servers.filter(isOther), [...backups, ...sorry], findings);
  const checks = look(items, named, findings);
  const own = [...servers, ...backups].flatMap(({ destination: { address, port }, draft }) => {
    if (draft.checks === undefined && draft.health === undefined) return [];
    const mine = draft.checks === undefined ? checks : look(draft.checks, named, findings);
    return [{ address, port, checks: mine, ...draft.health?.value }];
  });
  if (checks.length === 0 && own.every((each) => each.checks.length === 0)) {
    for (const field of NEED_CHECKS.filter((each) => value[each] !== undefined)) {
      findings.add([...path, field], NEEDS_CHECKS);
    }
    for (const { draft } of [...servers, ...backups]) {
      for (const field of fieldsOf(draft)) findings.add([...(draft.health?.path ?? path), field], NEEDS_CHECKS);
    }
    return undefined;
  }
  refusePortless([...servers, ...backups], checks, own, entry, findings);
  for (const { destination, draft } of [...servers, ...backups]) {
    const mine = draft.checks === undefined ? checks : look(draft.checks, named, findings);
    const place = draft.placeOf('address');
    for (const { message } of unreachable('', destination, mine))
      findings.add(place.length > 0 ? place : path, message);
  }
  return {
    service,
    checks,
    servers: own,
    backups: backups.map(({ destination }) => destination),
    sorry: sorry[0]?.destination,
    ...policyOf(value, defaults),
  };
}

/** What is written at the service stands above the defaults. */
function policyOf(value: ServiceEntry, defaults: Defaults): Partial<ServiceHealth> {
  const { quorum = defaults.quorum, failOpen = defaults.failOpen, ramp = defaults.ramp } = value;
  const notify = { ...withoutUndefined(defaults.notify ?? {}), ...withoutUndefined(value.notify ?? {}) };
  return withoutUndefined({
    onFailure: { ...defaults.onFailure, ...withoutUndefined(value.onFailure ?? {}) },
    quorum: typeof quorum === 'object' || quorum === undefined ? quorum : { up: quorum },
    failOpen,
    ramp,
    notify: Object.keys(notify).length > 0 ? notify : undefined,
  });
}

function fieldsOf({ health }: Draft): string[] {
  return Object.keys(health?.value ?? {});
}

function refuseChecked(draft: Draft, findings: Findings): void {
  const { checks, health } = draft;
  if (checks) findings.add(checks.path, 'a sorry server is not checked');
  for (const field of fieldsOf(draft)) findings.add([...(health?.path ?? []), field], 'a sorry server is not checked');
}

function standIns(
  service: ServiceKey,
  entry: Placed<ServiceEntry>,
  field: 'backups' | 'sorry',
  items: readonly DestinationItem[],
  defaults: Defaults,
  findings: Findings,
) {
  const base = [...entry.path, field];
  const placed = items.map((value, index) => ({ path: field === 'sorry' ? base : [...base, index], value }));
  return destinationsOf(service, entry, draftsOf(placed, findings), defaults, findings);
}

/** A stand-in that is a real server of the service, or another stand-in, would be there twice. */
function refuseOwn(
  { path }: Placed<ServiceEntry>,
  servers: readonly { readonly destination: NormalDestination }[],
  standIns: readonly { readonly destination: NormalDestination; readonly draft: Draft }[],
  findings: Findings,
): void {
  const names = new Set(servers.map(({ destination }) => formatDestinationKey(destination)));
  for (const { destination, draft } of standIns) {
    const name = formatDestinationKey(destination);
    const place: Path = draft.placeOf('address');
    if (names.has(name))
      findings.add(place.length > 0 ? place : path, `${name} is a real server of the service already`);
    names.add(name);
  }
}

/** A mark has no port: its checks name one. */
function refusePortless(
  servers: readonly { readonly destination: NormalDestination; readonly draft: Draft }[],
  checks: readonly NormalCheck[],
  own: readonly { readonly address: string; readonly checks: readonly NormalCheck[] }[],
  { path }: Placed<ServiceEntry>,
  findings: Findings,
): void {
  if (servers.every(({ destination: { port } }) => port !== 0)) return;
  const isOwn = own.length === servers.length;
  const all = [...(isOwn ? [] : checks), ...own.flatMap((each) => each.checks)];
  const without = all.find((check) => check.port === undefined && needsPort(check));
  if (without === undefined) return;
  findings.add([...path, 'checks'], `the real servers have port 0: give the check ${without.type} a port`);
}

function look(
  { path, value }: Placed<readonly CheckItem[]>,
  named: Sections['checks'],
  findings: Findings,
): NormalCheck[] {
  return value.flatMap((item, index) => {
    if (typeof item !== 'string') return [item];
    const found = named.get(item);
    const known = named.size === 0 ? 'there are none' : `there are ${[...named.keys()].join(', ')}`;
    if (found === undefined && !named.has(item))
      findings.add([...path, index], `there is no check "${item}"; ${known}`);
    return found === undefined ? [] : [found];
  });
}
