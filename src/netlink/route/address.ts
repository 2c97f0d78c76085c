/**
 * Addresses of the host on its devices.
 * @module
 */
import { type Family, familyOf, formatIP } from '../../address/ip.js';
import { InvalidArgumentError } from '../../errors.js';
import type { Request } from '../connection.js';
import { type Message, NLM_F_CREATE, NLM_F_EXCL } from '../message.js';
import { addressBytes, checkPrefixLength } from './checks.js';
import { bufferOf, type PlainAttribute, parseAddress, request } from './codec.js';
import { AF, AF_UNSPEC, familyOfNumber, type RouteScope, scopeName, scopeNumber } from './constants.js';

/** Which address: what tells it from all others in a namespace. */
export interface AddressKey {
  /** `eth0` */
  readonly device: string;
  /** `10.0.0.100`, `2001:db8::1` */
  readonly address: string;
  /** The length of the network's prefix in bits, 0 to 32 or 128; a VIP has all of them. */
  readonly prefix: number;
}

/** An address to add. */
export interface AddressSpec extends AddressKey {
  /** Default: `global`, and `host` for 127.0.0.0/8. The kernel knows the scope of an IPv6 address by itself. */
  readonly scope?: RouteScope | undefined;
  /** IPv4 alone: a name for it, the device's own or that with a colon after it (`eth0:vip`), at most 15 characters. */
  readonly label?: string | undefined;
  /** The broadcast address of an IPv4 network; by default there is none. */
  readonly broadcast?: string | undefined;
  /** IPv6 alone: without duplicate address detection, during which the address can't be used for a second or two. */
  readonly nodad?: boolean | undefined;
  /** Without the route to its network that the kernel makes otherwise. */
  readonly noprefixroute?: boolean | undefined;
  /** IPv6 alone: never chosen as the source of what this host sends of its own accord (RFC 4862). */
  readonly deprecated?: boolean | undefined;
}

/** IFA_F_* of linux/if_addr.h. */
export type AddressFlag =
  | 'secondary'
  | 'nodad'
  | 'optimistic'
  | 'dadfailed'
  | 'homeaddress'
  | 'deprecated'
  | 'tentative'
  | 'permanent'
  | 'managetempaddr'
  | 'noprefixroute'
  | 'mcautojoin'
  | 'stablePrivacy';

/** An address as the kernel has it. */
export interface AddressEntry extends AddressKey {
  readonly family: Family;
  readonly scope: RouteScope;
  /** The other end, of a point-to-point address. `prefix` is then the length of its network's prefix. */
  readonly peer?: string;
  readonly broadcast?: string;
  /** IPv4 alone; without a label of its own, the device's name. */
  readonly label?: string;
  /** What is true of it: `permanent`, `secondary`, `nodad`, `tentative`, `dadfailed`, `noprefixroute`, ... */
  readonly flags: readonly AddressFlag[];
}

const SUBJECT = 'address';

/** `10.0.0.100/32 on eth0` */
export function formatAddressKey({ device, address, prefix }: AddressKey): string {
  return `${address}/${prefix} on ${device}`;
}

/** A dump of all addresses of both families. */
export function getAddresses(): Request {
  const content = { kind: 'address', data: { family: AF_UNSPEC }, attrs: {} } as const;
  return request({ type: 'GETADDR', command: 'list addresses' }, content);
}

/** @throws {InvalidArgumentError} */
export function checkAddress(spec: AddressSpec): void {
  checkPrefixLength(SUBJECT, 'prefix', spec.prefix, addressBytes(SUBJECT, 'address', spec.address));
  if (spec.broadcast !== undefined) addressBytes(SUBJECT, 'broadcast', spec.broadcast);
  if (spec.label === undefined) return;
  const fits = spec.label === spec.device || spec.label.startsWith(`${spec.device}:`);
  if (fits && spec.label.length <= 15 && familyOf(spec.address) === 'ipv4') return;
  const message = `"${spec.label}" is not ${spec.device} or ${spec.device}:NAME in 15 characters, for an IPv4 address`;
  throw new InvalidArgumentError(SUBJECT, [{ path: 'label', message }]);
}

/** Adds an address that was checked to the device of this index. */
export function newAddress(index: number, spec: AddressSpec): Request {
  const { label, broadcast, nodad, noprefixroute, deprecated } = spec;
  const { data, attrs } = keyContent(index, spec);
  const content = {
    kind: 'address',
    data: { ...data, scope: scopeNumber(spec.scope ?? defaultScope(spec.address)) },
    attrs: {
      ...attrs,
      flags: { ...(nodad && { nodad }), ...(noprefixroute && { noprefixroute }) },
      ...(label !== undefined && { label }),
      ...(broadcast !== undefined && { broadcast: bufferOf(addressBytes(SUBJECT, 'broadcast', broadcast)) }),
    },
  } as const;
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  const parts = { type: 'NEWADDR', flags, command: 'add address', object: formatAddressKey(spec) } as const;
  return request(parts, content, deprecated === true ? [DEPRECATED] : []);
}

/** linux/if_addr.h; the codec knows no such attribute. */
const IFA_CACHEINFO = 6;
/** struct ifa_cacheinfo: preferred for no time, valid for ever, and two times that only the kernel sets. */
const DEPRECATED: PlainAttribute = [IFA_CACHEINFO, new Uint8Array(Uint32Array.of(0, 0xffffffff, 0, 0).buffer)];

/** Deletes an address that was checked from the device of this index. */
export function deleteAddress(index: number, key: AddressKey): Request {
  const parts = { type: 'DELADDR', command: 'delete address', object: formatAddressKey(key) } as const;
  return request(parts, keyContent(index, key));
}

function keyContent(index: number, { address, prefix }: AddressKey) {
  const local = bufferOf(addressBytes(SUBJECT, 'address', address));
  const data = { family: AF[familyOf(address)], prefixlen: prefix, index };
  // For IPv4 `address` is the network's or the other end's, which here is the same.
  return { kind: 'address', data, attrs: { local, address: local } } as const;
}

/** As ip(8) chooses it. */
function defaultScope(address: string): RouteScope {
  return address.startsWith('127.') ? 'host' : 'global';
}

/** Reads an answer to GETADDR; undefined for a family other than IPv4 and IPv6. */
export function readAddress(message: Message, deviceName: (index: number) => string): AddressEntry | undefined {
  const { data, attrs } = parseAddress(message);
  const family = familyOfNumber(data.family);
  // IPv6 says IFA_LOCAL only where there is another end.
  const local = attrs.local ?? attrs.address;
  if (family === undefined || local === undefined) return undefined;
  const peer = attrs.address !== undefined && !local.equals(attrs.address) ? formatIP(attrs.address) : undefined;
  return {
    device: deviceName(data.index ?? 0),
    family,
    address: formatIP(local),
    prefix: data.prefixlen ?? 0,
    scope: scopeName(data.scope ?? 0),
    ...(peer !== undefined && { peer }),
    ...(attrs.broadcast !== undefined && { broadcast: formatIP(attrs.broadcast) }),
    ...(attrs.label !== undefined && { label: attrs.label }),
    flags: flagNames(attrs.flags ?? data.flags),
  };
}

/** `__unknown` is the codec's own, for bits that have no name. */
function flagNames(flags: Readonly<Partial<Record<AddressFlag | '__unknown', unknown>>> = {}): AddressFlag[] {
  return (Object.keys(flags) as (keyof typeof flags)[]).filter((name) => name !== '__unknown');
}
