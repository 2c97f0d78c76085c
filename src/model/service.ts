/**
 * A virtual service: what the director listens for, and how it chooses among the real servers.
 * @module
 */
import { type Family, parseIPv4 } from '../address/ip.js';
import { describeMask } from '../address/network.js';
import { InvalidArgumentError, type Issue } from '../errors.js';
import { hideConstructor, type Unfinished } from './brand.js';
import { asObject, Fields, readList } from './fields.js';
import { nameOf, oneWordOf, type Rule, TRUTH, whole } from './rules.js';
import {
  CheckedKey,
  ENDPOINT_FIELDS,
  type EndpointKey,
  type FwmarkKey,
  familyOfKey,
  isBalanced,
  MARK_FIELDS,
  PROTOCOLS,
  type Protocol,
  readKeyFields,
  type ServiceKey,
} from './service-key.js';
import type { Stats } from './stats.js';
import { zod } from './zod.js';

/** Schedulers of the kernel (up to 7.2), each a module `ip_vs_<name>`; `none` is the kernel's word for no scheduler. */
export type Scheduler =
  | 'rr'
  | 'wrr'
  | 'lc'
  | 'wlc'
  | 'lblc'
  | 'lblcr'
  | 'dh'
  | 'sh'
  | 'sed'
  | 'nq'
  | 'fo'
  | 'ovf'
  | 'mh'
  | 'twos'
  | 'none'
  | (string & {});

/** What ipvsadm calls `-b`: three bits that mean what the scheduler makes of them; `sh` and `mh` name the first two. */
export const SCHEDULER_FLAGS = [
  'flag-1',
  'flag-2',
  'flag-3',
  'sh-fallback',
  'sh-port',
  'mh-fallback',
  'mh-port',
] as const;
/** A setting of a scheduler; each has those that bear its name, and `flag-1` to `flag-3` are the kernel's numbers. */
export type SchedulerFlag = (typeof SCHEDULER_FLAGS)[number];

/** ipvsadm's default scheduler. */
export const DEFAULT_SCHEDULER = 'wlc';
/** Seconds; what ipvsadm 1.31 sends for `-p` without a value (its manual says 300). */
export const DEFAULT_PERSISTENCE_TIMEOUT = 360;
/** Seconds in 31 days, ipvsadm's limit: a longer one could not be restored. The kernel lets what its ticks cannot count wrap around. */
export const MAX_PERSISTENCE_TIMEOUT = 31 * 24 * 60 * 60;

/** The name of a scheduler. */
export const SCHEDULER = nameOf<Scheduler>(15);
/** One scheduler flag. */
export const SCHEDULER_FLAG = oneWordOf(...SCHEDULER_FLAGS);
/** The name of a persistence engine. */
export const ENGINE = nameOf(16);
/** Seconds of persistence: what a kernel can hold (with HZ=100; the most of all). */
const PERSISTENCE_TIMEOUT = whole(0, 42_949_672, ' seconds');

/** Persistence as a program writes it. */
export interface Persistence {
  /** Seconds a client stays with its real server after its last connection: 1 to 2678400 (31 days), default 360. */
  readonly timeout?: number | undefined;
  /** Clients of one network count as one: a prefix length, or for IPv4 a dotted mask. Default: every address by itself. */
  readonly netmask?: number | string | undefined;
}

/** What a service has besides the fields that name it. */
export interface WrittenServiceSettings {
  /** Default `wlc`. */
  readonly scheduler?: Scheduler | undefined;
  /** What the scheduler knows by these names; none by default. */
  readonly schedulerFlags?: readonly SchedulerFlag[] | undefined;
  /** Each datagram is scheduled by itself and leaves no connection behind. UDP and fwmark only. Since Linux 2.6.36. */
  readonly onePacket?: boolean | undefined;
  /** Clients stay with their real server. Default: each connection is scheduled by itself. */
  readonly persistence?: Persistence | undefined;
  /** What besides the address tells clients apart: `sip`, the kernel's only engine, goes by the Call-ID. */
  readonly persistenceEngine?: string | undefined;
}

/** What names a new service by its address: one of a protocol that IPVS balances. */
export interface NewEndpoint extends EndpointKey {
  readonly protocol: Protocol;
}

/** What an update says of a service, new or as it was listed. */
export type ServiceSetting = ServiceKey & WrittenServiceSettings;

/** A virtual service as a program writes it. Wrong combinations do not compile. */
export type Service = (NewEndpoint | FwmarkKey) & WrittenServiceSettings;

