/**
 * What a director's table should be.
 * @module
 */
import { InvalidArgumentError, type Issue } from '../errors.js';
import { type Destination, formatDestinationKey, type NormalDestination, readDestination } from './destination.js';
import { asObject, Fields, joinPath, readList } from './fields.js';
import { isSorry, type NormalServiceHealth, parseHealth, type ServiceHealth, unreachable } from './health.js';
import { type NormalService, readService, type Service, type ServiceFields } from './service.js';
import { formatServiceKey } from './service-key.js';
import { type NormalSyncDaemon, parseSyncDaemon, type SyncDaemon } from './sync-daemon.js';
import { parseTimeouts, type Timeouts, type TimeoutsChange } from './timeouts.js';

/** A service that is wanted, with all its real servers. */
export interface DesiredService {
  readonly service: Service | ServiceFields;
  readonly destinations: readonly Destination[];
}

/**
 * What is wanted. A section that is absent says nothing about its subject, which stays as it is; an empty one says that there
 * is to be none.
 */
export interface DesiredTable {
  readonly services?: readonly DesiredService[] | undefined;
  /** The timeouts that matter, in seconds; the others stay. */
  readonly timeouts?: TimeoutsChange | undefined;
  /** Every sync daemon that is to run. What one leaves out is the kernel's default. */
  readonly daemons?: readonly SyncDaemon[] | undefined;
  /** How real servers are checked, and what follows. Only `keep` checks; whoever applies a table once passes this over. */
  readonly health?: readonly ServiceHealth[] | undefined;
}

/** A service that is wanted, checked and in its one form. */
export interface NormalDesiredService extends DesiredService {
  readonly service: NormalService;
  readonly destinations: readonly NormalDestination[];
}

/** What is wanted, checked and in its one form. */
export interface NormalDesiredTable extends DesiredTable {
  readonly services?: readonly NormalDesiredService[];
  readonly timeouts?: Partial<Timeouts>;
  readonly daemons?: readonly NormalSyncDaemon[];
  readonly health?: readonly NormalServiceHealth[];
}

/**
 * Checks a wanted table, whole: every value, and that nothing is wanted twice. Throws {@link InvalidArgumentError} with the path
 * of everything that is wrong: `services[0].destinations[1].weight`.
 */
export function parseDesiredTable(input: DesiredTable): NormalDesiredTable {
  const { table, odd } = readDesiredTable(input);
  if (odd.length > 0) throw new InvalidArgumentError('desired table', odd);
  return table;
}

/** Something that a kernel can hold and nobody should write: of a wanted service, or of one of its destinations. */
export interface OddWish extends Issue {
  readonly service: NormalService;
  readonly destination?: NormalDestination;
}

/** A director or a real server may be described beside the table. */
const TABLE_FIELDS: ReadonlySet<string> = new Set([
  'services',
  'timeouts',
  'daemons',
  'health',
  'director',
  'realServer',
]);
const SERVICE_FIELDS: ReadonlySet<string> = new Set(['service', 'destinations']);

/** As {@link parseDesiredTable}, but what a kernel can hold and nobody should write is told apart. */
export function readDesiredTable(input: unknown): {
  readonly table: NormalDesiredTable;
  readonly odd: readonly OddWish[];
} {
  const odd: OddWish[] = [];
  const fields = new Fields('desired table', input, TABLE_FIELDS);
  const services = fields.part('services', (list) =>
    readList('services', list, (item, place) => readDesiredService(item, `services[${place}]`, odd)),
  );
  const timeouts = fields.part('timeouts', readTimeouts);
  const daemons = fields.part('daemons', (list) =>
    readList('daemons', list, (item) => parseSyncDaemon(item as SyncDaemon)),
  );
  const health = fields.part('health', (list) => parseHealth(list as readonly ServiceHealth[]));
  for (const { path, message } of repetitions(services ?? [], daemons ?? [])) fields.refuse(path, message);
  for (const { path, message } of strangers(services ?? [], health ?? [])) fields.refuse(path, message);
  for (const { path, message } of unreachables(services ?? [], health ?? [])) fields.refuse(path, message);
  fields.end();
  const table = {
    ...(services !== undefined && { services }),
    ...(timeouts !== undefined && { timeouts }),
    ...(daemons !== undefined && { daemons }),
    ...(health !== undefined && { health }),
  };
  return { table, odd };
}

