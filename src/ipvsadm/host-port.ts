/**
 * `host[:port]`, the argument of -t, -u, --sctp-service and -r (ipvsadm.c 1.31, `parse_service`).
 * @module
 */
import { formatIP, parseIPv4Number, parseIPv6 } from '../address/ip.js';
import type { Protocol } from '../model/service-key.js';
import { CommandError } from './command-error.js';
import { parseLooseIPv4 } from './loose-address.js';
import type { Names } from './names.js';
import { parseNumber } from './numbers.js';

/** An address in this library's form, and a port. */
export interface HostPort {
  readonly address: string;
  readonly port: number;
}

/**
 * IPv6 is bare or `[address]:port`, a bracket without a port is an error; `[1.2.3.4]:80` is read without its port. Port
 * names are those of the protocol; without a port it is `defaultPort`. Throws {@link CommandError} with `message`.
 */
export function readHostPort(
  text: string,
  protocol: Protocol | undefined,
  names: Names,
  defaultPort: number,
  message: string,
): HostPort {
  const isBracketed = text.startsWith('[');
  const bracketed = isBracketed ? /^\[([^\]]*)\]:(.*)$/s.exec(text) : null;
  if (isBracketed && bracketed === null) throw new CommandError(message);
  const inner = bracketed?.[1] ?? text;
  const colon = inner.lastIndexOf(':');
  // Digits alone, or nothing.
  if (colon === -1 && /^\d*$/.test(text)) throw new CommandError(message);
  // The text of an IPv6 address has two colons at least.
  const bytes = inner.indexOf(':') === colon ? undefined : parseIPv6(inner);
  if (bytes !== undefined) {
    const portText = bracketed?.[2];
    return {
      address: formatIP(bytes),
      port: portText === undefined ? defaultPort : readPort(portText, protocol, names, message),
    };
  }
  // From here on ipvsadm has forgotten what stood behind the brackets.
  const address = readIPv4(colon === -1 ? inner : inner.slice(0, colon), names, message);
  return { address, port: colon === -1 ? defaultPort : readPort(inner.slice(colon + 1), protocol, names, message) };
}

/**
 * An IPv4 address or the name of a host -> dotted quad. Throws {@link CommandError} with `message`, and tells what is wrong
 * with an address that would not mean what it seems to say.
 */
export function readIPv4(text: string, names: Names, message: string): string {
  // Taken strictly, an address is already in its one form.
  if (parseIPv4Number(text) !== undefined) return text;
  const loose = parseLooseIPv4(text);
  if (loose !== undefined && names.looseAddress !== true) {
    const problem = `"${text}" is not four decimal numbers (octal, hex and short forms make it ${loose})`;
    throw new CommandError(`${message}: ${problem}`);
  }
  const address = loose ?? names.host(text);
  if (address === undefined || parseIPv4Number(address) === undefined) throw new CommandError(message);
  return address;
}

function readPort(text: string, protocol: Protocol | undefined, names: Names, message: string): number {
  const port = parseNumber(text, 0, 65535) ?? (protocol === undefined ? undefined : names.port(text, protocol));
  if (port === undefined) throw new CommandError(message);
  return port;
}
