/**
 * Asking the kernel what it would do with a packet: `ip route get`. It looks at policy rules, all tables and the source filter
 * (rp_filter), as for a real packet.
 * @module
 */
import { familyOf } from '../../address/ip.js';
import { ProtocolError } from '../../errors.js';
import { AttributeReader } from '../attributes.js';
import type { Request } from '../connection.js';
import type { Message } from '../message.js';
import { addressBytes } from './checks.js';
import { AF, familyOfNumber } from './constants.js';
import { readRouteAttributes } from './route-attributes.js';

/** linux/rtnetlink.h */
const RTM_GETROUTE = 26;
const RTMSG = 12;
const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_IIF = 3;
const RTN_LOCAL = 2;

/** A packet, as far as routing looks at it. */
export interface RoutedPacket {
  readonly destination: string;
  /** Default: the kernel chooses it. */
  readonly source?: string | undefined;
  /** The device that the packet comes in by; without one, this host sends it. */
  readonly from?: string | undefined;
}

/** What the kernel would do with a packet that it does not drop. */
export interface PacketRoute {
  /** The packet is for this host. */
  readonly local: boolean;
  /** The device that it leaves by; `lo` for one that is for this host. */
  readonly device?: string;
  /** The next router; absent where the destination is on the device's link. */
  readonly gateway?: string;
}

/** `index` is the number of the device that the packet comes in by. */
export function getRoute({ destination, source, from }: RoutedPacket, index: number | undefined): Request {
  const subject = 'routed packet';
  const to = addressBytes(subject, 'destination', destination);
  const sender = source === undefined ? undefined : addressBytes(subject, 'source', source);
  const object = `to ${destination}${source === undefined ? '' : ` from ${source}`}${from === undefined ? '' : ` by ${from}`}`;
  return {
    type: RTM_GETROUTE,
    command: 'look up route',
    object: () => object,
    write(writer) {
      const start = writer.reserve(RTMSG);
      writer.setU8(start, AF[familyOf(destination)]);
      writer.setU8(start + 1, 8 * to.length);
      if (sender !== undefined) writer.setU8(start + 2, 8 * sender.length);
      writer.bytes(RTA_DST, to);
      if (sender !== undefined) writer.bytes(RTA_SRC, sender);
      if (index !== undefined) writer.u32(RTA_IIF, index);
    },
  };
}

/** Reads the answer. */
export function readPacketRoute({ bytes, start, end }: Message, deviceName: (index: number) => string): PacketRoute {
  if (end - start < RTMSG) throw new ProtocolError(`route: ${end - start} bytes, which needs ${RTMSG}`);
  const family = familyOfNumber(bytes.array[start]) ?? 'ipv4';
  const attributes = readRouteAttributes(new AttributeReader(bytes, start + RTMSG, end, 'route'), family);
  const { gateway, deviceIndex } = attributes;
  return {
    local: bytes.array[start + 7] === RTN_LOCAL,
    ...(deviceIndex !== undefined && { device: deviceName(deviceIndex) }),
    ...(gateway !== undefined && { gateway }),
  };
}
