/**
 * One change of a director's state, as a value: what a program asks for, what a line of rules says, what the kernel is
 * told.
 * @module
 */
import { InvalidArgumentError, type Issue } from '../errors.js';
import {
  type Destination,
  type DestinationKey,
  formatDestinationKey,
  type NormalDestination,
  parseDestinationKey,
  readDestination,
  type Tunnel,
} from './destination.js';
import { asObject, Fields, joinPath } from './fields.js';
import { oneWordOf } from './rules.js';
import {
  type NormalService,
  readService,
  type Scheduler,
  type Service,
  type ServiceFields,
  type ServiceSetting,
  type ServiceSettings,
} from './service.js';
import {
  formatServiceKey,
  type NormalServiceKey,
  parseServiceKey,
  type ServiceKey,
  type ServiceKeyText,
} from './service-key.js';
import {
  type DaemonRole,
  type NormalSyncDaemon,
  parseDaemonRole,
  parseSyncDaemon,
  type SyncDaemon,
} from './sync-daemon.js';
import { parseTimeouts, type Timeouts, type TimeoutsChange } from './timeouts.js';

/** New settings of a service, the whole of them: what is left out goes back to its default, so that the scheduler must be said. */
export type ServiceUpdate = ServiceSetting & { readonly scheduler: Scheduler };

/** New settings of a destination, the whole of them: what is left out goes back to its default, so that `forward` must be said. */
export type DestinationUpdate = Destination & { readonly forward: NonNullable<Destination['forward']> };

/** Fields of a service to change; the others stay. */
export type ServicePatch = Partial<ServiceSettings>;

/** Fields of a real server to change; the others stay. A tunnel stays with `forward: 'tun'` only. */
export interface DestinationPatch {
  /** 0 to 2147483647. */
  readonly weight?: number | undefined;
  readonly forward?: 'nat' | 'dr' | 'tun' | undefined;
  readonly tunnel?: Tunnel | undefined;
  /** Connections, 0 to 4294967295; 0 for none. */
  readonly upperThreshold?: number | undefined;
  /** Connections, 0 to 4294967295; 0 for none. */
  readonly lowerThreshold?: number | undefined;
}

/** A change as a program writes it. */
export type Change =
  | { readonly verb: 'add-service'; readonly service: Service | ServiceFields }
  | { readonly verb: 'update-service'; readonly service: ServiceUpdate }
  | { readonly verb: 'delete-service'; readonly key: ServiceKey | ServiceKeyText }
  | {
      readonly verb: 'add-destination';
      readonly key: ServiceKey | ServiceKeyText;
      readonly destination: Destination;
    }
  | {
      readonly verb: 'update-destination';
      readonly key: ServiceKey | ServiceKeyText;
      readonly destination: DestinationUpdate;
    }
  | {
      readonly verb: 'delete-destination';
      readonly key: ServiceKey | ServiceKeyText;
      readonly destination: DestinationKey;
    }
  /** Deletes every service. */
  | { readonly verb: 'flush' }
  /** Without a key: all counters and the totals. */
  | { readonly verb: 'zero'; readonly key?: ServiceKey | ServiceKeyText | undefined }
  /** What is absent or 0 stays as it is. */
  | { readonly verb: 'set-timeouts'; readonly timeouts: TimeoutsChange }
  | { readonly verb: 'start-daemon'; readonly daemon: SyncDaemon }
  | { readonly verb: 'stop-daemon'; readonly role: DaemonRole };

/** A change whose values are checked, and in their one form. */
export type NormalChange =
  | { readonly verb: 'add-service' | 'update-service'; readonly service: NormalService }
  | { readonly verb: 'delete-service'; readonly key: NormalServiceKey }
  | {
      readonly verb: 'add-destination' | 'update-destination';
      readonly key: NormalServiceKey;
      readonly destination: NormalDestination;
    }
  | {
      readonly verb: 'delete-destination';
      readonly key: NormalServiceKey;
      readonly destination: { readonly address: string; readonly port: number };
    }
  | { readonly verb: 'flush' }
  | { readonly verb: 'zero'; readonly key?: NormalServiceKey }
  | { readonly verb: 'set-timeouts'; readonly timeouts: Partial<Timeouts> }
  | { readonly verb: 'start-daemon'; readonly daemon: NormalSyncDaemon }
  | { readonly verb: 'stop-daemon'; readonly role: DaemonRole };

const FIELDS = {
  'add-service': new Set(['verb', 'service']),
  'update-service': new Set(['verb', 'service']),
  'delete-service': new Set(['verb', 'key']),
  'add-destination': new Set(['verb', 'key', 'destination']),
  'update-destination': new Set(['verb', 'key', 'destination']),
  'delete-destination': new Set(['verb', 'key', 'destination']),
  flush: new Set(['verb']),
  zero: new Set(['verb', 'key']),
  'set-timeouts': new Set(['verb', 'timeouts']),
  'start-daemon': new Set(['verb', 'daemon']),
  'stop-daemon': new Set(['verb', 'role']),
} as const satisfies Readonly<Record<Change['verb'], ReadonlySet<string>>>;

