/**
 * Host and service names in listings, where `-n` is absent. ipvsadm asks the system's resolver, address by address; here
 * the caller says what addresses are called.
 * @module
 */
import { formatEndpoint } from '../address/endpoint.js';
import { PROTOCOLS, type Protocol } from '../model/service-key.js';

/** What addresses and ports are called. The look-ups are synchronous: who needs DNS resolves first. */
export interface ReverseNames {
  /** The name of a host; undefined leaves the address as it is. */
  host(address: string): string | undefined;
  /** The name of a port, as /etc/services has it; undefined leaves the number as it is. */
  port(port: number, protocol: Protocol): string | undefined;
}

/** Knows no names, as with `-n`. */
export const numericReverseNames: ReverseNames = { host: () => undefined, port: () => undefined };

/** ipvsadm's buffer for the text of an address and port has room for 59 characters. */
const BUFFER_LENGTH = 59;

/**
 * `www.example.com:http`, `[host]:http`; what is longer than 59 characters loses its end (ipvsadm.c 1.31,
 * `addrport_to_anyname`). Ports have names by protocol: those of marks and of other protocols than TCP, UDP and SCTP have
 * none.
 */
export function endpointText(address: string, port: number, protocol: string, names: ReverseNames): string {
  // Numbers alone never come near the end of the buffer.
  if (names === numericReverseNames) return formatEndpoint(address, port);
  const host = names.host(address) ?? address;
  const service = portName(port, protocol, names) ?? String(port);
  return `${address.includes(':') ? `[${host}]` : host}:${service}`.slice(0, BUFFER_LENGTH);
}

function portName(port: number, protocol: string, names: ReverseNames): string | undefined {
  const known = PROTOCOLS.find((name) => name === protocol);
  return known && names.port(port, known);
}
