/**
 * Services with their destinations, one by one: ranges counted out, pools put in, defaults filled in.
 * @module
 */

import type { NormalDesiredService } from '../model/desired.js';
import type { ServiceHealth } from '../model/health.js';
import { withoutUndefined } from '../model/parse.js';
import { parseService, type Service } from '../model/service.js';
import { formatServiceKey, type ServiceKey } from '../model/service-key.js';
import { type Draft, destinationsOf, draftsOf } from './destinations.js';
import { healthOf } from './health.js';
import { type Findings, type Path, pathText } from './path.js';
import { serviceKeysOf } from './ranges.js';
import type { Defaults, ServiceEntry } from './schema.js';
import type { Placed, Sections } from './sections.js';

/** The most services that a file may come to. */
export const MAX_SERVICES = 262_144;
/** The most destinations, of all services together. */
export const MAX_DESTINATIONS = 1_048_576;

/** The services of a file, and how they are checked. */
export interface Expanded {
  readonly services: NormalDesiredService[];
  /** Of those that have checks. */
  readonly health: ServiceHealth[];
}

/** All services of a file, in its order. None where they are too many; that is told before they are made. */
export function expandServices(sections: Sections, findings: Findings): Expanded {
  const { services = [], pools, defaults } = sections;
  const drafts = new Map([...pools].map(([name, items]) => [name, draftsOf(items, findings)] as const));
  const seen = new Map<string, Path>();
  const groups = services.map((entry) => ({
    entry,
    keys: keysOf(entry, defaults, seen, findings),
    servers: [...fromPools(entry, drafts, findings), ...ownOf(entry, findings)],
  }));
  const destinations = groups.reduce((sum, { keys, servers }) => sum + keys.length * servers.length, 0);
  if (seen.size > MAX_SERVICES || destinations > MAX_DESTINATIONS) {
    const limits = `at most ${MAX_SERVICES} services with at most ${MAX_DESTINATIONS} destinations in all`;
    findings.add(['services'], `comes to ${seen.size} services with ${destinations} destinations; may have ${limits}`);
    return { services: [], health: [] };
  }
  const expanded = groups.flatMap(({ entry, keys, servers }) => servicesOf(entry, keys, servers, sections, findings));
  return {
    services: expanded.map(({ service, destinations }) => ({ service, destinations })),
    health: expanded.flatMap(({ health }) => health ?? []),
  };
}

/** Warns of pools that stand there for nobody. */
export function warnOfUnusedPools({ services, pools }: Sections, findings: Findings): void {
  const used = new Set(services?.flatMap(({ path, value }) => textsOf(path, value.pool).map((name) => name.value)));
  for (const name of pools.keys()) if (!used.has(name)) findings.warn(['pools', name], 'no service uses this pool');
}

/** Each service that an entry names, unless another one has the key. */
function keysOf(entry: Placed<ServiceEntry>, defaults: Defaults, seen: Map<string, Path>, findings: Findings) {
  return textsOf([...entry.path, 'service'], entry.value.service).flatMap(({ path, value }) => {
    const keys = findings.attempt(
      () => path,
      () => serviceKeysOf(value, defaults.port),
    );
    return (keys ?? []).flatMap((key): Placed<ServiceKey>[] => {
      const name = formatServiceKey(key);
      const other = seen.get(name);
      if (other !== undefined) findings.add(path, `${name} is already in ${pathText(other)}`);
      else seen.set(name, path);
      return other === undefined ? [{ path, value: key }] : [];
    });
  });
}

/** The texts of a field that is one or a list of them. */
function textsOf(path: Path, texts: string | readonly string[] = []): Placed<string>[] {
  if (typeof texts === 'string') return [{ path, value: texts }];
  return texts.map((value, index) => ({ path: [...path, index], value }));
}

function fromPools(entry: Placed<ServiceEntry>, pools: ReadonlyMap<string, readonly Draft[]>, findings: Findings) {
  const names = textsOf([...entry.path, 'pool'], entry.value.pool);
  return names.flatMap(({ path, value }, index) => {
    const drafts = pools.get(value);
    const known = pools.size === 0 ? 'there are none' : `there are ${[...pools.keys()].join(', ')}`;
    const isSecond = names.findIndex((other) => other.value === value) < index;
    if (isSecond) findings.add(path, `the pool "${value}" is named twice`);
    if (drafts === undefined) findings.add(path, `there is no pool "${value}"; ${known}`);
    return isSecond ? [] : (drafts ?? []);
  });
}

function ownOf({ path, value }: Placed<ServiceEntry>, findings: Findings): Draft[] {
  const items = (value.destinations ?? []).map((item, index) => ({
    path: [...path, 'destinations', index],
    value: item,
  }));
  return draftsOf(items, findings);
}

function servicesOf(
  entry: Placed<ServiceEntry>,
  keys: readonly Placed<ServiceKey>[],
  drafts: readonly Draft[],
  sections: Sections,
  findings: Findings,
): (NormalDesiredService & { readonly health: ServiceHealth | undefined })[] {
  const { defaults } = sections;
  const settings = settingsOf(entry.value, defaults);
  const broken = new Set<Path>();
  return keys.flatMap(({ path, value: key }) => {
    // What is wrong with the first service of a range is wrong with the others too.
    if (broken.has(path)) return [];
    const before = findings.problems.length;
    // parseService checks what goes together.
    const input = { ...key, ...settings } as Service;
    const service = findings.attempt(
      (steps) => settingPlace(entry, path, defaults, steps),
      () => parseService(input),
    );
    const servers = destinationsOf(key, entry, drafts, defaults, findings);
    const health = healthOf(key, entry, servers, sections, findings);
    if (findings.problems.length > before) broken.add(path);
    const destinations = servers.map(({ destination }) => destination);
    return service === undefined ? [] : [{ service, destinations, health }];
  });
}

/**
 * What is written at the service itself stands above the defaults; flags belong to the scheduler they are written
 * with.
 */
function settingsOf(entry: ServiceEntry, defaults: Defaults) {
  const { scheduler = defaults.scheduler, onePacket, persistenceEngine, persistence = defaults.persistence } = entry;
  const { schedulerFlags = entry.scheduler === undefined ? defaults.schedulerFlags : undefined } = entry;
  return withoutUndefined({
    scheduler,
    schedulerFlags,
    onePacket,
    persistenceEngine,
    persistence: persistenceOf(persistence),
  });
}

function persistenceOf(given: Defaults['persistence']): Service['persistence'] {
  if (given === undefined || given === false) return undefined;
  if (given === true) return {};
  return typeof given === 'number' ? { timeout: given } : withoutUndefined(given);
}

function settingPlace(entry: Placed<ServiceEntry>, service: Path, defaults: Defaults, steps: Path): Path {
  const field = steps[0] ?? '';
  if (field in entry.value) return [...entry.path, ...steps];
  return field in defaults && field !== 'port' ? ['defaults', ...steps] : service;
}
