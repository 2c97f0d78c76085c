/**
 * Where a daemon is, and how to prove that one may ask it.
 * @module
 */
import { asObject } from '../model/fields.js';
import { integer, lazy, parse } from '../model/parse.js';

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

const TOKEN = { error: 'must be a token of "ipvs-ts token create"' };

const placeSchema = lazy((z) => {
  const pem = z.string({ error: 'must be PEM' }).optional();
  return z
    .strictObject({
      url: z.unknown().transform((url, context) => {
        const where = typeof url === 'string' ? addressOf(url) : undefined;
        if (where !== undefined) return where;
        context.addIssue({ code: 'custom', message: 'must be unix:/path/of/the.sock or https://HOST[:PORT]' });
        return z.NEVER;
      }),
      token: z
        .string(TOKEN)
        .regex(/^[\w.~+/-]+=*$/, TOKEN)
        .optional(),
      ...{ ca: pem, cert: pem, key: pem },
      timeout: integer(1, 3_600_000, ' milliseconds').default(30_000),
      signal: z.unknown().optional(),
    })
    .refine(({ url, token }) => url.protocol !== 'https:' || token !== undefined, {
      path: ['token'],
      error: 'is required by TCP: "ipvs-ts token create" makes one',
    });
});

/** @throws {InvalidArgumentError} for an address that is none, and for options that are none. */
export function placeOf(url: string, options: ConnectOptions): Place {
  const read = parse(placeSchema, 'connect', { ...asObject('connect', options), url });
  const { url: where, token, timeout, ca, cert, key } = read;
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
