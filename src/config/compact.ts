/**
 * Services written short: what many have becomes a default, what all destinations of a service have stands at the
 * service, and real servers that several services share become a pool.
 * @module
 */
import { formatEndpoint } from '../address/endpoint.js';
import type { NormalDesiredService } from '../model/desired.js';
import type { NormalDestination } from '../model/destination.js';
import type { NormalServiceHealth } from '../model/health.js';
import { withoutUndefined } from '../model/parse.js';
import { DEFAULT_SCHEDULER, type NormalService } from '../model/service.js';
import { familyOfKey, formatServiceKey } from '../model/service-key.js';
import { healthFields, ownFields } from './write-health.js';

/** The sections that services are written in; those of nothing are absent. */
export interface ServiceSections {
  readonly defaults?: object;
  readonly pools?: Readonly<Record<string, readonly Item[]>>;
  readonly services: readonly object[];
}

/** A destination as written. */
type Item = string | object;

/** Fields by name, as they are written. */
type Fields = Readonly<Record<string, unknown>>;

/** What a field is where nothing says otherwise. */
const BUILT_IN = {
  scheduling: { scheduler: DEFAULT_SCHEDULER },
  persistence: false,
  forward: 'dr',
  tunnel: { type: 'ipip' },
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
};
type Inherited = Readonly<Record<keyof typeof BUILT_IN, unknown>>;

/** The sections for some services, in their order, with their checks. */
export function compactServices(
  services: readonly NormalDesiredService[],
  health: readonly NormalServiceHealth[] = [],
): ServiceSections {
  const checked = new Map(health.map((each) => [formatServiceKey(each.service), each]));
  const inherited = inheritedOf(services);
  const { scheduling, ...others } = differing(inherited, BUILT_IN);
  const defaults = { ...(typeof scheduling === 'object' && scheduling), ...others };
  const entries = services.map((entry) => entryOf(entry, inherited, checked.get(formatServiceKey(entry.service))));
  const pools = poolsOf(entries.map(({ items }) => items));
  return {
    ...(Object.keys(defaults).length > 0 && { defaults }),
    ...(pools.size > 0 && {
      pools: Object.fromEntries([...pools.values()].map(({ name, items }) => [name, items] as const)),
    }),
    services: entries.map(({ fields, items }) => {
      const pool = pools.get(textOf(items))?.name;
      if (pool !== undefined) return { ...fields, pool };
      return items.length > 0 ? { ...fields, destinations: items } : fields;
    }),
  };
}

/** For each field the value that saves the most lines. */
function inheritedOf(services: readonly NormalDesiredService[]): Inherited {
  const settings = services.map(({ service }) => serviceFields(service));
  const destinations = services.flatMap((service) => service.destinations.map(destinationFields));
  const fields = [...settings, ...destinations];
  const names = Object.keys(BUILT_IN) as (keyof typeof BUILT_IN)[];
  const chosen = names.map((name) => {
    const values = fields.map((field) => field[name]).filter((value) => value !== undefined);
    return [name, worthwhile(values, BUILT_IN[name])] as const;
  });
  return { ...BUILT_IN, ...Object.fromEntries(chosen) };
}

/** The most common value, if a line for it saves more lines than it costs. */
function worthwhile(values: readonly unknown[], builtIn: unknown): unknown {
  const counts = new Map<string, { value: unknown; count: number }>();
  for (const value of values) {
    const text = textOf(value);
    counts.set(text, { value, count: (counts.get(text)?.count ?? 0) + 1 });
  }
  const usual = counts.get(textOf(builtIn))?.count ?? 0;
  const [best] = [...counts.values()].sort((a, b) => b.count - a.count);
  return best !== undefined && best.count > usual + 1 ? best.value : builtIn;
}