/** None of them wanted is nothing said. */
function readTimeouts(input: unknown): Partial<Timeouts> {
  return Object.keys(asObject('timeouts', input)).length === 0 ? {} : parseTimeouts(input as TimeoutsChange);
}

function readDesiredService(input: unknown, path: string, odd: OddWish[]): NormalDesiredService {
  const fields = new Fields('desired service', input, SERVICE_FIELDS);
  const issues: Issue[] = [];
  const service = fields.requiredPart('service', (value) => readService(value, issues));
  if (service === undefined) return wrong(fields);
  for (const issue of issues)
    odd.push({ path: joinPath(`${path}.service`, issue.path), message: issue.message, service });
  const destinations = fields.requiredPart('destinations', (list) =>
    readList('destinations', list, (item, place) => {
      const mine: Issue[] = [];
      const destination = readDestination(service, item, mine);
      const at = `${path}.destinations[${place}]`;
      for (const issue of mine)
        odd.push({ path: joinPath(at, issue.path), message: issue.message, service, destination });
      return destination;
    }),
  );
  fields.end();
  return { service, destinations: destinations ?? [] };
}

function wrong(fields: Fields): never {
  fields.end();
  throw new Error('a part is missing, and nothing was said of it');
}

/** What is wanted twice. */
function repetitions(services: readonly NormalDesiredService[], daemons: readonly NormalSyncDaemon[]): Issue[] {
  return [
    ...repeated('services', services, ({ service }) => formatServiceKey(service)),
    ...services.flatMap(({ destinations }, index) =>
      repeated(`services[${index}].destinations`, destinations, formatDestinationKey),
    ),
    ...repeated('daemons', daemons, ({ role }) => role),
  ];
}

/** Checks of services that are not wanted, and stand-ins that are real servers of the service already: a sorry server with a weight. */
function strangers(services: readonly NormalDesiredService[], health: readonly NormalServiceHealth[]): Issue[] {
  if (health.length === 0) return [];
  const servers = new Map(services.map(({ service, destinations }) => [formatServiceKey(service), destinations]));
  return health.flatMap((each, index): Issue[] => {
    const { service, backups, sorry } = each;
    const name = formatServiceKey(service);
    const there = servers.get(name);
    const own = there && new Set(there.filter((server) => !isSorry(each, server)).map(formatDestinationKey));
    if (own === undefined) return [{ path: `health[${index}].service`, message: `${name} is no wanted service` }];
    const standIns = [
      ...backups.map((backup, place) => ({ path: `backups[${place}]`, server: formatDestinationKey(backup) })),
      ...(sorry === undefined ? [] : [{ path: 'sorry', server: formatDestinationKey(sorry) }]),
    ];
    return standIns
      .filter(({ server }) => own.has(server))
      .map(({ path, server }) => ({
        path: `health[${index}].${path}`,
        message: `${server} is a real server of ${name} already`,
      }));
  });
}

/** Real servers that have the checks of their service, which cannot go there. */
function unreachables(services: readonly NormalDesiredService[], health: readonly NormalServiceHealth[]): Issue[] {
  if (health.length === 0) return [];
  const checked = new Map(health.map((each) => [formatServiceKey(each.service), each]));
  return services.flatMap(({ service, destinations }, index) => {
    const { checks = [], servers = [] } = checked.get(formatServiceKey(service)) ?? {};
    const own = new Set(servers.map(formatDestinationKey));
    return destinations.flatMap((destination, place) =>
      own.has(formatDestinationKey(destination))
        ? []
        : unreachable(`services[${index}].destinations[${place}]`, destination, checks),
    );
  });
}

function repeated<T>(path: string, values: readonly T[], nameOf: (value: T) => string): Issue[] {
  const first = new Map<string, number>();
  return values.flatMap((value, index) => {
    const name = nameOf(value);
    const earlier = first.get(name);
    first.set(name, earlier ?? index);
    return earlier === undefined
      ? []
      : [{ path: `${path}[${index}]`, message: `${name} is wanted twice (${earlier})` }];
  });
}
