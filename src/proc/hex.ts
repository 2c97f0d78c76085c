/**
 * Numbers and addresses as the kernel prints them below /proc/net: hexadecimal, without separators.
 * @module
 */
import type { Endpoint } from '../address/endpoint.js';
import { formatIP, formatIPv4, parseIPv6 } from '../address/ip.js';
import { ProtocolError } from '../errors.js';

/** `0A000001` -> `10.0.0.1`; `[2001:0db8:...:0001]` or the same without brackets -> `2001:db8::1`. */
export function addressOfHex(text: string): string {
  return text.length === 8 && !text.includes(':') ? formatIPv4(numberOfHex(text)) : ipv6OfHex(text);
}

/** IPv6 addresses whose text is kept: those of the services and real servers come again in every row. */
const KEPT = 1024;
const kept = new Map<string, string>();

function ipv6OfHex(text: string): string {
  const known = kept.get(text);
  if (known !== undefined) return known;
  const bytes = parseIPv6(/^\[(.*)\]$/.exec(text)?.[1] ?? text);
  if (bytes === undefined) throw new ProtocolError(`"${text}" is no address as /proc/net writes them`);
  const address = formatIP(bytes);
  if (kept.size === KEPT) kept.clear();
  kept.set(text, address);
  return address;
}

/** The number that a hexadecimal text stands for, digit by digit: a connection table has hundreds of thousands of them. */
export function numberOfHex(text: string): number {
  let number = 0;
  for (let index = 0; index < text.length; index++) number = number * 16 + digitOf(text.charCodeAt(index));
  if (Number.isNaN(number) || text.length === 0 || text.length > 8) {
    throw new ProtocolError(`"${text}" is no hexadecimal number`);
  }
  return number;
}

/** NaN where it is none. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : Number.NaN;
}

/** An address and a port, each in hexadecimal. */
export function endpointOfHex(address: string, port: string): Endpoint {
  if (port.length !== 4) throw new ProtocolError(`"${port}" is no port as /proc/net writes them`);
  return { address: addressOfHex(address), port: numberOfHex(port) };
}
