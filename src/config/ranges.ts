/**
 * Services and destinations as text, with ranges of addresses and ports: text -> each of them.
 * @module
 */

import { parsePort } from '../address/endpoint.js';
import { bytesOfNumber, formatIP, numberOfBytes, parseIP } from '../address/ip.js';
import { InvalidArgumentError } from '../errors.js';
import { PROTOCOLS, type ServiceKey } from '../model/service-key.js';

/**
 * The most services, or destinations, that one text may come to. Every port of an address is port 0, or a firewall
 * mark.
 */
export const MAX_RANGE = 4096;

const SERVICE_FORMS =
  'tcp://10.0.0.100:80, udp://[2001:db8::1]:53, tcp://10.0.0.100-10.0.0.103:80,443,8000-8010, fwmark://5, fwmark://5?family=ipv6';
const DESTINATION_FORMS =
  '10.0.0.11, 10.0.0.11:8080, 2001:db8::11, [2001:db8::11]:8080, 10.0.0.11-10.0.0.19, 10.0.0.11-10.0.0.19:8080';

/**
 * The services that a text names: addresses first, then ports. Throws {@link InvalidArgumentError}.
 * @param defaultPort where the text names none
 */
export function serviceKeysOf(text: string, defaultPort?: number): ServiceKey[] {
  if (text.startsWith('fwmark://')) return fwmarkKeysOf(text);
  const [, name, endpoints = ''] = /^(\w+):\/\/(.+)$/.exec(text) ?? [];
  const protocol = PROTOCOLS.find((known) => known === name);
  // Without brackets the port of an IPv6 service would be read as its last group.
  const split = endpoints.startsWith('[') || endpoints.split(':').length < 3 ? splitPorts(endpoints) : undefined;
  if (protocol === undefined || split === undefined) return refuse(`"${text}" is none of the forms ${SERVICE_FORMS}`);
  const addresses = addressRange(text, split.addresses);
  const ports = split.ports === undefined ? defaultPorts(text, defaultPort) : portsOf(text, split.ports);
  checkCount(text, addresses.count * ports.length);
  return addressesOf(addresses).flatMap((address) => ports.map((port) => ({ protocol, address, port })));
}

function defaultPorts(text: string, port: number | undefined): number[] {
  return port === undefined ? refuse(`"${text}" names no port, and defaults.port is not set`) : [port];
}

function fwmarkKeysOf(text: string): ServiceKey[] {
  const [, from, to = from, name] = /^fwmark:\/\/([1-9]\d*)(?:-([1-9]\d*))?(?:\?family=(ipv4|ipv6))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === undefined || last > 0xffffffff) {
    return refuse(
      `"${text}" is none of the forms fwmark://5, fwmark://5-8, fwmark://5?family=ipv6; a mark is 1 to 4294967295`,
    );
  }
  if (last < first) return refuse(`"${text}": the range ends before it begins`);
  checkCount(text, last - first + 1);
  const family = name === 'ipv6' ? 'ipv6' : 'ipv4';
  return Array.from({ length: last - first + 1 }, (_, index) => ({ protocol: 'fwmark', mark: first + index, family }));
}

/** The destinations that a text names; without a port where it names none. Throws {@link InvalidArgumentError}. */
export function destinationKeysOf(text: string): { address: string; port?: number }[] {
  const split = splitPorts(text);
  const port = split?.ports === undefined ? undefined : parsePort(split.ports);
  if (split === undefined || (split.ports !== undefined && port === undefined)) {
    return refuse(`"${text}" is none of the forms ${DESTINATION_FORMS}`);
  }
  const addresses = addressRange(text, split.addresses);
  checkCount(text, addresses.count);
  return addressesOf(addresses).map((address) => ({ address, ...(port !== undefined && { port }) }));
}

/** `[2001:db8::1]:80` or `10.0.0.1:80` at the colon before the ports; IPv6 without brackets has no ports. */
function splitPorts(text: string): { addresses: string; ports: string | undefined } | undefined {
  const bare = !text.startsWith('[') && text.split(':').length > 2;
  if (bare) return { addresses: text, ports: undefined };
  const [, six, four, ports] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(.+))?$/.exec(text) ?? [];
  const addresses = six ?? four;
  return addresses === undefined ? undefined : { addresses, ports };
}

interface AddressRange {
  readonly first: bigint;
  readonly count: number;
  /** 4 or 16. */
  readonly bytes: number;
}

function addressRange(text: string, addresses: string): AddressRange {
  const [from = '', to = from, ...more] = addresses.split('-');
  const wrong = [from, to].find((address) => parseIP(address) === undefined) ?? more[0];
  if (wrong !== undefined)
    return refuse(`${wrong === text ? '' : `"${text}": `}"${wrong}" is not an IPv4 or IPv6 address`);
  const [low, high] = [parseIP(from) ?? new Uint8Array(), parseIP(to) ?? new Uint8Array()];
  if (low.length !== high.length) return refuse(`"${text}": the range is of both address families`);
  const [first, last] = [numberOfBytes(low), numberOfBytes(high)];
  if (last < first) return refuse(`"${text}": the range ends before it begins`);
  return { first, count: Number(last - first + 1n), bytes: low.length };
}

function addressesOf({ first, count, bytes }: AddressRange): string[] {
  return Array.from({ length: count }, (_, index) => formatIP(bytesOfNumber(first + BigInt(index), bytes)));
}

/** `80,443,8000-8010` -> each, in the order written. */
function portsOf(text: string, ports: string): number[] {
  return ports.split(',').flatMap((part) => {
    const [from = '', to = from, ...more] = part.split('-');
    const [first, last] = [parsePort(from), parsePort(to)];
    if (first === undefined || last === undefined || more.length > 0) {
      return refuse(`"${text}": "${part}" is not a port (0 to 65535) or a range of ports (8000-8010)`);
    }
    if (last < first) return refuse(`"${text}": the range ends before it begins`);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

function checkCount(text: string, count: number): void {
  if (count > MAX_RANGE) refuse(`"${text}" comes to more than ${MAX_RANGE}, the most that one text may name`);
}

function refuse(message: string): never {
  throw new InvalidArgumentError('address range', [{ path: '', message }]);
}
