/**
 * How the real servers of a service are checked, and what follows when one fails.
 * @module
 */
import type { z } from 'zod';
import { familyOf } from '../address/ip.js';
import { InvalidArgumentError, type Issue } from '../errors.js';
import { type Check, callsNobody, checkSchema, type NormalCheck } from './check.js';
import { isLinkLocal } from './checks/base.js';
import {
  type Destination,
  type DestinationKey,
  formatDestinationKey,
  type NormalDestination,
  parseDestination,
  parseDestinationKey,
} from './destination.js';
import { asObject, issuesOf, joinPath, readList } from './fields.js';
import { integer, lazy, parse } from './parse.js';
import { TRUTH } from './rules.js';
import { formatServiceKey, parseServiceKey, type ServiceKey, type ServiceKeyText } from './service-key.js';

/** What happens to a real server that is down. */
export interface OnFailure {
  /** Whether it has weight 0 until it is removed: its connections go on meanwhile. Default true. */
  readonly quiesce?: boolean | undefined;
  /**
   * Milliseconds from the verdict until it is removed from the table, 0 to 86400000, or `never`. Default 30000. 0 is what
   * keepalived, ldirectord and Piranha do; `never` is keepalived's `inhibit_on_failure`.
   */
  readonly removeAfter?: number | 'never' | undefined;
}

/** How much of a service must be up. */
export interface Quorum {
  /** The weights of its servers that are up add up to this at least, 1 to 2147483647; or percent of all weights: `'50%'`. */
  readonly up: number | `${number}%`;
  /**
   * The quorum is lost at this much less, and had again at this much more: weight, or percent, 0 to 2147483647. Default 0.
   * keepalived's `hysteresis`.
   */
  readonly hysteresis?: number | undefined;
}

/** What is checked of a service, and what follows. */
export interface ServiceHealth {
  readonly service: ServiceKey | ServiceKeyText;
  /** Of every real server, backups too, that has no checks of its own. A server is up while all its checks pass. */
  readonly checks: readonly Check[];
  /** Real servers, or backups, with checks of their own; an empty list: never checked. */
  readonly servers?: readonly (DestinationKey & { readonly checks: readonly Check[] })[] | undefined;
  readonly onFailure?: OnFailure | undefined;
  /** Less than this brings in the backups. Default: weight 1, any server. */
  readonly quorum?: Quorum | undefined;
  /** Real servers that serve, checked, while the quorum is lost. */
  readonly backups?: readonly Destination[] | undefined;
  /** Serves, unchecked, while neither the service's servers nor its backups have the quorum. */
  readonly sorry?: Destination | undefined;
  /**
   * Whether servers keep their weight when all of them, and all backups, are down, and there is no sorry server. Default false.
   */
  readonly failOpen?: boolean | undefined;
  /**
   * Milliseconds in which a server that comes back is given its weight, in ten steps, 0 to 3600000. Default 0: at once. Not at
   * start, and not for sh, mh and dh, where each step moves clients.
   */
  readonly ramp?: number | undefined;
}

/** {@link ServiceHealth}, checked and in its one form. */
export interface NormalServiceHealth {
  readonly service: ServiceKey;
  readonly checks: readonly NormalCheck[];
  readonly servers: readonly {
    readonly address: string;
    readonly port: number;
    readonly checks: readonly NormalCheck[];
  }[];
  readonly onFailure: { readonly quiesce: boolean; readonly removeAfter: number | 'never' };
  readonly quorum: { readonly up: number | `${number}%`; readonly hysteresis: number };
  readonly backups: readonly NormalDestination[];
  readonly sorry?: NormalDestination;
  readonly failOpen: boolean;
  readonly ramp: number;
}

/** Milliseconds: a day. */
const DAY = 86_400_000;
const INT_MAX = 0x7fffffff;

/** What {@link OnFailure} may hold. */
export const onFailureSchema = lazy((z) =>
  z.strictObject({
    quiesce: TRUTH.schema().default(true),
    removeAfter: z
      .union([integer(0, DAY), z.literal('never')], { error: `must be never, or 0 to ${DAY} milliseconds` })
      .default(30_000),
  }),
);

/** What {@link Quorum} may hold. */
export const quorumSchema = lazy((z) => {
  const error = `must be a weight from 1 to ${INT_MAX}, or 1% to 100%`;
  const percent = z.string().regex(/^(100|[1-9]\d?)%$/) as unknown as z.ZodType<`${number}%`>;
  return z.strictObject({
    up: z.union([integer(1, INT_MAX), percent], { error }).describe('A sum of weights, or a share of all: 50%'),
    hysteresis: integer(0, INT_MAX)
      .default(0)
      .describe('Lost at this much less, had again at this much more. Default 0'),
  });
});