/** What is inherited by a service itself. */
function serviceFields({ scheduler, schedulerFlags, persistence, ...key }: NormalService): Fields {
  const whole = familyOfKey(key) === 'ipv6' ? 128 : 32;
  const alone = persistence?.netmask === whole ? persistence.timeout : persistence;
  return { scheduling: withoutUndefined({ scheduler, schedulerFlags }), persistence: alone ?? false };
}

/** What is inherited by a destination, its port apart; `tunnel` of tun alone. */
function destinationFields({ forward, tunnel, weight, ...limits }: NormalDestination): Fields {
  const { upperThreshold = 0, lowerThreshold = 0 } = limits;
  return withoutUndefined({ forward, tunnel, weight, upperThreshold, lowerThreshold });
}

/** A service as written, and its destinations, which are the same for services that can share them. */
function entryOf(
  { service, destinations }: NormalDesiredService,
  inherited: Inherited,
  health: NormalServiceHealth | undefined,
) {
  const { scheduling, ...settings } = differing(serviceFields(service), inherited);
  const shared = sharedFields(destinations);
  const destinationPort = sharedPort(service, destinations);
  const port = destinationPort ?? ('port' in service ? service.port : 0);
  const write = (destination: NormalDestination) =>
    itemOf(destination, port, { ...inherited, ...shared }, ownFields(health, destination));
  const fields: Fields = withoutUndefined({
    service: formatServiceKey(service),
    ...(typeof scheduling === 'object' && scheduling),
    ...settings,
    onePacket: service.onePacket,
    persistenceEngine: service.persistenceEngine,
    ...differing(shared, inherited),
    destinationPort,
    ...healthFields(health, write),
  });
  return { fields, items: destinations.map(write) };
}

/**
 * Fields that all destinations have alike. One destination has nothing to share but the way that packets take to it.
 */
function sharedFields(destinations: readonly NormalDestination[]): Fields {
  const [first, ...others] = destinations.map(destinationFields);
  const alike = Object.entries(first ?? {}).filter(
    ([name, value]) => others.every((other) => isSame(other[name], value)) && (others.length > 0 || WAY.has(name)),
  );
  return Object.fromEntries(alike);
}

const WAY: ReadonlySet<string> = new Set(['forward', 'tunnel']);

/** The port of all destinations, where it is not the service's. Only nat inherits a port. */
function sharedPort(service: NormalService, destinations: readonly NormalDestination[]): number | undefined {
  const [first, ...others] = destinations;
  const usual = 'port' in service ? service.port : 0;
  if (first === undefined || others.length === 0 || first.port === usual || first.port === 0) return undefined;
  return destinations.every(({ forward, port }) => forward === 'nat' && port === first.port) ? first.port : undefined;
}

function itemOf(destination: NormalDestination, usualPort: number, inherited: Inherited, own: Fields): Item {
  const { address, port } = destination;
  const fields = { ...differing(destinationFields(destination), inherited), ...own };
  if (Object.keys(fields).length > 0) return { address, ...(port !== usualPort && { port }), ...fields };
  return port === usualPort ? address : formatEndpoint(address, port);
}

/** Two real servers or more that serve two services or more, by what they are written as. */
function poolsOf(lists: readonly (readonly Item[])[]): Map<string, { name: string; items: readonly Item[] }> {
  const counts = new Map<string, number>();
  const candidates = lists.filter((items) => items.length > 1);
  for (const items of candidates) counts.set(textOf(items), (counts.get(textOf(items)) ?? 0) + 1);
  const shared = new Map(candidates.map((items) => [textOf(items), items] as const));
  const pools = [...shared].filter(([text]) => (counts.get(text) ?? 0) > 1);
  return new Map(pools.map(([text, items], index) => [text, { name: `pool-${index + 1}`, items }]));
}

/** The fields that have another value than they would inherit. */
function differing(fields: Fields, inherited: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => !isSame(value, inherited[name])));
}

function isSame(one: unknown, other: unknown): boolean {
  return textOf(one) === textOf(other);
}

function textOf(value: unknown): string {
  return JSON.stringify(value) ?? '';
}
