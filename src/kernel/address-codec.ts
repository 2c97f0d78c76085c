/**
 * Address families and addresses as IPVS attributes carry them.
 * @module
 */
import { type Family, familyOf, formatIP, formatIPv4, parseIPv4Number, parseIPv6 } from '../address/ip.js';
import { ProtocolError } from '../errors.js';
import type { AttributeReader, AttributeWriter } from '../netlink/attributes.js';
import { AF_INET, AF_INET6 } from './constants.js';

/** AF_INET or AF_INET6. */
export function familyNumber(family: Family): number {
  return family === 'ipv4' ? AF_INET : AF_INET6;
}

/** The reverse of {@link familyNumber}. */
export function familyOfNumber(number: number): Family {
  if (number === AF_INET) return 'ipv4';
  if (number === AF_INET6) return 'ipv6';
  throw new ProtocolError(`address family ${number}, which is neither AF_INET (${AF_INET}) nor AF_INET6 (${AF_INET6})`);
}

/** The family's number of an address that has been checked. */
export function familyNumberOf(address: string): number {
  return familyNumber(familyOf(address));
}

/** Appends an address that has been checked; kernels take 4 bytes for IPv4 and 16 for IPv6. */
export function writeAddress(writer: AttributeWriter, type: number, address: string): void {
  const ipv4 = parseIPv4Number(address);
  if (ipv4 !== undefined) return writer.be32(type, ipv4);
  const ipv6 = parseIPv6(address);
  if (ipv6 === undefined) throw new ProtocolError(`address "${address}" was not checked`);
  writer.bytes(type, ipv6);
}

/**
 * The address in the attribute at a place of the reader; all zeros where there is none. The kernel sends 16 bytes for both
 * families (union nf_inet_addr); IPv4 has the first four.
 */
export function readAddress(reader: AttributeReader, place: number | undefined, family: Family): string {
  if (place === undefined) return family === 'ipv4' ? '0.0.0.0' : '::';
  reader.back(place);
  return family === 'ipv4' ? formatIPv4(reader.be32()) : addressText(reader.bytes(16), family);
}

/** An address in bytes, of which IPv4 has the first four. */
export function addressText(bytes: Uint8Array, family: Family): string {
  const length = family === 'ipv4' ? 4 : 16;
  if (bytes.length < length) throw new ProtocolError(`${family} address of ${bytes.length} bytes`);
  return formatIP(bytes.subarray(0, length));
}
