/**
 * Ranges of addresses: `10.0.0.1-10.0.0.9`.
 * @module
 */
import { formatIP } from './ip.js';

/** Addresses one after the other. */
export interface AddressRange {
  /** How many they are: as many as a family has, at most. */
  readonly count: bigint;
  /** Each in this library's form. Check the count first. */
  list(): string[];
}

/** From one address to another of the same family, both included; undefined where the second comes before the first. */
export function addressRange(first: Uint8Array, last: Uint8Array): AddressRange | undefined {
  // Nearly all of them, and files have many thousands.
  if (first.every((byte, index) => byte === last[index])) return { count: 1n, list: () => [formatIP(first)] };
  const start = numberOf(first);
  const count = numberOf(last) - start + 1n;
  if (count <= 0n) return undefined;
  return {
    count,
    list: () =>
      Array.from({ length: Number(count) }, (_, index) => formatIP(bytesOf(start + BigInt(index), first.length))),
  };
}

/** An address as one number. */
function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

/** The reverse of {@link numberOf}, for an address of 4 or 16 bytes. */
function bytesOf(number: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => Number((number >> BigInt(8 * (length - 1 - index))) & 0xffn));
}
