/**
 * Networks: prefix lengths, dotted IPv4 masks, and which addresses lie in a network.
 * @module
 */
import { formatIP, ipv4Bytes, parseIP } from './ip.js';

/** An address, of which the first `prefix` bits count. */
export interface Network {
  readonly bytes: Uint8Array;
  /** 0 to 32 or 128. */
  readonly prefix: number;
}

/** `10.0.0.0/24`, `2001:db8::/32`; an address without a prefix length is a network of one. Bits after the prefix may be set. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = '', digits] = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const bytes = parseIP(address);
  if (bytes === undefined) return undefined;
  const prefix = digits === undefined ? 8 * bytes.length : Number(digits);
  return prefix <= 8 * bytes.length ? { bytes, prefix } : undefined;
}

/** Whether an address lies in a network: an address of the other family never does. */
export function contains({ bytes, prefix }: Network, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false;
  const whole = prefix >> 3;
  for (let index = 0; index < whole; index++) if (bytes[index] !== address[index]) return false;
  const mask = 0xff & (0xff << (8 - (prefix & 7)));
  return mask === 0 || (((bytes[whole] ?? 0) ^ (address[whole] ?? 0)) & mask) === 0;
}

/** Whether an address lies in the network of another one: `inNetwork('10.0.0.7', { address: '10.0.0.1', prefix: 24 })`. */
export function inNetwork(address: string, network: { readonly address: string; readonly prefix: number }): boolean {
  const [bytes, start] = [parseIP(address), parseIP(network.address)];
  if (bytes === undefined || start === undefined) return false;
  return contains({ bytes: start, prefix: network.prefix }, bytes);
}

/**
 * Whether an address is none of a host's in its IPv4 network: the network's own (all zeros behind the prefix), or its broadcast
 * address (all ones). Networks of one or two addresses have neither (RFC 3021).
 */
export function networkEnd(address: string, prefix: number): 'network' | 'broadcast' | undefined {
  const bytes = parseIP(address);
  if (bytes?.length !== 4 || prefix > 30) return undefined;
  const mask = maskOfPrefix(prefix);
  const isAll = (bit: 0 | 0xff) => bytes.every((byte, index) => ((byte ^ bit) & ~(mask[index] ?? 0) & 0xff) === 0);
  if (isAll(0)) return 'network';
  return isAll(0xff) ? 'broadcast' : undefined;
}

/** 24 -> the mask's four bytes 255.255.255.0. */
export function maskOfPrefix(prefix: number): Uint8Array {
  return ipv4Bytes(prefix === 0 ? 0 : 0xffffffff << (32 - prefix));
}

/** The prefix length of a mask whose ones all stand left of its zeros; undefined for 255.0.255.0 and the like. */
export function prefixOfMask(mask: Uint8Array): number | undefined {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const ones = bits.indexOf('0');
  if (ones === -1) return bits.length;
  return bits.includes('1', ones) ? undefined : ones;
}

/** A mask in the shortest honest form: its prefix length, or dotted where it has none. */
export function describeMask(mask: Uint8Array): number | string {
  return prefixOfMask(mask) ?? formatIP(mask);
}
