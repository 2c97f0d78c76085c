/**
 * A destination: one real server of one service, and the way packets take to it.
 * @module
 */
import { formatEndpoint } from '../address/endpoint.js';
import { familyOf } from '../address/ip.js';
import { InvalidArgumentError, type Issue } from '../errors.js';
import { hideConstructor, type Unfinished } from './brand.js';
import { asObject, Fields } from './fields.js';
import { ADDRESS, oneWordOf, PORT, type Rule, whole } from './rules.js';
import { familyOfKey, formatServiceKey, parseServiceKey, type ServiceKey, type ServiceKeyText } from './service-key.js';
import type { Stats } from './stats.js';
import { zod } from './zod.js';

/** The kernel reads weights as signed 32-bit numbers. */
export const INT_MAX = 0x7fffffff;

/** Share of the connections. */
export const WEIGHT = whole(0, INT_MAX);
/** A number of connections. Linux 6.1 takes every number of 32 bits, newer kernels none above {@link INT_MAX} (EINVAL). */
export const THRESHOLD = whole(0, 0xffffffff);
/** Where GUE packets go to. */
export const GUE_PORT = whole(1, 65535);
/** What GUE packets may have for a checksum. */
export const GUE_CHECKSUM = oneWordOf('none', 'csum', 'remcsum');
/** What GRE packets may have for a checksum. */
export const GRE_CHECKSUM = oneWordOf('none', 'csum');

/** The ways of packets that a program may choose from. */
const METHODS = ['nat', 'dr', 'tun'] as const;
const TUNNELS = ['ipip', 'gue', 'gre'] as const;

/** A way of packets in the kernel's table that no new destination has. */
export type KernelMethod = 'local' | 'bypass' | `method${number}`;
/** A tunnel in the kernel's table that no new destination has: the kernel stores numbers it has no meaning for. */
export interface KernelTunnel {
  readonly type: `type${number}`;
}

/** What a destination has whatever the way packets take to it. */
export interface WrittenDestinationSettings {
  /** IPv4 or IPv6; of another family than the service's only with `tun`. */
  readonly address: string;
  /** Default: the service's port; 0 for a fwmark service. DR and TUN cannot change the port. */
  readonly port?: number | undefined;
  /** Share of the connections, 0 to 2147483647, default 1. 0 quiesces: no new connections, those there go on. */
  readonly weight?: number | undefined;
  /** No new connections above this many, 0 to 4294967295, until they fall below the lower threshold. 0 (default): no limit. */
  readonly upperThreshold?: number | undefined;
  /** Where an overloaded server takes connections again. 0 (default): at three quarters of the upper threshold. */
  readonly lowerThreshold?: number | undefined;
}

/** The encapsulation of a `tun` destination as a program writes it. */
export type Tunnel =
  /** IP in IP, the kernel's only tunnel before Linux 5.2. */
  | { readonly type: 'ipip' }
  /** Generic UDP encapsulation to a port of the real server. Since Linux 5.2, checksums since 5.3. */
  | { readonly type: 'gue'; readonly port: number; readonly checksum?: 'none' | 'csum' | 'remcsum' | undefined }
  /** Generic routing encapsulation. Since Linux 5.3. */
  | { readonly type: 'gre'; readonly checksum?: 'none' | 'csum' | undefined };

/**
 * A real server as a program writes it. The kernel's own words for `forward` and `tunnel` are only for what was listed: no new
 * destination has them.
 */
export type Destination = WrittenDestinationSettings &
  (
    | {
        /** `dr`, ipvsadm's default: the packet is sent on as it is. `nat`: its address and port are rewritten. */
        readonly forward?: 'nat' | 'dr' | KernelMethod | undefined;
        readonly tunnel?: undefined;
      }
    | {
        readonly forward: 'tun';
        /** Default `ipip`. */
        readonly tunnel?: Tunnel | KernelTunnel | undefined;
      }
  );

/** A tunnel in its one form. */
export type NormalTunnel =
  | { readonly type: 'ipip' }
  | { readonly type: 'gue'; readonly port: number; readonly checksum: 'none' | 'csum' | 'remcsum' }
  | { readonly type: 'gre'; readonly checksum: 'none' | 'csum' }
  | KernelTunnel;

/** What names a destination within its service. The forwarding method is not part of it. */
export interface DestinationKey {
  readonly address: string;
  /** Default: the service's port; 0 for a fwmark service. */
  readonly port?: number | undefined;
}

/** Fields of a destination in their one form: what is off is absent. */
export type DestinationFields = {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly upperThreshold?: number;
  readonly lowerThreshold?: number;
} & (
  | { readonly forward: 'nat' | 'dr' | KernelMethod; readonly tunnel?: undefined }
  | {
      readonly forward: 'tun';
      /** Absent from /proc/net/ip_vs, which does not tell. */
      readonly tunnel?: NormalTunnel;
    }
);