/** Settings of a service in their one form: what has a value has it, what is off is absent. */
export interface ServiceSettings {
  readonly scheduler: Scheduler;
  readonly schedulerFlags?: readonly SchedulerFlag[];
  readonly onePacket?: true;
  readonly persistence?: {
    /** Seconds. Absent where /proc gave jiffies and the kernel's HZ is unknown. */
    readonly timeout?: number;
    /** A prefix length where the mask has one, else dotted (the kernel takes any IPv4 mask). */
    readonly netmask: number | string;
  };
  readonly persistenceEngine?: string;
}

/** Fields of a service in their one form. */
export type ServiceFields = ServiceKey & ServiceSettings;

/** The brand of a service that was checked or came from a kernel. */
export class CheckedService extends CheckedKey {
  readonly #checked = true;

  static override is(input: object): boolean {
    return #checked in input;
  }

  constructor(key: ServiceKey, settings: ServiceSettings) {
    super(key);
    const { scheduler, schedulerFlags, onePacket, persistence, persistenceEngine } = settings;
    (this as unknown as Unfinished)['scheduler'] = scheduler;
    if (schedulerFlags !== undefined && schedulerFlags.length > 0) {
      (this as unknown as Unfinished)['schedulerFlags'] = Object.freeze(schedulerFlags);
    }
    if (onePacket === true) (this as unknown as Unfinished)['onePacket'] = true;
    if (persistence !== undefined) (this as unknown as Unfinished)['persistence'] = Object.freeze(persistence);
    if (persistenceEngine !== undefined) (this as unknown as Unfinished)['persistenceEngine'] = persistenceEngine;
  }
}
hideConstructor(CheckedService);

/**
 * A service in its one form: equal services are deeply equal, what is off is absent. Only `parseService` and a kernel give one;
 * it is frozen, and a changed copy of it is a {@link Service}, which is checked again.
 */
export type NormalService = ServiceFields & CheckedService;

/** A service whose values are known to be right: of a kernel, or read by a grammar as strict. */
export function makeService(key: ServiceKey, settings: ServiceSettings): NormalService {
  return Object.freeze(new CheckedService(key, settings)) as NormalService;
}

/** A service as the kernel tells it. Never an input as a whole; its `service` is. */
export interface ServiceEntry {
  readonly service: NormalService;
  /** Absent in what was read from /proc/net/ip_vs, which does not know. */
  readonly stats?: Stats;
}

/**
 * Checks a service and fills in its defaults. One that was checked before, or was listed, comes back as it is.
 * Throws {@link InvalidArgumentError} with the path of every wrong field.
 *
 * @example
 * ```ts
 * import { parseService } from 'ipvs-ts';
 * parseService({ protocol: 'tcp', address: '192.0.2.1', port: 80 }).scheduler; // wlc
 * ```
 */
export function parseService(input: Service | ServiceFields): NormalService {
  const odd: Issue[] = [];
  const service = readService(input, odd);
  if (odd.length > 0) throw new InvalidArgumentError('service', odd);
  return service;
}

const PERSISTENCE_FIELDS: ReadonlySet<string> = new Set(['timeout', 'netmask']);

/**
 * As {@link parseService}, of all that a kernel can hold: what it can hold and nobody should write is added to `odd`. A service
 * that was checked before, or came from a kernel, is not odd.
 */
export function readService(input: unknown, odd: Issue[]): NormalService {
  if (typeof input === 'object' && input !== null && CheckedService.is(input)) return input as NormalService;
  const isMark = asObject('service', input)['protocol'] === 'fwmark';
  const fields = new Fields('service', input, isMark ? MARK_FIELDS : ENDPOINT_FIELDS);
  const key = readKeyFields(fields, isMark);
  const scheduler = fields.optional('scheduler', SCHEDULER) ?? DEFAULT_SCHEDULER;
  const flags = fields.part('schedulerFlags', (list) => readFlags(list, scheduler));
  const onePacket = fields.optional('onePacket', TRUTH);
  const family = familyOfKey(key);
  const persistence = fields.part('persistence', (value) => readPersistence(value, family));
  const persistenceEngine = fields.optional('persistenceEngine', ENGINE);
  fields.end();
  const service = makeService(key, {
    scheduler,
    ...(flags !== undefined && { schedulerFlags: flagsOfBits(scheduler, bitsOfFlags(flags)) }),
    ...(onePacket === true && { onePacket }),
    ...(persistence !== undefined && { persistence }),
    ...(persistenceEngine !== undefined && { persistenceEngine }),
  });
  addOddities(service, odd);
  return service;
}

