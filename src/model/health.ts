/**
 * How the real servers of a service are checked, and what follows when one fails.
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
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
import {
  type NormalServerNotify,
  type NormalServiceNotify,
  type ServerNotify,
  type ServiceNotify,
  serverNotifySchema,
  serviceNotifySchema,
} from './hook.js';
import { integer, lazy, parse, withoutUndefined } from './parse.js';
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
  /**
   * Whether its connections are ended when it is removed, or, where that is `never`, when it is down: their clients learn it at once
   * and come back to another server. Default false: their packets are dropped once it is removed. `keep` does it, see
   * `TableAccess.endConnections`.
   */
  readonly endConnections?: boolean | undefined;
}

/** {@link OnFailure}, with its defaults filled in. */
export type NormalOnFailure = { readonly [Field in keyof OnFailure]-?: Exclude<OnFailure[Field], undefined> };

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
  /** Real servers, or backups, with settings of their own. */
  readonly servers?: readonly ServerHealth[] | undefined;
  readonly onFailure?: OnFailure | undefined;
  /** Less than this brings in the backups. Default: weight 1, any server. */
  readonly quorum?: Quorum | undefined;
  /** Real servers that serve, checked, while the quorum is lost. */
  readonly backups?: readonly Destination[] | undefined;
  /**
   * Serves, unchecked, while neither the service's servers nor its backups have the quorum. It may be one of the service's servers
   * with weight 0, and stays in the table then, so that its connections go on: keepalived's `sorry_server_inhibit`.
   */
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
  /** Who is told of changes. Default: nobody. */
  readonly notify?: ServiceNotify | undefined;
}

/** What one real server, or backup, has otherwise than its service. */
export type ServerHealth = DestinationKey & {
  /** In the place of the service's; an empty list: never checked. */
  readonly checks?: readonly Check[] | undefined;
  /** What it says comes before what the service says, field by field. */
  readonly onFailure?: OnFailure | undefined;
  /** The same. */
  readonly notify?: ServerNotify | undefined;
};

/** {@link ServerHealth}, checked and in its one form. */
export interface NormalServerHealth {
  readonly address: string;
  readonly port: number;
  /** Its own, or those of its service. */
  readonly checks: readonly NormalCheck[];
  /** Absent: that of its service. */
  readonly onFailure?: NormalOnFailure;
  /** In the place of the service's, hook by hook. */
  readonly notify?: NormalServerNotify;
}

/** {@link ServiceHealth}, checked and in its one form. */
export interface NormalServiceHealth {
  readonly service: ServiceKey;
  readonly checks: readonly NormalCheck[];
  readonly servers: readonly NormalServerHealth[];
  readonly onFailure: NormalOnFailure;
  readonly quorum: { readonly up: number | `${number}%`; readonly hysteresis: number };
  readonly backups: readonly NormalDestination[];
  readonly sorry?: NormalDestination;
  readonly failOpen: boolean;
  readonly ramp: number;
  /** Absent: nobody is told. */
  readonly notify?: NormalServiceNotify;
}

/** Milliseconds: a day. */
const DAY = 86_400_000;
const INT_MAX = 0x7fffffff;

/** What {@link OnFailure} may hold. */
const onFailureSchema = lazy((z) =>
  z.strictObject({
    quiesce: TRUTH.schema().optional(),
    removeAfter: z
      .union([integer(0, DAY), z.literal('never')], { error: `must be never, or 0 to ${DAY} milliseconds` })
      .optional(),
    endConnections: TRUTH.schema().optional(),
  }),
);

const ON_FAILURE: NormalOnFailure = { quiesce: true, removeAfter: 30_000, endConnections: false };

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
    servers: z
      .array(
        z.looseObject({
          checks: z.array(checkSchema()).optional(),
          onFailure: onFailureSchema().optional(),
          notify: serverNotifySchema().optional(),
        }),
      )
      .default([]),
    onFailure: onFailureSchema().default({}),
    quorum: quorumSchema().prefault({ up: 1 }),
    backups: z.array(z.unknown()).default([]),
    sorry: z.unknown().optional(),
    failOpen: TRUTH.schema().default(false),
    ramp: integer(0, 3_600_000, ' milliseconds').default(0),
    notify: serviceNotifySchema().optional(),
  }),
);

/** Whether a real server of the table is the sorry server, which stands there with weight 0. */
export function isSorry({ sorry }: NormalServiceHealth, server: NormalDestination): boolean {
  return sorry !== undefined && server.weight === 0 && formatDestinationKey(server) === formatDestinationKey(sorry);
}

/** What happens to each real server of a service, or backup, that is down. */
export function onFailureOf({
  servers,
  onFailure,
}: NormalServiceHealth): (server: { readonly address: string; readonly port: number }) => NormalOnFailure {
  const own = new Map(
    servers.flatMap((each) => (each.onFailure ? [[formatDestinationKey(each), each.onFailure]] : [])),
  );
  return own.size === 0 ? () => onFailure : (server) => own.get(formatDestinationKey(server)) ?? onFailure;
}

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
  const { checks, quorum, failOpen, ramp, notify } = checked;
  const onFailure = { ...ON_FAILURE, ...withoutUndefined(checked.onFailure) };
  const issues: Issue[] = [];
  const service = attempt('service', issues, () => parseServiceKey(input.service));
  if (service === undefined) throw new InvalidArgumentError('health', issues);
  const servers = checked.servers.flatMap(({ checks: own = checks, onFailure: fails, notify: told, ...key }, index) => {
    const server = attempt(`servers[${index}]`, issues, () =>
      parseDestinationKey(service, key as unknown as DestinationKey),
    );
    return server === undefined ? [] : [{ ...server, checks: own, ...ownSettings(onFailure, fails, told) }];
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
  const told = hasFields(notify) && { notify };
  return { service, checks, servers, onFailure, quorum, backups, ...(sorry && { sorry }), failOpen, ramp, ...told };
}

/** What a server has otherwise than its service; nothing that is the same anyway. */
function ownSettings(
  usual: NormalOnFailure,
  onFailure: OnFailure | undefined,
  notify: NormalServerNotify | undefined,
): Pick<NormalServerHealth, 'onFailure' | 'notify'> {
  const whole = { ...usual, ...withoutUndefined(onFailure ?? {}) };
  return {
    ...(!isDeepStrictEqual(whole, usual) && { onFailure: whole }),
    ...(hasFields(notify) && { notify }),
  };
}

function hasFields<Fields extends object>(fields: Fields | undefined): fields is Fields {
  return fields !== undefined && Object.keys(fields).length > 0;
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
