/**
 * Ethernet frames.
 * @module
 */
import { macBytes } from '../address/mac.js';

/** linux/if_ether.h: what a frame carries. */
export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;
export const ETH_P_IPV6 = 0x86dd;

/** Bytes of a frame's header: to whom, from whom, what. */
export const ETH_HLEN = 14;

/** To everyone on the link. */
export const BROADCAST = 'ff:ff:ff:ff:ff:ff';

/** What a frame says: the host with this Ethernet address has this IP address. */
export interface Claim {
  readonly address: string;
  readonly mac: string;
}

/** A whole frame, without its checksum, which the device adds. */
export function ethernetFrame(to: string, from: string, protocol: number, payload: Uint8Array): Buffer {
  return Buffer.concat([macBytes(to), macBytes(from), be16(protocol), payload]);
}

/** 16 bits in network order. */
export function be16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}
