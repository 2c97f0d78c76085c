/**
 * Numbers and addresses as the kernel prints them below /proc/net: hexadecimal, without separators.
 * @module
 */
import type { Endpoint } from '../address/endpoint.js';
import { formatIP, ipv4Bytes, parseIPv6 } from '../address/ip.js';
import { ProtocolError } from '../errors.js';

/** `0A000001` -> `10.0.0.1`; `[2001:0db8:...:0001]` or the same without brackets -> `2001:db8::1`. */
export function addressOfHex(text: string): string {
  if (/^[0-9A-Fa-f]{8}$/.test(text)) {
    return formatIP(ipv4Bytes(Number.parseInt(text, 16)));
  }
  const bytes = parseIPv6(/^\[(.*)\]$/.exec(text)?.[1] ?? text);
  if (bytes === undefined) throw new ProtocolError(`"${text}" is no address as /proc/net writes them`);
  return formatIP(bytes);
}

/** The number that a hexadecimal text stands for. */
export function numberOfHex(text: string): number {
  if (!/^[0-9A-Fa-f]{1,8}$/.test(text)) throw new ProtocolError(`"${text}" is no hexadecimal number`);
  return Number.parseInt(text, 16);
}

/** An address and a port, each in hexadecimal. */
export function endpointOfHex(address: string, port: string): Endpoint {
  if (port.length !== 4) throw new ProtocolError(`"${port}" is no port as /proc/net writes them`);
  return { address: addressOfHex(address), port: numberOfHex(port) };
}
