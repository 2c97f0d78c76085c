/**
 * IPv6 neighbour discovery on Ethernet (RFC 4861): the frames that ask for and announce an IPv6 address. Pure.
 * @module
 */
import { formatIP, parseIPv6 } from '../address/ip.js';
import { formatMac, macBytes } from '../address/mac.js';
import { be16, type Claim, ETH_HLEN, ETH_P_IPV6, ethernetFrame } from './ethernet.js';

const IPPROTO_ICMPV6 = 58;
const NEIGHBOUR_SOLICITATION = 135;
/** The type of the ICMPv6 message that answers. */
export const NEIGHBOUR_ADVERTISEMENT = 136;

/** Option types: the link-layer address of who asks, and of who is asked for. */
const SOURCE_LINK_LAYER_ADDRESS = 1;
const TARGET_LINK_LAYER_ADDRESS = 2;

/** Flags in the first byte after the checksum. */
const ROUTER = 0x80;
const OVERRIDE = 0x20;

/** Bytes of an IPv6 header, and of a solicitation or advertisement without options. */
const IP_HEADER = 40;
const ADVERTISEMENT = 24;
/** A router would have counted it down: proves that a message is from this link. */
const HOP_LIMIT = 255;

const UNSPECIFIED = '::';
const ALL_NODES = 'ff02::1';

/** Asks those who may have `target`. Without an address to ask from it is a probe: nobody learns anything from it. */
export function neighbourSolicitation(target: string, from: { mac: string; address?: string | undefined }): Buffer {
  const { mac, address } = from;
  const option = address === undefined ? [] : linkLayerOption(SOURCE_LINK_LAYER_ADDRESS, mac);
  const message = [NEIGHBOUR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0, ...bytesOf(target), ...option];
  return icmpFrame({ mac, address: address ?? UNSPECIFIED }, solicitedNode(target), message);
}

/** Tells everyone on the link that `address` is at `mac` now, whatever they knew. `router`: this host forwards. */
export function unsolicitedAdvertisement(address: string, mac: string, router: boolean): Buffer {
  const flags = OVERRIDE | (router ? ROUTER : 0);
  const option = linkLayerOption(TARGET_LINK_LAYER_ADDRESS, mac);
  const message = [NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0, ...bytesOf(address), ...option];
  return icmpFrame({ mac, address }, ALL_NODES, message);
}

/** Who says in a frame which address is theirs; undefined for a frame that is no neighbour advertisement. */
export function readAdvertisement(frame: Uint8Array): Claim | undefined {
  const packet = frame.subarray(ETH_HLEN);
  const message = packet.subarray(IP_HEADER);
  // An advertisement has no extension headers before it (RFC 6980 forbids the one that would matter).
  if (packet[6] !== IPPROTO_ICMPV6 || packet[7] !== HOP_LIMIT) return undefined;
  if (message[0] !== NEIGHBOUR_ADVERTISEMENT || message.length < ADVERTISEMENT) return undefined;
  const mac = targetLinkLayerAddress(message) ?? frame.subarray(6, 12);
  return { address: formatIP(message.subarray(8, ADVERTISEMENT)), mac: formatMac(mac) };
}

/** Options: type, length in 8 bytes, value. */
function targetLinkLayerAddress(message: Uint8Array): Uint8Array | undefined {
  for (let start = ADVERTISEMENT; start + 8 <= message.length; ) {
    if (message[start] === TARGET_LINK_LAYER_ADDRESS) return message.subarray(start + 2, start + 8);
    const length = 8 * (message[start + 1] ?? 0);
    if (length === 0) return undefined;
    start += length;
  }
  return undefined;
}

/** Every address has a multicast group by its last 24 bits, so that only those who may have it are asked. */
function solicitedNode(address: string): string {
  return formatIP(Uint8Array.of(...bytesOf('ff02::1:ff00:0').subarray(0, 13), ...bytesOf(address).subarray(13)));
}

function linkLayerOption(type: number, mac: string): number[] {
  return [type, 1, ...macBytes(mac)];
}

/** An ICMPv6 message to a multicast group of the link, whose checksum is put in. */
function icmpFrame(from: { mac: string; address: string }, group: string, parts: readonly number[]): Buffer {
  const message = Uint8Array.from(parts);
  const [source, destination] = [bytesOf(from.address), bytesOf(group)];
  const pseudoHeader = [...source, ...destination, 0, 0, ...be16(message.length), 0, 0, 0, IPPROTO_ICMPV6];
  message.set(be16(internetChecksum([...pseudoHeader, ...message])), 2);
  const header = [0x60, 0, 0, 0, ...be16(message.length), IPPROTO_ICMPV6, HOP_LIMIT, ...source, ...destination];
  // RFC 2464: 33:33 and the group's last 32 bits.
  const to = formatMac(Uint8Array.of(0x33, 0x33, ...destination.subarray(12)));
  return ethernetFrame(to, from.mac, ETH_P_IPV6, Uint8Array.from([...header, ...message]));
}

/** RFC 1071, of an even number of bytes. */
function internetChecksum(bytes: readonly number[]): number {
  let sum = 0;
  for (const [index, byte] of bytes.entries()) sum += index % 2 === 0 ? byte << 8 : byte;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function bytesOf(address: string): Uint8Array {
  return parseIPv6(address) ?? new Uint8Array(16);
}
