/**
 * A destination: one real server of one service, and the way packets take to it.
 * @module
 */
import type { z } from 'zod';
import { formatEndpoint } from '../address/endpoint.js';
import { familyOf } from '../address/ip.js';
import { InvalidArgumentError, type Issue } from '../errors.js';
import { addressSchema, integer, lazy, oneOf, parse, portSchema } from './parse.js';
import { familyOfKey, formatServiceKey, type ServiceKey } from './service-key.js';
import type { Stats } from './stats.js';

/** The kernel reads weights and thresholds as signed 32-bit numbers. */
export const INT_MAX = 0x7fffffff;

/** The encapsulation of a `tun` destination by itself. */
export const tunnelSchema = lazy((z) => {
  const checksums = z.enum(['none', 'csum', 'remcsum']);
  return z.discriminatedUnion(
    'type',
    [
      /** IP in IP, the kernel's only tunnel before Linux 5.2. */
      z.strictObject({ type: z.literal('ipip') }),
      /** Generic UDP encapsulation to a port of the real server. Since Linux 5.2, checksums since 5.3. */
      z.strictObject({ type: z.literal('gue'), port: integer(1, 65535), checksum: checksums.default('none') }),
      /** Generic routing encapsulation. Since Linux 5.3. */
      z.strictObject({ type: z.literal('gre'), checksum: checksums.exclude(['remcsum']).default('none') }),
    ],
    oneOf('ipip', 'gue', 'gre'),
  );
});

/** What a destination has whatever the way packets take to it. */
export const destinationShape = lazy(() => ({
  address: addressSchema(),
  /** Default: the service's port; 0 for a fwmark service. DR and TUN cannot change the port. */
  port: portSchema().optional(),
  /** Share of the connections, 0 to 2147483647, default 1. 0 quiesces: no new connections, those there go on. */
  weight: integer(0, INT_MAX).default(1),
  /** No new connections above this many, until they fall below the lower threshold. 0 (default): no limit. */
  upperThreshold: integer(0, INT_MAX).optional(),
  /** Where an overloaded server takes connections again. 0 (default): at three quarters of the upper threshold. */
  lowerThreshold: integer(0, INT_MAX).optional(),
}));

const destinationSchema = lazy((z) =>
  z
    .discriminatedUnion(
      'forward',
      [
        z.strictObject({
          ...destinationShape(),
          /** `dr`, ipvsadm's default: the packet is sent on as it is. `nat`: its address and port are rewritten. */
          forward: z.enum(['nat', 'dr']).optional(),
          tunnel: z.undefined({ error: 'is only for tun' }).optional(),
        }),
        z.strictObject({
          ...destinationShape(),
          forward: z.literal('tun'),
          tunnel: tunnelSchema().default({ type: 'ipip' }),
        }),
      ],
      oneOf('nat', 'dr', 'tun'),
    )
    .superRefine(({ upperThreshold = 0, lowerThreshold = 0 }, context) => {
      if (lowerThreshold > upperThreshold) {
        const message = `must not be above upperThreshold (${upperThreshold === 0 ? 'which is not set' : upperThreshold})`;
        context.addIssue({ code: 'custom', path: ['lowerThreshold'], message });
      }
    }),
);

/** A real server as a program writes it. */
export type Destination = z.input<ReturnType<typeof destinationSchema>>;

/** The encapsulation of a `tun` destination as a program writes it. */
export type Tunnel = z.input<ReturnType<typeof tunnelSchema>>;

/** A tunnel in its one form. `type3` and above: the kernel stores numbers it has no meaning for. */
export type NormalTunnel = z.output<ReturnType<typeof tunnelSchema>> | { readonly type: `type${number}` };

/** What names a destination within its service. The forwarding method is not part of it. */
export interface DestinationKey {
  readonly address: string;
  /** Default: the service's port; 0 for a fwmark service. */
  readonly port?: number | undefined;
}

/** A destination in its one form: equal destinations are deeply equal, what is off is absent. */
export type NormalDestination = {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly upperThreshold?: number;
  readonly lowerThreshold?: number;
} & (
  | {
      /** `local` and `bypass` are the kernel's own; it stores 5 to 7 without a meaning when told to. No input has them. */
      readonly forward: 'nat' | 'dr' | 'local' | 'bypass' | `method${number}`;
      readonly tunnel?: undefined;
    }
  | {
      readonly forward: 'tun';
      /** Absent from /proc/net/ip_vs, which does not tell. */
      readonly tunnel?: NormalTunnel;
    }
);

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
 * Checks a destination of a service and fills in its defaults. Throws {@link InvalidArgumentError} with the path of
 * every wrong field.
 */
export function parseDestination(service: ServiceKey, input: Destination | NormalDestination): NormalDestination {
  const checked = parse(destinationSchema, 'destination', input);
  const { address, port = portOf(service), weight, upperThreshold = 0, lowerThreshold = 0 } = checked;
  const settings = {
    address,
    port,
    weight,
    ...(upperThreshold > 0 && { upperThreshold }),
    ...(lowerThreshold > 0 && { lowerThreshold }),
  };
  const destination: NormalDestination =
    checked.forward === 'tun'
      ? { ...settings, forward: 'tun', tunnel: checked.tunnel }
      : { ...settings, forward: checked.forward ?? 'dr' };
  const issues = mismatches(service, destination);
  if (issues.length > 0) throw new InvalidArgumentError('destination', issues);
  return destination;
}

/** What no service of this kind can do with such a destination. */
function mismatches(service: ServiceKey, destination: NormalDestination): Issue[] {
  const issues: Issue[] = [];
  const text = formatServiceKey(service);
  // The kernel takes any port here and sends the packet with the service's all the same; ipvsadm corrects it silently.
  if (destination.forward !== 'nat' && service.protocol !== 'fwmark' && destination.port !== service.port) {
    const message = `must be ${service.port}, the port of ${text}: ${destination.forward} does not rewrite ports`;
    issues.push({ path: 'port', message });
  }
  if (destination.forward !== 'tun' && familyOf(destination.address) !== familyOfKey(service)) {
    const message = `must be ${familyOfKey(service)} as ${text}: only tun crosses address families`;
    issues.push({ path: 'address', message });
  }
  return issues;
}

function portOf(service: ServiceKey): number {
  return service.protocol === 'fwmark' ? 0 : service.port;
}

/** A whole destination, as listed, names itself; a field that no destination has is an error. */
const destinationKeySchema = lazy((z) =>
  z
    .strictObject({
      address: addressSchema(),
      port: portSchema().optional(),
      forward: z.unknown().optional(),
      tunnel: z.unknown().optional(),
      weight: z.unknown().optional(),
      upperThreshold: z.unknown().optional(),
      lowerThreshold: z.unknown().optional(),
    })
    .transform(({ address, port }) => ({ address, port })),
);

/** Checks what names a destination. Throws {@link InvalidArgumentError}. */
export function parseDestinationKey(
  service: ServiceKey,
  input: DestinationKey,
): Required<DestinationKey> & { port: number } {
  const { address, port } = parse(destinationKeySchema, 'destination key', input);
  return { address, port: port ?? portOf(service) };
}

/** `10.0.0.2:80`: the name of a destination in tables, plans and errors. */
export function formatDestinationKey(key: { address: string; port: number }): string {
  return formatEndpoint(key.address, key.port);
}
