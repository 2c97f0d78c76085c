/**
 * What names a virtual service: protocol, address and port, or a firewall mark. As a value and as text.
 * @module
 */
import { formatEndpoint, parseEndpoint } from '../address/endpoint.js';
import { type Family, familyOf } from '../address/ip.js';
import { InvalidArgumentError } from '../errors.js';
import { hideConstructor, type Unfinished } from './brand.js';
import { asObject, Fields } from './fields.js';
import { ADDRESS, oneWordOf, PORT, type Rule, whole } from './rules.js';
import { zod } from './zod.js';

/** Transport protocols whose connections IPVS balances. */
export const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
/** `tcp`, `udp` or `sctp`. */
export type Protocol = (typeof PROTOCOLS)[number];

/**
 * A service of another protocol number. The kernel takes any number by netlink (ipvsadm lists it as `?`), but balances
 * none of them: such a service can be listed and deleted here, not added.
 */
export type OtherProtocol = `ip${number}`;

/** What may stand in `protocol` where a service is named; a new one is of {@link PROTOCOLS}. */
export const PROTOCOL: Rule<Protocol | OtherProtocol> = {
  read(input) {
    const known = PROTOCOLS.find((name) => name === input);
    if (known !== undefined) return known;
    const digits = typeof input === 'string' ? /^ip(0|[1-9]\d{0,4})$/.exec(input)?.[1] : undefined;
    const number = Number(digits ?? Number.NaN);
    return number <= 65535 ? protocolOfNumber(number) : undefined;
  },
  problem: () => 'must be tcp, udp, sctp, fwmark, or ip and a number up to 65535 (ip47)',
  example: 'tcp',
  schema: () => zod().enum(PROTOCOLS),
};
const MARK = whole(1, 0xffffffff);
const FAMILY = oneWordOf('ipv4', 'ipv6');

/** The name of a protocol's number in IP packets: those that IPVS balances have one. */
export function protocolOfNumber(number: number): Protocol | OtherProtocol {
  return PROTOCOLS.find((name) => PROTOCOL_NUMBERS[name] === number) ?? `ip${number}`;
}

/** A protocol's number in IP packets (linux/in.h, IPPROTO_*). */
export function protocolNumber(protocol: Protocol | OtherProtocol): number {
  return isBalanced(protocol) ? PROTOCOL_NUMBERS[protocol] : Number(protocol.slice('ip'.length));
}

const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Whether IPVS balances connections of this protocol. */
export function isBalanced(protocol: string): protocol is Protocol {
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

/** The brand of a key that was checked or came from a kernel. It cannot be copied: a spread loses it. */
export class CheckedKey {
  readonly #checked = true;

  static is(input: object): boolean {
    return #checked in input;
  }

  /** The fields that name a service; others are left out. A service has more, and is frozen when it has them. */
  constructor(key: ServiceKey) {
    (this as unknown as Unfinished)['protocol'] = key.protocol;
    if (key.protocol === 'fwmark') {
      (this as unknown as Unfinished)['mark'] = key.mark;
      if (key.family !== undefined) (this as unknown as Unfinished)['family'] = key.family;
    } else {
      (this as unknown as Unfinished)['address'] = key.address;
      (this as unknown as Unfinished)['port'] = key.port;
    }
  }
}
hideConstructor(CheckedKey);

/** A key in its one form. Only `parseServiceKey` and a kernel give one. */
export type NormalServiceKey = ServiceKey & CheckedKey;

/** A key whose values are known to be right: of a kernel, or read by a grammar as strict. */
export function makeServiceKey(key: ServiceKey): NormalServiceKey {
  return Object.freeze(new CheckedKey(key)) as NormalServiceKey;
}

/** Settings may stand beside the key, so that a whole service, as listed, names itself; unknown fields are refused. */
const SETTINGS = ['scheduler', 'schedulerFlags', 'onePacket', 'persistence', 'persistenceEngine'];
/** What may stand in a service named by its address. */
export const ENDPOINT_FIELDS: ReadonlySet<string> = new Set(['protocol', 'address', 'port', ...SETTINGS]);
/** What may stand in a service named by a mark. */
export const MARK_FIELDS: ReadonlySet<string> = new Set(['protocol', 'mark', 'family', ...SETTINGS]);

/**
 * Checks a key given as value or as text and puts it into its one form. A whole service, as listed, names itself.
 * Throws {@link InvalidArgumentError}.
 */
export function parseServiceKey(input: ServiceKey | ServiceKeyText): NormalServiceKey {
  if (typeof input === 'string') return readKey(keyFromText(input));
  if (typeof input === 'object' && input !== null && CheckedKey.is(input)) {
    return 'scheduler' in input ? makeServiceKey(input) : (input as NormalServiceKey);
  }
  return readKey(input);
}

function readKey(input: unknown): NormalServiceKey {
  const isMark = asObject('service key', input)['protocol'] === 'fwmark';
  const fields = new Fields('service key', input, isMark ? MARK_FIELDS : ENDPOINT_FIELDS);
  const key = readKeyFields(fields, isMark);
  fields.end();
  return makeServiceKey(key);
}

/** The fields that name a service, in their one form. */
export function readKeyFields(fields: Fields, isMark: boolean): ServiceKey {
  if (isMark) {
    return {
      protocol: 'fwmark',
      mark: fields.required('mark', MARK),
      family: fields.optional('family', FAMILY) ?? 'ipv4',
    };
  }
  return {
    protocol: fields.required('protocol', PROTOCOL),
    address: fields.required('address', ADDRESS),
    port: fields.required('port', PORT),
  };
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

/**
 * The key's text, equal for equal keys: the name of a service in tables, plans and errors.
 *
 * @example
 * ```ts
 * import { formatServiceKey } from 'ipvs-ts';
 * formatServiceKey({ protocol: 'tcp', address: '2001:db8::1', port: 80 }); // tcp://[2001:db8::1]:80
 * ```
 */
export function formatServiceKey(key: ServiceKey): ServiceKeyText {
  if (key.protocol === 'fwmark') return `fwmark://${key.mark}${key.family === 'ipv6' ? '?family=ipv6' : ''}`;
  return `${key.protocol}://${formatEndpoint(key.address, key.port)}`;
}

/** The address family of the packets a service takes. */
export function familyOfKey(key: ServiceKey): Family {
  return key.protocol === 'fwmark' ? (key.family ?? 'ipv4') : familyOf(key.address);
}
