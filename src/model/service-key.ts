/**
 * What names a virtual service: protocol, address and port, or a firewall mark. As a value and as text.
 * @module
 */
import type { z } from 'zod';
import { formatEndpoint, parseEndpoint } from '../address/endpoint.js';
import { type Family, familyOf } from '../address/ip.js';
import { InvalidArgumentError } from '../errors.js';
import { addressSchema, integer, lazy, parse, portSchema } from './parse.js';

/** Transport protocols whose connections IPVS balances. */
export const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
/** `tcp`, `udp` or `sctp`. */
export type Protocol = (typeof PROTOCOLS)[number];

/**
 * A service of another protocol number. The kernel takes any number by netlink (ipvsadm lists it as `?`), but balances
 * none of them: such a service can be listed and deleted here, not added.
 */
export type OtherProtocol = `ip${number}`;

/** The fields that name a service by its address. `port` 0 stands for every port and needs persistence. */
export const endpointKeyShape = lazy((z) => ({
  protocol: z.enum(PROTOCOLS),
  address: addressSchema(),
  port: portSchema(),
}));

/** The fields that name a service by a firewall mark, as set by `iptables -j MARK` or nftables `meta mark set`. */
export const fwmarkKeyShape = lazy((z) => ({
  protocol: z.literal('fwmark'),
  mark: integer(1, 0xffffffff),
  /** Of the packets that bear the mark; one mark may name two services, one a family. */
  family: z.enum(['ipv4', 'ipv6']).default('ipv4'),
}));

/** Settings may stand beside the key, so that a whole service, as listed, names itself; unknown fields are refused. */
const settingsIgnored = lazy((z) => ({
  scheduler: z.unknown().optional(),
  schedulerFlags: z.unknown().optional(),
  onePacket: z.unknown().optional(),
  persistence: z.unknown().optional(),
  persistenceEngine: z.unknown().optional(),
}));
const endpointNameSchema = lazy((z) => {
  const protocol = z.unknown().transform((input, context) => readProtocol(input, context) ?? z.NEVER);
  return z
    .strictObject({ ...endpointKeyShape(), protocol, ...settingsIgnored() })
    .transform(({ protocol, address, port }) => ({ protocol, address, port }));
});
const fwmarkNameSchema = lazy((z) =>
  z
    .strictObject({ ...fwmarkKeyShape(), ...settingsIgnored() })
    .transform(({ protocol, mark, family }) => ({ protocol, mark, family })),
);

function readProtocol(input: unknown, context: z.RefinementCtx): Protocol | OtherProtocol | undefined {
  const known = PROTOCOLS.find((name) => name === input);
  if (known !== undefined) return known;
  const digits = typeof input === 'string' ? /^ip(0|[1-9]\d{0,4})$/.exec(input)?.[1] : undefined;
  const number = Number(digits ?? Number.NaN);
  if (number <= 65535) return protocolOfNumber(number);
  const message = 'must be tcp, udp, sctp, fwmark, or ip and a number up to 65535 (ip47)';
  context.addIssue({ code: 'custom', message });
  return undefined;
}

/** The name of a protocol's number in IP packets: those that IPVS balances have one. */
export function protocolOfNumber(number: number): Protocol | OtherProtocol {
  return PROTOCOLS.find((name) => PROTOCOL_NUMBERS[name] === number) ?? `ip${number}`;
}

/** A protocol's number in IP packets (linux/in.h, IPPROTO_*). */
export function protocolNumber(protocol: Protocol | OtherProtocol): number {
  return isKnown(protocol) ? PROTOCOL_NUMBERS[protocol] : Number(protocol.slice('ip'.length));
}

const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

function isKnown(protocol: string): protocol is Protocol {
  return protocol in PROTOCOL_NUMBERS;
}

/** A service named by protocol, address and port; the family follows from the address. */
export interface EndpointKey {
  readonly protocol: Protocol | OtherProtocol;
  readonly address: string;
  readonly port: number;
}

/** A service named by a firewall mark. */
export interface FwmarkKey {
  readonly protocol: 'fwmark';
  /** 1 to 4294967295. */
  readonly mark: number;
  /**
   * Default `ipv4`, as `ipvsadm -f` without `-6`. Absent in what was read from /proc/net/ip_vs, which does not say.
   */
  readonly family?: Family | undefined;
}

/** What names a virtual service. */
export type ServiceKey = EndpointKey | FwmarkKey;

/** A key as text: `tcp://10.0.0.1:80`, `udp://[2001:db8::1]:53`, `fwmark://5`, `fwmark://5?family=ipv6`. */
export type ServiceKeyText = `${Protocol | OtherProtocol | 'fwmark'}://${string}`;

/**
 * Checks a key given as value or as text and puts it into its one form.
 * Throws {@link InvalidArgumentError}.
 */
export function parseServiceKey(input: ServiceKey | ServiceKeyText): ServiceKey {
  const key = typeof input === 'string' ? keyFromText(input) : input;
  return key?.protocol === 'fwmark'
    ? parse(fwmarkNameSchema, 'service key', key)
    : parse(endpointNameSchema, 'service key', key);
}

function keyFromText(text: string): { protocol: string; [field: string]: unknown } {
  const mark = /^fwmark:\/\/(0|[1-9]\d*)(?:\?family=(ipv4|ipv6))?$/.exec(text);
  if (mark !== null) return { protocol: 'fwmark', mark: Number(mark[1]), family: mark[2] ?? 'ipv4' };
  const [, protocol = '', endpoint = ''] = /^(tcp|udp|sctp|ip\d+):\/\/(.+)$/.exec(text) ?? [];
  const parsed = parseEndpoint(endpoint);
  if (parsed !== undefined) return { protocol, ...parsed };
  const forms = 'tcp://10.0.0.1:80, udp://[2001:db8::1]:53, fwmark://5 or fwmark://5?family=ipv6';
  throw new InvalidArgumentError('service key', [{ path: '', message: `"${text}" is none of the forms ${forms}` }]);
}

/** The key's text, equal for equal keys: the name of a service in tables, plans and errors. */
export function formatServiceKey(key: ServiceKey): ServiceKeyText {
  if (key.protocol === 'fwmark') return `fwmark://${key.mark}${key.family === 'ipv6' ? '?family=ipv6' : ''}`;
  return `${key.protocol}://${formatEndpoint(key.address, key.port)}`;
}

/** The address family of the packets a service takes. */
export function familyOfKey(key: ServiceKey): Family {
  return key.protocol === 'fwmark' ? (key.family ?? 'ipv4') : familyOf(key.address);
}
