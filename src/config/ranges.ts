/**
 * Services and destinations as text, with ranges of addresses and ports: text -> each of them.
 * @module
 */
import { parsePort, splitHostPort } from '../address/endpoint.js';
import { parseIP } from '../address/ip.js';
import { type AddressRange, addressRange } from '../address/range.js';
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
  const split = splitHostPort(endpoints);
  // An IPv6 service is bracketed even without its port, so that nobody takes the last group for one.
  const isBare = split?.host === endpoints && endpoints.includes(':');
  if (protocol === undefined || split === undefined || isBare) {
    return refuse(`"${text}" is none of the forms ${SERVICE_FORMS}`);
  }
  const addresses = addressesOf(text, split.host);
  const ports = split.port === undefined ? defaultPorts(text, defaultPort) : portsOf(text, split.port);
  checkCount(text, addresses.count * BigInt(ports.length));
  return addresses.list().flatMap((address) => ports.map((port) => ({ protocol, address, port })));
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
  checkCount(text, BigInt(last - first + 1));
  const family = name === 'ipv6' ? 'ipv6' : 'ipv4';
  return Array.from({ length: last - first + 1 }, (_, index) => ({ protocol: 'fwmark', mark: first + index, family }));
}

/** The destinations that a text names; without a port where it names none. Throws {@link InvalidArgumentError}. */
export function destinationKeysOf(text: string): { address: string; port?: number }[] {
  const split = splitHostPort(text);
  const port = split?.port === undefined ? undefined : parsePort(split.port);
  if (split === undefined || (split.port !== undefined && port === undefined)) {
    return refuse(`"${text}" is none of the forms ${DESTINATION_FORMS}`);
  }
  const addresses = addressesOf(text, split.host);
  checkCount(text, addresses.count);
  return addresses.list().map((address) => ({ address, ...(port !== undefined && { port }) }));
}

/** `10.0.0.1`, `10.0.0.1-10.0.0.9`. */
function addressesOf(text: string, addresses: string): AddressRange {
  const [from = '', to = from, ...more] = addresses.split('-');
  const [low, high] = [parseIP(from), parseIP(to)];
  const wrong = low === undefined ? from : high === undefined ? to : more[0];
  if (low === undefined || high === undefined || wrong !== undefined) {
    return refuse(`${wrong === text ? '' : `"${text}": `}"${wrong}" is not an IPv4 or IPv6 address`);
  }
  if (low.length !== high.length) return refuse(`"${text}": the range is of both address families`);
  return addressRange(low, high) ?? refuse(`"${text}": the range ends before it begins`);
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

function checkCount(text: string, count: bigint): void {
  if (count > MAX_RANGE) refuse(`"${text}" comes to more than ${MAX_RANGE}, the most that one text may name`);
}

function refuse(message: string): never {
  throw new InvalidArgumentError('address range', [{ path: '', message }]);
}
