/**
 * Addresses as keys of maps.
 * @module
 */
import type { Family } from '../../address/ip.js';

/** The first four bytes as a number, as IPv4 has them. */
export function word(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}

/** The same text for the same address of a family and the same number beside it. */
export function addressKey(family: Family, address: Uint8Array, number: number): string {
  if (family === 'ipv4') return `${word(address, 0)}/${number}`;
  return `${word(address, 0)}.${word(address, 4)}.${word(address, 8)}.${word(address, 12)}/${number}`;
}

/** Whether two addresses of a family are one; what is behind an IPv4 address does not count. */
export function sameAddress(family: Family, a: Uint8Array, b: Uint8Array): boolean {
  const length = family === 'ipv4' ? 4 : 16;
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A copy of what counts of an address: 16 bytes, zero behind an IPv4 address. */
export function copyAddress(family: Family, address: Uint8Array): Uint8Array {
  const copy = new Uint8Array(16);
  copy.set(family === 'ipv4' ? address.subarray(0, 4) : address);
  return copy;
}