const VERB = oneWordOf(...(Object.keys(FIELDS) as [Change['verb'], ...Change['verb'][]]));

/**
 * Checks a change and puts its values into their one form. What an update does not change may be as only a kernel has it: see
 * `Ipvs.apply`, which knows the kernel; here it is refused.
 * Throws {@link InvalidArgumentError} with the path of every wrong field.
 */
export function parseChange(input: Change): NormalChange {
  const odd: Issue[] = [];
  const change = readChange(input, odd);
  if (odd.length > 0) throw new InvalidArgumentError('change', odd);
  return change;
}

/** As {@link parseChange}; what a kernel can hold and nobody should write is added to `odd`, by its path in the change. */
export function readChange(input: unknown, odd: Issue[]): NormalChange {
  const verb = VERB.read(asObject('change', input)['verb']);
  if (verb === undefined) {
    throw new InvalidArgumentError('change', [{ path: 'verb', message: VERB.problem(undefined) }]);
  }
  const fields = new Fields('change', input, FIELDS[verb]);
  const change = readParts(verb, fields, odd);
  fields.end();
  if (change === undefined) throw new Error(`${verb}: a part is missing, and nothing was said of it`);
  return change;
}

function readParts(verb: Change['verb'], fields: Fields, odd: Issue[]): NormalChange | undefined {
  switch (verb) {
    case 'add-service':
    case 'update-service': {
      const first = odd.length;
      const service = fields.requiredPart('service', (value) => readService(value, odd));
      placeUnder('service', odd, first);
      if (verb === 'update-service') needWhole(fields, 'service', 'scheduler');
      return service && { verb, service };
    }
    case 'add-destination':
    case 'update-destination': {
      const key = fields.requiredPart('key', readKey);
      const first = odd.length;
      const destination = key && fields.requiredPart('destination', (value) => readDestination(key, value, odd));
      placeUnder('destination', odd, first);
      if (verb === 'update-destination') needWhole(fields, 'destination', 'forward');
      return key && destination && { verb, key, destination };
    }
    case 'delete-destination': {
      const key = fields.requiredPart('key', readKey);
      const readName = (value: unknown) => key && parseDestinationKey(key, value as DestinationKey);
      const destination = fields.requiredPart('destination', readName);
      return key && destination && { verb, key, destination };
    }
    case 'delete-service': {
      const key = fields.requiredPart('key', readKey);
      return key && { verb, key };
    }
    case 'flush':
      return { verb };
    case 'zero': {
      const key = fields.part('key', readKey);
      return key === undefined ? { verb } : { verb, key };
    }
    case 'set-timeouts': {
      const timeouts = fields.requiredPart('timeouts', (value) => parseTimeouts(value as TimeoutsChange));
      return timeouts && { verb, timeouts };
    }
    case 'start-daemon': {
      const daemon = fields.requiredPart('daemon', (value) => parseSyncDaemon(value as SyncDaemon));
      return daemon && { verb, daemon };
    }
    case 'stop-daemon': {
      const role = fields.requiredPart('role', (value) => parseDaemonRole(value as DaemonRole));
      return role && { verb, role };
    }
  }
}

function readKey(value: unknown): NormalServiceKey {
  return parseServiceKey(value as ServiceKey | ServiceKeyText);
}

function placeUnder(path: string, odd: Issue[], first: number): void {
  for (let place = first; place < odd.length; place++) {
    const issue = odd[place];
    if (issue !== undefined) odd[place] = { ...issue, path: joinPath(path, issue.path) };
  }
}

/** Whoever writes an address and a weight means to change the weight, and would turn NAT into DR and drop the thresholds. */
function needWhole(fields: Fields, part: 'service' | 'destination', field: string): void {
  const value = fields.given(part);
  if (typeof value !== 'object' || value === null || (value as Record<string, unknown>)[field] !== undefined) return;
  const patch = part === 'service' ? 'patchService' : 'patchDestination';
  const message = `is required: an update is of the whole ${part}, and what it leaves out goes back to its default (${patch} changes some fields)`;
  fields.refuse(joinPath(part, field), message);
}

/** One of many changes that was not carried out. */
export interface ChangeFailure {
  /** Its place in the list, from 0. */
  readonly place: number;
  /** As it was given. */
  readonly change: Change;
  /** `KernelError` where the kernel refused it. */
  readonly error: Error;
}

/** What a change is about: `tcp://10.0.0.1:80`, `10.0.0.2:80 of tcp://10.0.0.1:80`; undefined for the whole table. */
export function objectOf(change: NormalChange): string | undefined {
  switch (change.verb) {
    case 'add-service':
    case 'update-service':
      return formatServiceKey(change.service);
    case 'delete-service':
      return formatServiceKey(change.key);
    case 'add-destination':
    case 'update-destination':
    case 'delete-destination':
      return `${formatDestinationKey(change.destination)} of ${formatServiceKey(change.key)}`;
    case 'zero':
      return change.key && formatServiceKey(change.key);
    case 'start-daemon':
      return `${change.daemon.role} on ${change.daemon.interface}`;
    case 'stop-daemon':
      return change.role;
    case 'flush':
    case 'set-timeouts':
      return undefined;
  }
}
