/**
 * The attributes of a route as the kernel tells them, and which of them it takes back.
 * @module
 */
import { type Family, formatIP } from '../../address/ip.js';
import { ProtocolError } from '../../errors.js';
import { LITTLE_ENDIAN } from '../../linux/byte-order.js';
import { AttributeReader, align, Bytes } from '../attributes.js';

/** linux/rtnetlink.h */
const RTMSG = 12;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_MULTIPATH = 9;
const RTA_CACHEINFO = 12;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTA_ENCAP_TYPE = 21;
const RTA_ENCAP = 22;
const RTA_EXPIRES = 23;
const RTA_NH_ID = 30;

/** The length of an attribute's header. */
const NLA_HDRLEN = 4;
/** USER_HZ: of times that the kernel tells in ticks. */
const USER_HZ = 100;

/** The only flags of a route or next hop that are not its state of the moment: RTNH_F_PERVASIVE, RTNH_F_ONLINK. */
const RTNH_F_KEPT = 2 | 4;

/** What is read of them. */
export interface RouteAttributes {
  destination?: string;
  gateway?: string;
  deviceIndex?: number;
  metric?: number;
  preferredSource?: string;
  table?: number;
}

/** Reads the attributes of a route of this family; skips what is unknown. */
export function readRouteAttributes(reader: AttributeReader, family: Family): RouteAttributes {
  const length = family === 'ipv4' ? 4 : 16;
  const attributes: RouteAttributes = {};
  while (reader.next()) {
    switch (reader.type) {
      case RTA_DST:
        attributes.destination = formatIP(reader.bytes(length));
        break;
      case RTA_OIF:
        attributes.deviceIndex = reader.u32();
        break;
      case RTA_GATEWAY:
        attributes.gateway = formatIP(reader.bytes(length));
        break;
      case RTA_VIA:
        // struct rtvia: 16 bits of family, and an address of that.
        attributes.gateway = formatIP(reader.payload().subarray(2));
        break;
      case RTA_PRIORITY:
        attributes.metric = reader.u32();
        break;
      case RTA_PREFSRC:
        attributes.preferredSource = formatIP(reader.bytes(length));
        break;
      case RTA_TABLE:
        attributes.table = reader.u32();
        break;
    }
  }
  return attributes;
}

/**
 * A route's message as the kernel dumped it -> one that makes the same route. As it stands the kernel would refuse it, for
 * it holds what is only told (fib_semantics.c and ip6 route.c of Linux 6.1):
 *
 * - The state of the moment among the flags: RTNH_F_DEAD, RTNH_F_LINKDOWN and the like, also in each next hop.
 * - The parts of a nexthop object beside its number (`ip nexthop`), of which one must be left out.
 * - The time that is left (RTA_CACHEINFO), which it takes as RTA_EXPIRES alone.
 */
export function restorable(message: Uint8Array): Uint8Array {
  if (message.length < RTMSG) throw new ProtocolError(`route: ${message.length} bytes, which needs ${RTMSG}`);
  const source = new Bytes(Uint8Array.from(message));
  source.view.setUint32(8, source.view.getUint32(8, LITTLE_ENDIAN) & RTNH_F_KEPT, LITTLE_ENDIAN);
  const attributes = splitAttributes(source.array);
  const hasObject = attributes.some(({ type }) => type === RTA_NH_ID);
  const parts = attributes.flatMap(({ type, bytes }) => {
    if (type === RTA_CACHEINFO) return expiry(bytes);
    if (hasObject && OBJECT_PARTS.includes(type)) return [];
    if (type === RTA_MULTIPATH) clearNextHopFlags(bytes);
    return [bytes];
  });
  return Buffer.concat([source.array.subarray(0, RTMSG), ...parts]);
}

const OBJECT_PARTS: readonly number[] = [RTA_OIF, RTA_GATEWAY, RTA_VIA, RTA_MULTIPATH, RTA_ENCAP_TYPE, RTA_ENCAP];

/** The attributes of a route with their headers and padding, as views. */
function splitAttributes(message: Uint8Array): { type: number; bytes: Uint8Array }[] {
  const bytes = new Bytes(message);
  const reader = new AttributeReader(bytes, RTMSG, message.length, 'route');
  const found: { type: number; bytes: Uint8Array }[] = [];
  let start = RTMSG;
  while (reader.next()) {
    const end = start + align(bytes.view.getUint16(start, LITTLE_ENDIAN));
    found.push({ type: reader.type, bytes: message.subarray(start, end) });
    start = end;
  }
  return found;
}

/** RTA_CACHEINFO -> RTA_EXPIRES in seconds; nothing for a route that stays. */
function expiry(cacheInfo: Uint8Array): Uint8Array[] {
  // struct rta_cacheinfo: clntref, lastuse, expires.
  const { view } = new Bytes(cacheInfo);
  const ticks = view.byteLength < NLA_HDRLEN + 12 ? 0 : view.getInt32(NLA_HDRLEN + 8, LITTLE_ENDIAN);
  if (ticks <= 0) return [];
  const attribute = new Bytes(new Uint8Array(NLA_HDRLEN + 4));
  attribute.view.setUint16(0, NLA_HDRLEN + 4, LITTLE_ENDIAN);
  attribute.view.setUint16(2, RTA_EXPIRES, LITTLE_ENDIAN);
  attribute.view.setUint32(4, Math.ceil(ticks / USER_HZ), LITTLE_ENDIAN);
  return [attribute.array];
}

/** struct rtnexthop: 16 bits of length, 8 of flags, 8 of weight, 32 of device, and attributes; padded to 4 bytes. */
function clearNextHopFlags(multipath: Uint8Array): void {
  const { view } = new Bytes(multipath);
  for (let start = NLA_HDRLEN; start + 8 <= view.byteLength; ) {
    const length = view.getUint16(start, LITTLE_ENDIAN);
    if (length < 8) throw new ProtocolError(`RTA_MULTIPATH: next hop of ${length} bytes, which needs 8`);
    view.setUint8(start + 2, view.getUint8(start + 2) & RTNH_F_KEPT);
    start += align(length);
  }
}
