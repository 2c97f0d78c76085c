/**
 * `address:port` as people and ipvsadm write it: `10.0.0.1:80`, `[2001:db8::1]:80`.
 * @module
 */
import { formatIP, parseIP } from './ip.js';

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
  const { address, port } = parseAddressPort(text) ?? {};
  return address === undefined || port === undefined ? undefined : { address, port };
}

/** With a port or without: `10.0.0.1`, `10.0.0.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`. */
export function parseAddressPort(text: string): { readonly address: string; readonly port?: number } | undefined {
  const { host, port: digits } = splitHostPort(text) ?? {};
  const bytes = host === undefined ? undefined : parseIP(host);
  if (bytes === undefined) return undefined;
  if (digits === undefined) return { address: formatIP(bytes) };
  const port = parsePort(digits);
  return port === undefined ? undefined : { address: formatIP(bytes), port };
}

/**
 * Splits at the colon before the port, which may be missing, and takes brackets away; neither part is checked. IPv6 without
 * brackets has no port: it would be read as the last group.
 */
export function splitHostPort(text: string): { readonly host: string; readonly port?: string | undefined } | undefined {
  if (!text.startsWith('[') && text.split(':').length > 2) return { host: text };
  const [, six, other, port] = /^(?:\[([^\]]*:[^\]]*)\]|([^:[\]]+))(?::(.+))?$/.exec(text) ?? [];
  const host = six ?? other;
  return host === undefined ? undefined : { host, port };
}

/** Decimal 0..65535 without sign, blanks or leading zeros. */
export function parsePort(text: string): number | undefined {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}
