/**
 * Network masks: dotted IPv4 masks and prefix lengths.
 * @module
 */
import { formatIP, ipv4Bytes } from './ip.js';

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
