/**
 * Giving a real server another weight than the file says, for as long as an operator wants, and giving it its own back.
 * @module
 */
import type { LockHolder } from '../errors.js';
import { userName } from '../linux/user.js';
import {
  type DestinationKey,
  formatDestinationKey,
  INT_MAX,
  type NormalDestination,
  parseDestinationKey,
} from '../model/destination.js';
import { integer, lazy, parse } from '../model/parse.js';
import { parseServiceKey, type ServiceKey, type ServiceKeyText } from '../model/service-key.js';
import type { TableAccess } from '../model/table-access.js';
import { overriddenWeight } from './intent.js';
import { keeperOf } from './keepers.js';
import { isRemoval, type Override, type WeightOverride } from './override.js';
import { Overrides } from './overrides.js';
import { wantedWeight } from './wanted-servers.js';

/** What {@link overrideWeight} takes. `weight` or `percent`, or both. */
export interface OverrideWeightOptions {
  /** Where overrides are, as `stateDirectory` gives it. */
  readonly directory: string;
  /** In the place of the weight that the file says, 0 to 2147483647. */
  readonly weight?: number | undefined;
  /** Percent of that weight, 0 to 1000. */
  readonly percent?: number | undefined;
  /** Milliseconds after which it ends by itself, 1 to 31536000000 (a year). Default: it stays until it is taken back. */
  readonly duration?: number | undefined;
  /** Who wants it; default: the user that runs the program. */
  readonly owner?: string | undefined;
  /** Why, in the owner's words, for whoever looks at the overrides. */
  readonly reason?: string | undefined;
}

/** What came of an override. */
export interface OverrideResult {
  /** `done`; `absent`, there is no such real server. */
  readonly outcome: 'done' | 'absent';
  /** The `keep` that carries it out; absent where none runs, and the weight was set here. */
  readonly keeper?: LockHolder | undefined;
}

const YEAR = 31_536_000_000;
const weightSchema = lazy((z) =>
  z
    .object({
      weight: integer(0, INT_MAX).optional(),
      percent: integer(0, 1000, ' percent').optional(),
      duration: integer(1, YEAR, ' milliseconds').optional(),
      owner: z.string().min(1).optional(),
      reason: z.string().optional(),
    })
    .refine(({ weight, percent }) => weight !== undefined || percent !== undefined, {
      path: ['weight'],
      error: 'is missing, and so is percent',
    }),
);

/**
 * Overrides the weight of a real server. Where a `keep` runs, it carries that out, and knows when the time is over; where none
 * runs, the weight is set here, and stays until it is given back.
 * @throws {InvalidArgumentError} for a key or an option that is none.
 * @throws {KernelError} if the kernel refuses.
 * @throws {UnavailableError} if the override can't be written.
 *
 * @example
 * ```ts
 * import { overrideWeight, stateDirectory } from 'ipvs-ts/reconcile';
 * const options = { percent: 50, reason: 'new disk', directory: stateDirectory() };
 * await overrideWeight(ipvs, 'tcp://192.0.2.1:80', { address: '10.0.0.11' }, options);
 * ```
 */
export async function overrideWeight(
  table: TableAccess,
  service: ServiceKey | ServiceKeyText,
  destination: DestinationKey,
  options: OverrideWeightOptions,
): Promise<OverrideResult> {
  const { weight, percent, duration, owner = userName(), reason } = parse(weightSchema, 'override', options);
  const key = parseServiceKey(service);
  const server = parseDestinationKey(key, destination);
  const overrides = new Overrides(options.directory);
  const found = await find(table, key, server);
  const drained = overrides.read('drain', key, server);
  // One that is not there, but that a keep wants, has it when it comes back.
  const wanted = found?.weight ?? drained?.before ?? wantedWeight(options.directory, key, server);
  if (wanted === undefined) return { outcome: 'absent' };
  const since = Date.now();
  const override = await overrides.update('weight', key, server, (earlier): WeightOverride => {
    const before = earlier?.before ?? drained?.before ?? wanted;
    const expires = duration === undefined ? {} : { expires: since + duration };
    return {
      ...{ version: 1, kind: 'weight', service: key, destination: server, before, owner, since, ...expires },
      ...{ weight, percent, reason },
    };
  });
  const keeper = keeperOf(options.directory, key);
  if (keeper === undefined && found !== undefined && drained === undefined && override !== undefined) {
    await setWeight(table, key, found, overriddenWeight(override.before, override));
  }
  return { outcome: 'done', keeper };
}

/** What {@link giveBack} did with an override. */
export interface GivenBack {
  readonly override: Override;
  /**
   * `given back`, the server has its weight; `left`, somebody else gave it another one; `gone`, it is not in the table; `keeper`,
   * a `keep` runs, and puts the server back as its file says.
   */
  readonly outcome: 'given back' | 'left' | 'gone' | 'keeper';
}

/** Which overrides. */
export interface GiveBackOptions {
  /** Where overrides are, as `stateDirectory` gives it. */
  readonly directory: string;
  /** Whether an override is meant; default all. */
  readonly which?: ((override: Override) => boolean) | undefined;
}

/**
 * Ends overrides, drains that are under way among them, and gives the servers their weights back.
 * @throws {KernelError} if the kernel refuses.
 * @throws {UnavailableError} if the overrides can't be read or written.
 */
export async function giveBack(
  table: TableAccess,
  { directory, which = () => true }: GiveBackOptions,
): Promise<GivenBack[]> {
  const overrides = new Overrides(directory);
  const ended: GivenBack[] = [];
  for (const override of overrides.list().filter(which)) {
    const { kind, service, destination } = override;
    await overrides.update(kind, service, destination, () => undefined);
    const kept = keeperOf(directory, service) !== undefined;
    ended.push({ override, outcome: kept ? 'keeper' : await undo(table, overrides, override) });
  }
  return ended;
}

async function undo(table: TableAccess, overrides: Overrides, override: Override): Promise<GivenBack['outcome']> {
  const { kind, service, destination, before } = override;
  const found = await find(table, service, destination);
  if (found === undefined || isRemoval(override)) return 'gone';
  if (found.weight !== overriddenWeight(before, override)) return 'left';
  // What remains of the two kinds is in force then.
  const other = overrides.read(kind === 'drain' ? 'weight' : 'drain', service, destination);
  await setWeight(table, service, found, other === undefined ? before : overriddenWeight(other.before, other));
  return 'given back';
}

async function find(
  table: TableAccess,
  key: ServiceKey,
  server: { readonly address: string; readonly port: number },
): Promise<NormalDestination | undefined> {
  const name = formatDestinationKey(server);
  const entries = await table.listDestinations(key);
  return entries.find(({ destination }) => formatDestinationKey(destination) === name)?.destination;
}

async function setWeight(
  table: TableAccess,
  key: ServiceKey,
  server: NormalDestination,
  weight: number,
): Promise<void> {
  if (server.weight === weight) return;
  await table.apply({ verb: 'update-destination', key, destination: { ...server, weight } });
}
