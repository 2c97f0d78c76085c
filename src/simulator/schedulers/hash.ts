import type { Family } from '../../address/ip.js';
import type { ScheduledPacket } from './scheduler.js';

/** `GOLDEN_RATIO_32` of linux/hash.h. */
const GOLDEN_RATIO_32 = 0x61c88647;

const PROTOCOLS_WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132]);

/**
 * An address as the 32-bit number that is hashed: an IPv6 address as the XOR of its four words. The family is the service's,
 * as in the kernel; an IPv4 destination of an IPv6 service has zeros where the other words would be.
 */
export function foldAddress(family: Family, address: Uint8Array): number {
  if (family === 'ipv4') return word(address, 0);
  return (word(address, 0) ^ word(address, 4) ^ word(address, 8) ^ word(address, 12)) >>> 0;
}

function word(bytes: Uint8Array, at: number): number {
  const [first, second] = [bytes[at] ?? 0, bytes[at + 1] ?? 0];
  const [third, fourth] = [bytes[at + 2] ?? 0, bytes[at + 3] ?? 0];
  return ((first << 24) | (second << 16) | (third << 8) | fourth) >>> 0;
}

/**
 * `hash_32` of linux/hash.h: the upper `bits` bits of a product. dh, sh, lblc and lblcr use it since Linux 4.18; until then
 * they took the lower bits of a product with 2654435761, by which the addresses of a network fell on few servers.
 */
export function hash32(value: number, bits: number): number {
  return Math.imul(value, GOLDEN_RATIO_32) >>> (32 - bits);
}

/** The source port, for those who hash it too; 0 with protocols that have none. */
export function hashedPort(packet: ScheduledPacket): number {
  return PROTOCOLS_WITH_PORTS.has(packet.protocol) ? packet.sourcePort : 0;
}
