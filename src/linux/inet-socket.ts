/**
 * What sockets of IPv4 and IPv6 are told, as the kernel reads it.
 * @module
 */
import { parseIP, parseIPv4Number } from '../address/ip.js';
import { LITTLE_ENDIAN } from './byte-order.js';
import { AF_INET, AF_INET6 } from './native.js';

/** linux/in.h: levels of socket options. */
export const IPPROTO_IP = 0;
export const IPPROTO_IPV6 = 41;

/** A C int in the machine's order, as socket options have it. */
export function integer(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

/** The bytes of an address. */
export function bytesOf(address: string): Uint8Array {
  return parseIP(address) ?? new Uint8Array(4);
}

/** struct sockaddr_in, or sockaddr_in6, whose last field is the index of a device. */
export function inetAddress(
  address: string,
  { port = 0, device = 0 }: { readonly port?: number; readonly device?: number } = {},
): Uint8Array {
  const bytes = bytesOf(address);
  const isIPv4 = bytes.length === 4;
  const struct = new Uint8Array(isIPv4 ? 16 : 28);
  const view = new DataView(struct.buffer);
  view.setUint16(0, isIPv4 ? AF_INET : AF_INET6, LITTLE_ENDIAN);
  view.setUint16(2, port);
  struct.set(bytes, isIPv4 ? 4 : 8);
  if (!isIPv4) view.setUint32(24, device, LITTLE_ENDIAN);
  return struct;
}

const IPV4 = inetAddress('0.0.0.0');
const IPV4_VIEW = new DataView(IPV4.buffer);

/** The same, good until the next call: for IPv4 without a byte of garbage, since there may be ten thousand of these a second. */
export function writeInetAddress(address: string, port: number): Uint8Array {
  const number = parseIPv4Number(address);
  if (number === undefined) return inetAddress(address, { port });
  IPV4_VIEW.setUint16(2, port);
  IPV4_VIEW.setUint32(4, number);
  return IPV4;
}
