/**
 * Who wants what of each real server, joined into the one table that is enforced. Pure: the kernel's table is compared with
 * what comes out, so that the weight 0 of a drain is never taken for drift.
 * @module
 */
import {
  type DesiredTable,
  type NormalDesiredService,
  type NormalDesiredTable,
  parseDesiredTable,
} from '../model/desired.js';
import {
  type Destination,
  formatDestinationKey,
  INT_MAX,
  makeDestination,
  type NormalDestination,
  parseDestination,
} from '../model/destination.js';
import { formatServiceKey, type ServiceKey, type ServiceKeyText } from '../model/service-key.js';
import { isRemoval, type Override, type ServerName, serverName, type WeightOverride } from './override.js';

/**
 * What a health check wants of a real server that is down: `quiesce` gives it weight 0, and its connections go on; `remove` takes
 * it out of the table.
 */
export type Verdict = 'quiesce' | 'remove';

/** What others than the file want. What is absent wants nothing. */
export interface Wishes {
  /** Those in force now. A server may have one of each kind; a drain comes before a weight. */
  readonly overrides?: readonly Override[] | undefined;
  /** Of servers that are down. */
  readonly verdicts?: ReadonlyMap<ServerName, Verdict> | undefined;
  /**
   * Servers that serve besides those of the table: backups, a sorry server. One that the service has already is not added; if it has
   * weight 0 there, it has the weight of this.
   */
  readonly standIns?: ReadonlyMap<ServiceKeyText, readonly Destination[]> | undefined;
  /** Percent of its weight that a server can bear by its load, 0 to 1000. */
  readonly load?: ReadonlyMap<ServerName, number> | undefined;
  /** Percent of its weight that a server which comes back has by now, 0 to 100. */
  readonly ramps?: ReadonlyMap<ServerName, number> | undefined;
}

/**
 * The table to enforce: weight = base x override % x load % x ramp %, rounded, where the base is the file's weight or the one an
 * operator set. A server that is up, and whose base and override are not 0, has at least 1. A drain makes it 0, and takes the
 * server out once it is to be removed; so does a verdict. Nothing is added to what the table has but stand-ins, for which
 * overrides hold too, and nothing else of it changes. The section `health` is not in it.
 */
export function effective(desired: DesiredTable, wishes: Wishes): NormalDesiredTable {
  // What is to be checked is not part of what is enforced: its stand-ins are real servers of the service here.
  const { health: _, ...table } = parseDesiredTable(desired);
  const { services } = table;
  const join = joiner(wishes);
  if (services === undefined || join === undefined) return table;
  return { ...table, services: services.map((entry) => joined(withStandIns(entry, wishes), join)) };
}

function withStandIns(entry: NormalDesiredService, { standIns }: Wishes): NormalDesiredService {
  const { service, destinations } = entry;
  const given = standIns?.get(formatServiceKey(service)) ?? [];
  if (given.length === 0) return entry;
  const added = new Map(
    given.map((each) => parseDestination(service, each)).map((each) => [formatDestinationKey(each), each]),
  );
  const own = destinations.map((destination) => {
    const name = formatDestinationKey(destination);
    const { weight } = added.get(name) ?? destination;
    added.delete(name);
    return destination.weight === 0 && weight > 0 ? makeDestination({ ...destination, weight }) : destination;
  });
  return { service, destinations: [...own, ...added.values()] };
}

/** What becomes of one destination; undefined: it is not to be there. */
type Join = (service: ServiceKey, destination: NormalDestination) => NormalDestination | undefined;

/** Undefined where nobody wants anything: then a large table need not be gone through. */
function joiner({ overrides = [], verdicts, standIns, load, ramps }: Wishes): Join | undefined {
  if (overrides.length + sizeOf(verdicts) + sizeOf(standIns) + sizeOf(load) + sizeOf(ramps) === 0) return undefined;
  const { drains, weights } = byServer(overrides);
  return (service, destination) => {
    const name = serverName(service, destination);
    const drained = drains.get(name);
    const verdict = verdicts?.get(name);
    // A drain that is under way looks after its server, which also a verdict leaves there for its connections.
    if (drained === undefined ? verdict === 'remove' : isRemoval(drained)) return undefined;
    const weight =
      drained !== undefined || verdict === 'quiesce'
        ? 0
        : share(baseOf(destination.weight, weights.get(name)), load?.get(name), ramps?.get(name));
    return weight === destination.weight ? destination : makeDestination({ ...destination, weight });
  };
}

function byServer(overrides: readonly Override[]): {
  readonly drains: ReadonlyMap<ServerName, Override>;
  readonly weights: ReadonlyMap<ServerName, WeightOverride>;
} {
  const drains = new Map<ServerName, Override>();
  const weights = new Map<ServerName, WeightOverride>();
  for (const override of overrides) {
    const name = serverName(override.service, override.destination);
    if (override.kind === 'drain') drains.set(name, override);
    else weights.set(name, override);
  }
  return { drains, weights };
}

/** The weights that operators give some servers, each in the place of the one that the file says; a drain is 0. */
export function operatorWeights(overrides: readonly Override[]): (name: ServerName, weight: number) => number {
  const { drains, weights } = byServer(overrides);
  return (name, weight) => (drains.has(name) ? 0 : baseOf(weight, weights.get(name)));
}

function joined(entry: NormalDesiredService, join: Join): NormalDesiredService {
  const { service, destinations } = entry;
  const changed = destinations.flatMap((destination) => join(service, destination) ?? []);
  const same = changed.length === destinations.length && changed.every((each, index) => each === destinations[index]);
  return same ? entry : { service, destinations: changed };
}

/** An operator's 0 is 0; any other share of a weight is at least 1. */
function baseOf(weight: number, override: WeightOverride | undefined): number {
  const base = override?.weight ?? weight;
  const percent = override?.percent ?? 100;
  return percent === 0 ? 0 : share(base, percent);
}

function share(weight: number, ...percents: (number | undefined)[]): number {
  if (weight === 0) return 0;
  const product = percents.reduce((left: number, percent = 100) => (left * percent) / 100, weight);
  return Math.min(Math.max(Math.round(product), 1), INT_MAX);
}

function sizeOf(map: ReadonlyMap<unknown, unknown> | undefined): number {
  return map?.size ?? 0;
}

/** The weight that an override gives a server whose weight is otherwise `base`. */
export function overriddenWeight(base: number, override: Override): number {
  return override.kind === 'drain' ? 0 : baseOf(base, override);
}