/** The brand of a destination that was checked or came from a kernel. */
export class CheckedDestination {
  readonly #checked = true;

  static is(input: object): boolean {
    return #checked in input;
  }

  constructor({ address, port, weight, forward, tunnel, upperThreshold = 0, lowerThreshold = 0 }: DestinationFields) {
    (this as unknown as Unfinished)['address'] = address;
    (this as unknown as Unfinished)['port'] = port;
    (this as unknown as Unfinished)['weight'] = weight;
    if (upperThreshold > 0) (this as unknown as Unfinished)['upperThreshold'] = upperThreshold;
    if (lowerThreshold > 0) (this as unknown as Unfinished)['lowerThreshold'] = lowerThreshold;
    (this as unknown as Unfinished)['forward'] = forward;
    if (tunnel !== undefined) (this as unknown as Unfinished)['tunnel'] = Object.freeze(tunnel);
  }
}
hideConstructor(CheckedDestination);

/**
 * A destination in its one form: equal destinations are deeply equal, what is off is absent. Only `parseDestination` and a kernel
 * give one; it is frozen, and a changed copy of it is a {@link Destination}, which is checked again.
 */
export type NormalDestination = DestinationFields & CheckedDestination;

/** A destination whose values are known to be right: of a kernel, or read by a grammar as strict. */
export function makeDestination(fields: DestinationFields): NormalDestination {
  return Object.freeze(new CheckedDestination(fields)) as NormalDestination;
}

/** A destination as the kernel tells it. Never an input as a whole; its `destination` is. */
export interface DestinationEntry {
  readonly destination: NormalDestination;
  /** Connections in the state ESTABLISHED (of UDP: all). */
  readonly activeConnections: number;
  /** All other connections. */
  readonly inactiveConnections: number;
  /** Persistence templates. Absent from /proc/net/ip_vs, as are thresholds and `stats`. */
  readonly persistentConnections?: number;
  readonly stats?: Stats;
}

/**
 * Checks a destination of a service and fills in its defaults. One that was checked before, or was listed, comes back as it is.
 * Throws {@link InvalidArgumentError} with the path of every wrong field.
 *
 * @example
 * ```ts
 * import { parseDestination } from 'ipvs-ts';
 * parseDestination('tcp://192.0.2.1:80', { address: '10.0.0.11' }).port; // 80
 * ```
 */
export function parseDestination(
  service: ServiceKey | ServiceKeyText,
  input: Destination | NormalDestination,
): NormalDestination {
  const odd: Issue[] = [];
  const destination = readDestination(parseServiceKey(service), input, odd);
  if (odd.length > 0) throw new InvalidArgumentError('destination', odd);
  return destination;
}

const FIELDS: ReadonlySet<string> = new Set([
  'address',
  'port',
  'weight',
  'forward',
  'tunnel',
  'upperThreshold',
  'lowerThreshold',
]);

/** What may stand in `forward`. */
const FORWARD: Rule<DestinationFields['forward']> = {
  read(input) {
    switch (input) {
      case 'nat':
      case 'dr':
      case 'tun':
      case 'local':
      case 'bypass':
        return input;
      default:
        return typeof input === 'string' && /^method[5-7]$/.test(input) ? (input as KernelMethod) : undefined;
    }
  },
  problem: () => `must be ${METHODS.join(', ')}`,
  example: 'dr',
  schema: () => zod().enum(METHODS),
};

/**
 * As {@link parseDestination}, of all that a kernel can hold: what it can hold and nobody should write is added to `odd`. A
 * destination that was checked before, or came from a kernel, is not odd.
 */
export function readDestination(service: ServiceKey, input: unknown, odd: Issue[]): NormalDestination {
  if (typeof input === 'object' && input !== null && CheckedDestination.is(input)) {
    refuseForeign(service, input as NormalDestination);
    return input as NormalDestination;
  }
  const fields = new Fields('destination', input, FIELDS);
  const address = fields.required('address', ADDRESS);
  const port = fields.optional('port', PORT) ?? portOf(service);
  const weight = fields.optional('weight', WEIGHT) ?? 1;
  const forward = fields.optional('forward', FORWARD) ?? 'dr';
  const upperThreshold = fields.optional('upperThreshold', THRESHOLD) ?? 0;
  const lowerThreshold = fields.optional('lowerThreshold', THRESHOLD) ?? 0;
  const tunnel = fields.part('tunnel', forward === 'tun' ? readTunnel : refuseTunnel);
  if (fields.areRight && lowerThreshold > upperThreshold) {
    const limit = upperThreshold === 0 ? 'which is not set' : upperThreshold;
    fields.refuse('lowerThreshold', `must not be above upperThreshold (${limit})`);
  }
  fields.end();
  const destination =
    forward === 'tun'
      ? makeDestination({
          address,
          port,
          weight,
          forward,
          tunnel: tunnel ?? { type: 'ipip' },
          upperThreshold,
          lowerThreshold,
        })
      : makeDestination({ address, port, weight, forward, upperThreshold, lowerThreshold });
  refuseForeign(service, destination);
  addDestinationOddities(service, destination, odd);
  return destination;
}

