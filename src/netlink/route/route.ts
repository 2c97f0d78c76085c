/**
 * Routes. They are read by our own reader: the `netlink` package's (0.3.0) refuses every RTA_VIA, an IPv4 route by way of an
 * IPv6 gateway, for it believes addresses to have one byte, and with it the whole list.
 * @module
 */
import {
  formatRouteMessage,
  MessageType,
  RouteProtocol as ProtocolNumber,
  type RouteAttrs,
  RouteScope as ScopeNumber,
  RouteType as TypeNumber,
} from 'netlink/dist/rt/structs.js';
import type { AttrStream } from 'netlink/dist/structs.js';
import { type Family, familyOf, formatIP } from '../../address/ip.js';
import { type Network, parseNetwork } from '../../address/network.js';
import { InvalidArgumentError, ProtocolError } from '../../errors.js';
import { LITTLE_ENDIAN } from '../../linux/byte-order.js';
import { AttributeReader } from '../attributes.js';
import type { Request } from '../connection.js';
import { type Message, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../message.js';
import { AF, familyOfNumber, RT_TABLE_LOCAL, RT_TABLE_MAIN, type Scope, scopeName, scopeNumber } from './constants.js';
import { addressBytes, payloadOf, request, writeBytes } from './message.js';
import { readRouteAttributes, restorable } from './route-attributes.js';

/** RTN_*: what is done with packets for the destination, in ip(8)'s words; any other number is written as such. */
export type RouteType = Lowercase<keyof typeof TypeNumber> | `${number}`;
/** RTPROT_*: who made the route, in ip(8)'s words; any other number is written as such. */
export type RouteProtocol = Lowercase<keyof typeof ProtocolNumber> | `${number}`;
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
  readonly scope?: Scope | undefined;
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
  readonly scope: Scope;
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
  return request({ type: MessageType.GETROUTE, command: `list ${family} routes` }, (out) =>
    formatRouteMessage({ kind: 'route', data: { family: AF[family] }, attrs: {} }, out),
  );
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
  const numbers = { type: typeNumber(type), protocol: protocolNumber(protocol), scope: scopeNumber(scope) };
  return routeRequest({ type: MessageType.NEWROUTE, flags, command: `${verb} route` }, index, spec, numbers);
}

/** Deletes the first route that has all these marks. `index` is its device's. */
export function deleteRoute(index: number | undefined, spec: RouteSpec): Request {
  const numbers = {
    type: spec.type === undefined ? 0 : typeNumber(spec.type),
    protocol: spec.protocol === undefined ? 0 : protocolNumber(spec.protocol),
    // In a deletion this means any.
    scope: spec.scope === undefined ? ScopeNumber.NOWHERE : scopeNumber(spec.scope),
  };
  return routeRequest({ type: MessageType.DELROUTE, command: 'delete route' }, index, spec, numbers);
}

/** Makes the very route of a {@link RouteEntry.message} again. */
export function restoreRoute(message: Uint8Array, object?: string): Request {
  return rawRequest(
    { type: MessageType.NEWROUTE, flags: NLM_F_CREATE | NLM_F_EXCL, command: 'restore route' },
    message,
    object,
  );
}

/** Deletes the very route of a {@link RouteEntry.message}. */
export function withdrawRoute(message: Uint8Array, object?: string): Request {
  return rawRequest({ type: MessageType.DELROUTE, command: 'withdraw route' }, message, object);
}

function rawRequest(
  parts: { type: number; flags?: number; command: string },
  message: Uint8Array,
  object: string | undefined,
): Request {
  const payload = restorable(message);
  return { ...parts, object: () => object, write: (writer) => writeBytes(writer, payload) };
}

function routeRequest(
  parts: { type: number; flags?: number; command: string },
  index: number | undefined,
  spec: RouteSpec,
  numbers: { type: number; protocol: number; scope: number },
): Request {
  const { bytes, prefix } = parseDestination(spec.destination);
  const { table = LOCAL_TYPES.includes(spec.type ?? 'unicast') ? 'local' : 'main', onlink, metric } = spec;
  const data = {
    family: AF[familyOf(spec.destination)],
    dstLen: prefix,
    table: TABLES[table],
    ...numbers,
    flags: onlink ? { __unknown: RTNH_F_ONLINK } : {},
  };
  const attrs: RouteAttrs = {};
  if (prefix > 0) attrs.dst = Buffer.from(bytes);
  if (index !== undefined) attrs.oif = index;
  if (metric !== undefined) attrs.priority = metric;
  if (spec.preferredSource !== undefined) {
    attrs.prefsrc = addressBytes(SUBJECT, 'preferredSource', spec.preferredSource);
  }
  return request({ ...parts, object: formatRoute(spec) }, (out) => {
    formatRouteMessage({ kind: 'route', data, attrs }, out);
    if (spec.gateway !== undefined) pushGateway(out, spec.destination, spec.gateway);
  });
}

/** The gateway's attribute: RTA_GATEWAY, or RTA_VIA where it is of another family than the destination. */
function pushGateway(out: AttrStream, destination: string, gateway: string): void {
  const bytes = addressBytes(SUBJECT, 'gateway', gateway);
  const family = familyOf(gateway);
  if (family === familyOf(destination)) return out.push(RTA_GATEWAY, bytes);
  // struct rtvia: the family in 16 bits of host order, and the address.
  out.push(RTA_VIA, Buffer.concat([new Uint8Array(Uint16Array.of(AF[family]).buffer), bytes]));
}

function parseDestination(destination: string): Network {
  const network = parseNetwork(destination);
  if (network !== undefined) return network;
  const message = `"${destination}" is neither an IPv4 or IPv6 address nor a network (10.0.0.0/24)`;
  throw new InvalidArgumentError(SUBJECT, [{ path: 'destination', message }]);
}

/** As ip(8) chooses it (iproute.c). */
function defaultScope({ destination, type = 'unicast', gateway }: RouteSpec): Scope {
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
    protocol: nameOf(ProtocolNumber, protocol) as RouteProtocol,
    scope: scopeName(scope),
    type: nameOf(TypeNumber, type) as RouteType,
    table,
    onlink: (bytes.view.getUint32(start + 8, LITTLE_ENDIAN) & RTNH_F_ONLINK) !== 0,
    ...(preferredSource !== undefined && { preferredSource }),
    message: Uint8Array.from(payloadOf(message)),
  };
}

function tableName(number: number): RouteTable | undefined {
  if (number === RT_TABLE_MAIN) return 'main';
  return number === RT_TABLE_LOCAL ? 'local' : undefined;
}

function nameOf(names: Readonly<Record<number, string>>, number: number): string {
  return names[number]?.toLowerCase() ?? String(number);
}

function typeNumber(name: RouteType): number {
  return TypeNumber[name.toUpperCase() as keyof typeof TypeNumber] ?? Number(name);
}

function protocolNumber(name: RouteProtocol): number {
  return ProtocolNumber[name.toUpperCase() as keyof typeof ProtocolNumber] ?? Number(name);
}
