/**
 * Where a daemon is, and how to prove that one may ask it.
 * @module
 */
import { InvalidArgumentError, type Issue } from '../errors.js';

/** How to reach a daemon. */
export interface ConnectOptions {
  /** A token of `ipvs-ts token create`; needed by TCP. */
  readonly token?: string | undefined;
  /** Whom to trust, in PEM, instead of the authorities that Node knows. */
  readonly ca?: string | undefined;
  /** A certificate of this client and its key, in PEM, where the daemon wants one (`--client-ca`). */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Milliseconds without a byte after which a call ends with `TimeoutError`, 1 to 3600000; default 30000. Calls may say otherwise. */
  readonly timeout?: number | undefined;
}

/** What node:http takes of it. */
export interface Place {
  readonly socketPath?: string;
  readonly protocol: 'http:' | 'https:';
  readonly host: string;
  readonly port?: number;
  readonly timeout: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Pick<ConnectOptions, 'ca' | 'cert' | 'key'>;
}

const TIMEOUT = 30_000;
const LONGEST = 3_600_000;
const FIELDS = new Set(['token', 'ca', 'cert', 'key', 'timeout', 'signal']);

/** @throws {InvalidArgumentError} for an address that is none, and for options that are none. */
export function placeOf(url: string, options: ConnectOptions): Place {
  const issues = [...issuesOf(options)];
  const where = typeof url === 'string' ? addressOf(url) : undefined;
  if (where === undefined) {
    issues.push({ path: 'url', message: 'must be unix:/path/of/the.sock or https://HOST[:PORT]' });
  } else if (where.protocol === 'https:' && options?.token === undefined) {
    issues.push({ path: 'token', message: 'is required by TCP: "ipvs-ts token create" makes one' });
  }
  if (where === undefined || issues.length > 0) throw new InvalidArgumentError('connect', issues);
  const { token, ca, cert, key, timeout = TIMEOUT } = options;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return { ...where, timeout, headers, tls: { ca, cert, key } };
}

function addressOf(url: string): Pick<Place, 'socketPath' | 'protocol' | 'host' | 'port'> | undefined {
  const [, socketPath] = /^unix:(?:\/\/)?(\/[^\0]+)$/.exec(url) ?? [];
  if (socketPath !== undefined) return { socketPath, protocol: 'http:', host: 'localhost' };
  if (!/^https:\/\//i.test(url) || !URL.canParse(url)) return undefined;
  const { hostname, port, pathname, search, hash, username, password } = new URL(url);
  if (pathname !== '/' || [search, hash, username, password].some((part) => part !== '')) return undefined;
  const host = hostname.replace(/^\[|\]$/g, '');
  return { protocol: 'https:', host, port: port === '' ? 443 : Number(port) };
}

function* issuesOf(options: ConnectOptions): Generator<Issue> {
  if (typeof options !== 'object' || options === null) return void (yield { path: '', message: 'must be an object' });
  const { token, timeout, ca, cert, key } = options;
  for (const name of Object.keys(options)) if (!FIELDS.has(name)) yield { path: name, message: 'unknown field' };
  if (token !== undefined && !(typeof token === 'string' && /^[\w.~+/-]+=*$/.test(token))) {
    yield { path: 'token', message: 'must be a token of "ipvs-ts token create"' };
  }
  if (timeout !== undefined && !(Number.isInteger(timeout) && timeout >= 1 && timeout <= LONGEST)) {
    yield { path: 'timeout', message: `must be a whole number from 1 to ${LONGEST} milliseconds` };
  }
  for (const [name, value] of Object.entries({ ca, cert, key })) {
    if (value !== undefined && typeof value !== 'string') yield { path: name, message: 'must be PEM' };
  }
}
