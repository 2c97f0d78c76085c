/**
 * Routes.
 * @module
 */
import { type Family, familyOf, formatIP } from '../../address/ip.js';
import { type Network, parseNetwork } from '../../address/network.js';
import { InvalidArgumentError, ProtocolError } from '../../errors.js';
import { LITTLE_ENDIAN } from '../../linux/byte-order.js';
import { AttributeReader } from '../attributes.js';
import type { Request } from '../connection.js';
import { type Message, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../message.js';
import { addressBytes } from './checks.js';
import {
  bufferOf,
  messageType,
  nameOfNumber,
  numberOfName,
  type PlainAttribute,
  type RequestParts,
  request,
} from './codec.js';
import {
  AF,
  familyOfNumber,
  type RouteScope,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  scopeName,
  scopeNumber,
} from './constants.js';
import { readRouteAttributes, restorable } from './route-attributes.js';

/** RTN_*: what is done with packets for the destination, in ip(8)'s words; any other number is written as such. */
export type RouteType =
  | 'unspec'
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'nat'
  | 'xresolve'
  | `${number}`;
/** RTPROT_*: who made the route, in ip(8)'s words; any other number is written as such. */
export type RouteProtocol =
  | 'redirect'
  | 'kernel'
  | 'boot'
  | 'static'
  | 'gated'
  | 'ra'
  | 'mrt'
  | 'zebra'
  | 'bird'
  | 'dnrouted'
  | 'xorp'
  | 'ntk'
  | 'dhcp'
  | 'mrouted'
  | 'babel'
  | 'bgp'
  | 'isis'
  | 'ospf'
  | 'rip'
  | 'eigrp'
  | `${number}`;
/** The two tables that every host has: what the administrator routes, and the host's own addresses. */
export type RouteTable = 'main' | 'local';

/** A route to make, or the marks of one to delete. */
export interface RouteSpec {
  /** `10.0.0.0/24`, `10.0.0.1`, `2001:db8::/32`; `0.0.0.0/0` and `::/0` are the default routes. */
  readonly destination: string;
  /** The next router; also an IPv6 one for an IPv4 route. */
  readonly gateway?: string | undefined;
  /** `eth0`; where there is a gateway, the kernel finds the device by itself. */
  readonly device?: string | undefined;
  /** 0 to 4294967295, less is better; default: 0 for IPv4, 1024 for IPv6. */
  readonly metric?: number | undefined;
  /** Default: `boot`, like ip(8)'s. */
  readonly protocol?: RouteProtocol | undefined;
  /** IPv4 alone. Default as ip(8)'s: `host` for local routes, `link` without a gateway, else `global`. */
  readonly scope?: RouteScope | undefined;
  /** Default: `unicast`. */
  readonly type?: RouteType | undefined;
  /** Default: `local` for the types local, broadcast and anycast, else `main`. */
  readonly table?: RouteTable | undefined;
  /** The gateway is taken to be on the device's link, even if no address says so. */
  readonly onlink?: boolean | undefined;
  /** The source address of what the host itself sends this way. */
  readonly preferredSource?: string | undefined;
}

/** A route as the kernel has it. One with several next hops has neither gateway nor device here. */
export interface RouteEntry extends RouteSpec {
  readonly family: Family;
  /** Always with its prefix length. */
  readonly destination: string;
  readonly protocol: RouteProtocol;
  readonly scope: RouteScope;
  readonly type: RouteType;
  readonly table: RouteTable;
  readonly onlink: boolean;
  /** The kernel's own words, with all that this object has no field for: what `restoreRoute` takes. */
  readonly message: Uint8Array;
}

const SUBJECT = 'route';

/** rtmsg: family, prefix lengths, tos, table, protocol, scope, type in a byte each, and 4 bytes of flags. */
const RTMSG = 12;
/** linux/rtnetlink.h: one of the flags of next hops, which stand among the route's where it has one. */
const RTNH_F_ONLINK = 4;
const RTA_GATEWAY = 5;
const RTA_VIA = 18;

const TABLES: Readonly<Record<RouteTable, number>> = { main: RT_TABLE_MAIN, local: RT_TABLE_LOCAL };
const LOCAL_TYPES: readonly RouteType[] = ['local', 'broadcast', 'anycast'];

/** `default via 10.0.0.1 dev eth0`, for errors. */
export function formatRoute({ destination, gateway, device, table }: RouteSpec): string {
  const where = table === 'local' ? ' in table local' : '';
  return `${destination}${gateway === undefined ? '' : ` via ${gateway}`}${device === undefined ? '' : ` dev ${device}`}${where}`;
}

/** A dump of all routes of a family, in all tables. */
export function getRoutes(family: Family): Request {
  const content = { kind: 'route', data: { family: AF[family] }, attrs: {} } as const;
  return request({ type: 'GETROUTE', command: `list ${family} routes` }, content);
}

/** @throws {InvalidArgumentError} */
export function checkRoute({ destination, gateway, metric, preferredSource }: RouteSpec): void {
  parseDestination(destination);
  if (gateway !== undefined) addressBytes(SUBJECT, 'gateway', gateway);
  if (preferredSource !== undefined) addressBytes(SUBJECT, 'preferredSource', preferredSource);
  if (metric === undefined || (Number.isInteger(metric) && metric >= 0 && metric <= 0xffffffff)) return;
  const message = `${metric} is not a whole number from 0 to 4294967295`;
  throw new InvalidArgumentError(SUBJECT, [{ path: 'metric', message }]);
}

/** Adds a route that was checked, or replaces the one with its destination and metric. `index` is its device's. */
export function newRoute(index: number | undefined, spec: RouteSpec, verb: 'add' | 'replace'): Request {
  const flags = NLM_F_CREATE | (verb === 'add' ? NLM_F_EXCL : NLM_F_REPLACE);
  const { type = 'unicast', protocol = 'boot', scope = defaultScope(spec) } = spec;
  const numbers = {
    type: numberOfName('RouteType', type),
    protocol: numberOfName('RouteProtocol', protocol),
    scope: scopeNumber(scope),
  };
  return routeRequest({ type: 'NEWROUTE', flags, command: `${verb} route` }, index, spec, numbers);
}

/** Deletes the first route that has all these marks. `index` is its device's. */
export function deleteRoute(index: number | undefined, spec: RouteSpec): Request {
  const numbers = {
    type: spec.type === undefined ? 0 : numberOfName('RouteType', spec.type),
    protocol: spec.protocol === undefined ? 0 : numberOfName('RouteProtocol', spec.protocol),
    // In a deletion this means any.
    scope: spec.scope === undefined ? scopeNumber('nowhere') : scopeNumber(spec.scope),
  };
  return routeRequest({ type: 'DELROUTE', command: 'delete route' }, index, spec, numbers);
}

/** Makes the very route of a {@link RouteEntry.message} again. */
export function restoreRoute(message: Uint8Array, object?: string): Request {
  return rawRequest({ type: 'NEWROUTE', flags: NLM_F_CREATE | NLM_F_EXCL, command: 'restore route' }, message, object);
}

/** Deletes the very route of a {@link RouteEntry.message}. */
export function withdrawRoute(message: Uint8Array, object?: string): Request {
  return rawRequest({ type: 'DELROUTE', command: 'withdraw route' }, message, object);
}

function rawRequest({ type, ...rest }: RequestParts, message: Uint8Array, object: string | undefined): Request {
  const payload = restorable(message);
  return {
    ...rest,
    type: messageType(type),
    object: () => object,
    write: (writer) => writer.setBytes(writer.reserve(payload.length), payload),
  };
}

function routeRequest(
  parts: RequestParts,
  index: number | undefined,
  spec: RouteSpec,
  numbers: { type: number; protocol: number; scope: number },
): Request {
  const { destination, gateway, preferredSource } = spec;
  const { bytes, prefix } = parseDestination(destination);
  const { table = LOCAL_TYPES.includes(spec.type ?? 'unicast') ? 'local' : 'main', onlink, metric } = spec;
  const data = {
    family: AF[familyOf(destination)],
    dstLen: prefix,
    table: TABLES[table],
    ...numbers,
    flags: onlink ? { __unknown: RTNH_F_ONLINK } : {},
  };
  const attrs = {
    ...(prefix > 0 && { dst: bufferOf(bytes) }),
    ...(index !== undefined && { oif: index }),
    ...(metric !== undefined && { priority: metric }),
    ...(preferredSource !== undefined && {
      prefsrc: bufferOf(addressBytes(SUBJECT, 'preferredSource', preferredSource)),
    }),
  };
  const object = formatRoute(spec);
  return request({ ...parts, object }, { kind: 'route', data, attrs }, gatewayAttribute(destination, gateway));
}

/** RTA_GATEWAY, or RTA_VIA where the gateway is of another family than the destination. */
function gatewayAttribute(destination: string, gateway: string | undefined): PlainAttribute[] {
  if (gateway === undefined) return [];
  const bytes = addressBytes(SUBJECT, 'gateway', gateway);
  const family = familyOf(gateway);
  if (family === familyOf(destination)) return [[RTA_GATEWAY, bytes]];
  // struct rtvia: the family in 16 bits of host order, and the address.
  return [[RTA_VIA, Buffer.concat([new Uint8Array(Uint16Array.of(AF[family]).buffer), bytes])]];
}

function parseDestination(destination: string): Network {
  const network = parseNetwork(destination);
  if (network !== undefined) return network;
  const message = `"${destination}" is neither an IPv4 or IPv6 address nor a network (10.0.0.0/24)`;
  throw new InvalidArgumentError(SUBJECT, [{ path: 'destination', message }]);
}

/** As ip(8) chooses it (iproute.c). */
function defaultScope({ destination, type = 'unicast', gateway }: RouteSpec): RouteScope {
  if (familyOf(destination) === 'ipv6') return 'global';
  if (type === 'local') return 'host';
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return 'link';
  return type === 'unicast' && gateway === undefined ? 'link' : 'global';
}

/** Reads an answer to GETROUTE; undefined for tables other than main and local, and families other than IPv4 and IPv6. */
export function readRoute(message: Message, deviceName: (index: number) => string): RouteEntry | undefined {
  const { bytes, start, end } = message;
  if (end - start < RTMSG) throw new ProtocolError(`route: ${end - start} bytes, which needs ${RTMSG}`);
  const [familyNumber = 0, prefix = 0, , , tableByte = 0, protocol = 0, scope = 0, type = 0] = bytes.array.subarray(
    start,
    end,
  );
  const family = familyOfNumber(familyNumber);
  const attributes = readRouteAttributes(new AttributeReader(bytes, start + RTMSG, end, 'route'), family ?? 'ipv4');
  const table = tableName(attributes.table ?? tableByte);
  if (family === undefined || table === undefined) return undefined;
  const { destination, gateway, deviceIndex, metric, preferredSource } = attributes;
  return {
    family,
    destination: `${destination ?? formatIP(new Uint8Array(family === 'ipv4' ? 4 : 16))}/${prefix}`,
    ...(gateway !== undefined && { gateway }),
    ...(deviceIndex !== undefined && { device: deviceName(deviceIndex) }),
    ...(metric !== undefined && { metric }),
    protocol: nameOfNumber('RouteProtocol', protocol) as RouteProtocol,
    scope: scopeName(scope),
    type: nameOfNumber('RouteType', type) as RouteType,
    table,
    onlink: (bytes.view.getUint32(start + 8, LITTLE_ENDIAN) & RTNH_F_ONLINK) !== 0,
    ...(preferredSource !== undefined && { preferredSource }),
    message: bytes.array.slice(start, end),
  };
}

function tableName(number: number): RouteTable | undefined {
  if (number === RT_TABLE_MAIN) return 'main';
  return number === RT_TABLE_LOCAL ? 'local' : undefined;
}
