/**
 * A virtual service: what the director listens for, and how it chooses among the real servers.
 * @module
 */
import type { z } from 'zod';
import { type Family, familyOf, parseIPv4 } from '../address/ip.js';
import { describeMask } from '../address/network.js';
import { integer, lazy, name, oneOf, parse } from './parse.js';
import { endpointKeyShape, fwmarkKeyShape, PROTOCOLS, type ServiceKey } from './service-key.js';
import type { Stats } from './stats.js';

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
/** Seconds in 31 days, ipvsadm's limit; the kernel multiplies what it gets by HZ and lets it wrap. */
export const MAX_PERSISTENCE_TIMEOUT = 31 * 24 * 60 * 60;

/** Persistence by itself. */
export const persistenceSchema = lazy((z) =>
  z.strictObject({
    /** Seconds a client stays with its real server after its last connection: 1 to 2678400, default 360. */
    timeout: integer(1, MAX_PERSISTENCE_TIMEOUT, ' seconds').default(DEFAULT_PERSISTENCE_TIMEOUT),
    /**
     * Clients of one network count as one: a prefix length, or for IPv4 a dotted mask. Default: every address by itself.
     */
    netmask: z.union([z.number(), z.string()], { error: 'must be a prefix length, or a dotted IPv4 mask' }).optional(),
  }),
);

/** What a service has besides the fields that name it. */
export const serviceSettingsShape = lazy((z) => ({
  /** Default `wlc`. */
  scheduler: (name(15) as z.ZodType<Scheduler, Scheduler>).default(DEFAULT_SCHEDULER),
  schedulerFlags: z.array(z.enum(SCHEDULER_FLAGS)).optional(),
  /** Each datagram is scheduled by itself and leaves no connection behind. UDP and fwmark only. Since Linux 2.6.36. */
  onePacket: z.boolean().optional(),
  persistence: persistenceSchema().optional(),
  /** What besides the address tells clients apart: `sip`, the kernel's only engine, goes by the Call-ID. */
  persistenceEngine: name(16).optional(),
}));

const serviceSchema = lazy((z) =>
  z
    .discriminatedUnion(
      'protocol',
      [
        z.strictObject({ ...endpointKeyShape(), ...serviceSettingsShape() }),
        z.strictObject({ ...fwmarkKeyShape(), ...serviceSettingsShape() }),
      ],
      oneOf(...PROTOCOLS, 'fwmark'),
    )
    .superRefine((service, context) => {
      const refuse = (path: (string | number)[], message: string) =>
        context.addIssue({ code: 'custom', path, message });
      if (service.protocol !== 'fwmark' && service.port === 0 && service.persistence === undefined) {
        refuse(['port'], 'must be 1 to 65535 unless the service is persistent (0 stands for every port)');
      }
      if (service.onePacket === true && service.protocol !== 'udp' && service.protocol !== 'fwmark') {
        refuse(['onePacket'], `is only for udp and fwmark services, not ${service.protocol}`);
      }
      for (const [index, flag] of (service.schedulerFlags ?? []).entries()) {
        const owner = /^([a-z]+)-(?:fallback|port)$/.exec(flag)?.[1];
        if (owner !== undefined && owner !== service.scheduler) {
          refuse(['schedulerFlags', index], `"${flag}" belongs to the scheduler ${owner}, not ${service.scheduler}`);
        }
      }
      const problem = netmaskProblem(familyOfService(service), service.persistence?.netmask);
      if (problem !== undefined) refuse(['persistence', 'netmask'], problem);
    }),
);

/** A virtual service as a program writes it. Wrong combinations do not compile. */
export type Service = z.input<ReturnType<typeof serviceSchema>>;

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

/** A service in its one form: equal services are deeply equal. */
export type NormalService = ServiceKey & ServiceSettings;

/** A service as the kernel tells it. Never an input as a whole; its `service` is. */
export interface ServiceEntry {
  readonly service: NormalService;
  /** Absent in what was read from /proc/net/ip_vs, which does not know. */
  readonly stats?: Stats;
}

/** Checks a service and fills in its defaults. Throws {@link InvalidArgumentError} with the path of every wrong field. */
export function parseService(input: Service | NormalService): NormalService {
  const { scheduler, schedulerFlags, onePacket, persistence, persistenceEngine, ...key } = parse(
    serviceSchema,
    'service',
    input,
  );
  const flags = normalFlags(scheduler, schedulerFlags ?? []);
  return {
    ...key,
    scheduler,
    ...(flags.length > 0 && { schedulerFlags: flags }),
    ...(onePacket === true && { onePacket }),
    ...(persistence !== undefined && {
      persistence: { timeout: persistence.timeout, netmask: normalNetmask(familyOfService(key), persistence.netmask) },
    }),
    ...(persistenceEngine !== undefined && { persistenceEngine }),
  };
}

function familyOfService(key: { protocol: 'fwmark'; family: Family } | { protocol: string; address: string }): Family {
  return 'address' in key ? familyOf(key.address) : key.family;
}

function netmaskProblem(family: Family, netmask: string | number | undefined): string | undefined {
  if (netmask === undefined) return undefined;
  const isPrefix = (min: number, max: number) =>
    typeof netmask === 'number' && Number.isInteger(netmask) && netmask >= min && netmask <= max;
  if (family === 'ipv6') return isPrefix(1, 128) ? undefined : 'must be a prefix length from 1 to 128';
  if (isPrefix(0, 32) || (typeof netmask === 'string' && parseIPv4(netmask) !== undefined)) return undefined;
  return 'must be a prefix length from 0 to 32 or a dotted mask';
}

function normalNetmask(family: Family, netmask: string | number | undefined): string | number {
  if (netmask === undefined) return family === 'ipv6' ? 128 : 32;
  return typeof netmask === 'string' ? describeMask(parseIPv4(netmask) ?? new Uint8Array(4)) : netmask;
}

/** Flags in the order of their bits, each by the name that the scheduler gives it, none twice. */
function normalFlags(scheduler: Scheduler, flags: readonly SchedulerFlag[]): SchedulerFlag[] {
  return flagsOfBits(scheduler, bitsOfFlags(flags));
}

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