/** What a kernel can hold (other programs make it) and nobody should write. */
export function addOddities(
  { onePacket, persistence, ...key }: ServiceKey & Partial<ServiceSettings>,
  odd: Issue[],
): void {
  const refuse = (path: string, message: string) => odd.push({ path, message });
  if (key.protocol !== 'fwmark') {
    if (!isBalanced(key.protocol)) refuse('protocol', `must be ${[...PROTOCOLS, 'fwmark'].join(', ')}`);
    if (key.port === 0 && persistence === undefined) {
      refuse('port', 'must be 1 to 65535 unless the service is persistent (0 stands for every port)');
    }
  }
  if (onePacket === true && key.protocol !== 'udp' && key.protocol !== 'fwmark') {
    refuse('onePacket', `is only for udp and fwmark services, not ${key.protocol}`);
  }
  const timeout = persistence?.timeout;
  if (timeout !== undefined && (timeout < 1 || timeout > MAX_PERSISTENCE_TIMEOUT)) {
    refuse('persistence.timeout', `must be a whole number from 1 to ${MAX_PERSISTENCE_TIMEOUT} seconds`);
  }
}

function readFlags(input: unknown, scheduler: Scheduler): SchedulerFlag[] {
  return readList('scheduler flags', input, (item) => {
    const flag = SCHEDULER_FLAG.read(item);
    const owner = flag && /^([a-z]+)-(?:fallback|port)$/.exec(flag)?.[1];
    if (flag !== undefined && (owner === undefined || owner === scheduler)) return flag;
    const foreign = `"${flag}" belongs to the scheduler ${owner}, not ${scheduler}`;
    const message = flag === undefined ? SCHEDULER_FLAG.problem(item) : foreign;
    throw new InvalidArgumentError('scheduler flags', [{ path: '', message }]);
  });
}

function readPersistence(input: unknown, family: Family): NonNullable<ServiceSettings['persistence']> {
  const fields = new Fields('persistence', input, PERSISTENCE_FIELDS);
  const timeout = fields.optional('timeout', PERSISTENCE_TIMEOUT) ?? DEFAULT_PERSISTENCE_TIMEOUT;
  const netmask = fields.optional('netmask', NETMASKS[family]) ?? (family === 'ipv6' ? 128 : 32);
  fields.end();
  return { timeout, netmask };
}

const PREFIX_OF_IPV4 = whole(0, 32);

/** What may stand in `persistence.netmask`. */
const NETMASKS: Readonly<Record<Family, Rule<number | string>>> = {
  ipv4: {
    read(input) {
      if (typeof input !== 'string') return PREFIX_OF_IPV4.read(input);
      const mask = parseIPv4(input);
      return mask && describeMask(mask);
    },
    problem: () => 'must be a prefix length from 0 to 32 or a dotted mask',
    example: 32,
    schema: () => zod().union([zod().number(), zod().string()]),
  },
  ipv6: { ...whole(1, 128), problem: () => 'must be a prefix length from 1 to 128' } as Rule<number | string>,
};

/** IP_VS_SVC_F_SCHED1..3 counted from bit 0: fallback is the first, port the second (linux/ip_vs.h, since 3.11). */
export function bitsOfFlags(flags: readonly SchedulerFlag[]): number {
  return flags.reduce((bits, flag) => bits | FLAG_BITS[flag], 0);
}

const FLAG_BITS: Readonly<Record<SchedulerFlag, number>> = {
  'flag-1': 1,
  'flag-2': 2,
  'flag-3': 4,
  'sh-fallback': 1,
  'sh-port': 2,
  'mh-fallback': 1,
  'mh-port': 2,
};

/** The reverse of {@link bitsOfFlags}, in the words of a scheduler. */
export function flagsOfBits(scheduler: Scheduler, bits: number): SchedulerFlag[] {
  const names: readonly SchedulerFlag[] =
    scheduler === 'sh'
      ? ['sh-fallback', 'sh-port', 'flag-3']
      : scheduler === 'mh'
        ? ['mh-fallback', 'mh-port', 'flag-3']
        : ['flag-1', 'flag-2', 'flag-3'];
  return names.filter((_, bit) => (bits & (1 << bit)) !== 0);
}
