/**
 * `address:port` as people and ipvsadm write it: `10.0.0.1:80`, `[2001:db8::1]:80`.
 * @module
 */
import { formatIP, parseIPv4, parseIPv6 } from './ip.js';

/** An address in this library's form and a port in host order. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`. */
export function formatEndpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The reverse of {@link formatEndpoint}; both parts are required. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, six, four = '', port = ''] = /^(?:\[([^\]]+)\]|([\d.]+)):(.+)$/.exec(text) ?? [];
  const bytes = six === undefined ? parseIPv4(four) : parseIPv6(six);
  const number = parsePort(port);
  return bytes === undefined || number === undefined ? undefined : { address: formatIP(bytes), port: number };
}

/** Decimal 0..65535 without sign, blanks or leading zeros. */
export function parsePort(text: string): number | undefined {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}