/** No kernel takes it, so that none holds it. */
function refuseForeign(service: ServiceKey, { address, forward }: DestinationFields): void {
  if (forward === 'tun' || familyOf(address) === familyOfKey(service)) return;
  const message = `must be ${familyOfKey(service)} as ${formatServiceKey(service)}: only tun crosses address families`;
  throw new InvalidArgumentError('destination', [{ path: 'address', message }]);
}

/** What a kernel can hold (other programs make it) and nobody should write. */
export function addDestinationOddities(service: ServiceKey, destination: DestinationFields, odd: Issue[]): void {
  const { forward, tunnel, port } = destination;
  if (forward !== 'nat' && forward !== 'dr' && forward !== 'tun') {
    odd.push({ path: 'forward', message: `must be ${METHODS.join(', ')}` });
  }
  if (tunnel !== undefined && !TUNNELS.some((type) => type === tunnel.type)) {
    odd.push({ path: 'tunnel.type', message: `must be ${TUNNELS.join(', ')}` });
  }
  // The kernel takes any port here and sends the packet with the service's all the same; ipvsadm corrects it silently.
  if (forward !== 'nat' && service.protocol !== 'fwmark' && port !== service.port) {
    const text = formatServiceKey(service);
    const message = `must be ${service.port}, the port of ${text}: ${forward} does not rewrite ports`;
    odd.push({ path: 'port', message });
  }
}

const TUNNEL_FIELDS: Readonly<Record<(typeof TUNNELS)[number], ReadonlySet<string>>> = {
  ipip: new Set(['type']),
  gue: new Set(['type', 'port', 'checksum']),
  gre: new Set(['type', 'checksum']),
};

function refuseTunnel(): never {
  throw new InvalidArgumentError('tunnel', [{ path: '', message: 'is only for tun' }]);
}

function readTunnel(input: unknown): NormalTunnel {
  const { type } = asObject('tunnel', input);
  const known = TUNNELS.find((name) => name === type);
  const fields = new Fields('tunnel', input, TUNNEL_FIELDS[known ?? 'ipip']);
  const tunnel = known === undefined ? kernelTunnel(fields, type) : readKnownTunnel(fields, known);
  fields.end();
  return tunnel;
}

function readKnownTunnel(fields: Fields, type: 'ipip' | 'gue' | 'gre'): NormalTunnel {
  switch (type) {
    case 'ipip':
      return { type };
    case 'gue':
      return {
        type,
        port: fields.required('port', GUE_PORT),
        checksum: fields.optional('checksum', GUE_CHECKSUM) ?? 'none',
      };
    case 'gre':
      return { type, checksum: fields.optional('checksum', GRE_CHECKSUM) ?? 'none' };
  }
}

/** The kernel keeps the number in a byte; the first three have names. */
function kernelTunnel(fields: Fields, type: unknown): KernelTunnel {
  const number = typeof type === 'string' ? Number(/^type([1-9]\d{0,2})$/.exec(type)?.[1]) : Number.NaN;
  if (!(number >= TUNNELS.length && number <= 255)) fields.refuse('type', `must be ${TUNNELS.join(', ')}`);
  return { type: `type${number}` };
}

function portOf(service: ServiceKey): number {
  return service.protocol === 'fwmark' ? 0 : service.port;
}

/** Checks what names a destination; a whole destination, as listed, names itself. Throws {@link InvalidArgumentError}. */
export function parseDestinationKey(service: ServiceKey, input: DestinationKey): { address: string; port: number } {
  const fields = new Fields('destination key', input, FIELDS);
  const address = fields.required('address', ADDRESS);
  const port = fields.optional('port', PORT) ?? portOf(service);
  fields.end();
  return { address, port };
}

/**
 * `10.0.0.2:80`: the name of a destination in tables, plans and errors.
 *
 * @example
 * ```ts
 * import { formatDestinationKey } from 'ipvs-ts';
 * formatDestinationKey({ address: '10.0.0.2', port: 80 }); // 10.0.0.2:80
 * ```
 */
export function formatDestinationKey(key: { address: string; port: number }): string {
  return formatEndpoint(key.address, key.port);
}