const healthSchema = lazy((z) =>
  z.strictObject({
    service: z.unknown(),
    checks: z.array(checkSchema()),
    servers: z.array(z.looseObject({ checks: z.array(checkSchema()) })).default([]),
    onFailure: onFailureSchema().prefault({}),
    quorum: quorumSchema().prefault({ up: 1 }),
    backups: z.array(z.unknown()).default([]),
    sorry: z.unknown().optional(),
    failOpen: TRUTH.schema().default(false),
    ramp: integer(0, 3_600_000, ' milliseconds').default(0),
  }),
);

/** What {@link parseHealth} gave: a table is checked at several doors, and may have thousands of services. */
const CHECKED = new WeakSet<object>();

/**
 * Checks what is to be checked of some services, whole. Throws {@link InvalidArgumentError} with the path of everything that is
 * wrong: `[0].checks[1].port`.
 */
export function parseHealth(input: readonly ServiceHealth[]): readonly NormalServiceHealth[] {
  if (CHECKED.has(input)) return input as readonly NormalServiceHealth[];
  const all = readList('health', input, (item) => parseServiceHealth(item as ServiceHealth));
  const seen = new Set<string>();
  const issues = all.flatMap(({ service }, index): Issue[] => {
    const name = formatServiceKey(service);
    if (seen.has(name)) return [{ path: `[${index}].service`, message: `${name} is there twice` }];
    seen.add(name);
    return [];
  });
  if (issues.length > 0) throw new InvalidArgumentError('health', issues);
  CHECKED.add(all);
  return Object.freeze(all);
}

function parseServiceHealth(input: ServiceHealth): NormalServiceHealth {
  const checked = parse(healthSchema, 'health', asObject('health', input));
  const { checks, onFailure, quorum, failOpen, ramp } = checked;
  const issues: Issue[] = [];
  const service = attempt('service', issues, () => parseServiceKey(input.service));
  if (service === undefined) throw new InvalidArgumentError('health', issues);
  const servers = checked.servers.flatMap(({ checks: own, ...key }, index) => {
    const server = attempt(`servers[${index}]`, issues, () =>
      parseDestinationKey(service, key as unknown as DestinationKey),
    );
    return server === undefined ? [] : [{ ...server, checks: own }];
  });
  const read = (path: string, each: unknown) =>
    attempt(path, issues, () => parseDestination(service, each as Destination));
  const backups = checked.backups.flatMap((each, index) => read(`backups[${index}]`, each) ?? []);
  const sorry = checked.sorry === undefined ? undefined : read('sorry', checked.sorry);
  refuseTwice(backups, sorry, issues);
  const own = new Map(servers.map((server) => [formatDestinationKey(server), server.checks]));
  for (const [index, server] of servers.entries())
    issues.push(...unreachable(`servers[${index}]`, server, server.checks));
  for (const [index, backup] of backups.entries()) {
    if (own.has(formatDestinationKey(backup))) continue;
    issues.push(...unreachable(`backups[${index}]`, backup, checks));
  }
  if (issues.length > 0) throw new InvalidArgumentError('health', issues);
  return { service, checks, servers, onFailure, quorum, backups, ...(sorry && { sorry }), failOpen, ramp };
}

/**
 * Checks of a server that can never be made: from an address of another family than it has, or of a server whose address means
 * something on one device only.
 */
export function unreachable(
  path: string,
  server: { readonly address: string },
  checks: readonly NormalCheck[],
): Issue[] {
  return checks.flatMap((check): Issue[] => {
    const { type, address = server.address, source } = check;
    if (callsNobody(check)) return [];
    if (isLinkLocal(address)) {
      return [{ path, message: `the check ${type} cannot go to ${address}, a link-local address: give it an address` }];
    }
    if (source === undefined || familyOf(source) === familyOf(address)) return [];
    return [
      { path, message: `the check ${type} cannot go from ${source} to ${address}, which is of the other family` },
    ];
  });
}

/** What a check of the model refuses is gathered, under the path of the part. */
function attempt<T>(path: string, issues: Issue[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    for (const issue of issuesOf(error)) issues.push({ ...issue, path: joinPath(path, issue.path) });
    return undefined;
  }
}

function refuseTwice(
  backups: readonly NormalDestination[],
  sorry: NormalDestination | undefined,
  issues: Issue[],
): void {
  const names = backups.map(formatDestinationKey);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index) issues.push({ path: `backups[${index}]`, message: `${name} is a backup already` });
  }
  const name = sorry && formatDestinationKey(sorry);
  if (name !== undefined && names.includes(name))
    issues.push({ path: 'sorry', message: `${name} is a backup already` });
}
