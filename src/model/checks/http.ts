/**
 * The HTTP check.
 * @module
 */
import { integer, lazy } from '../parse.js';
import { zod } from '../zod.js';
import {
  baseShape,
  type CheckBase,
  lineSchema,
  regexSchema,
  statusSchema,
  textSchema,
  type WithFilled,
} from './base.js';
import { type NormalTls, type TlsOptions, tlsSchema } from './tls.js';

/** What an answer's body must be; all that is given must hold. */
export interface HttpBody {
  /** Text that it must contain. */
  readonly contains?: string | undefined;
  /** A regular expression of JavaScript, without slashes and flags, that must match somewhere. */
  readonly matches?: string | undefined;
  /** The MD5 of the body, 32 hexadecimal digits: keepalived's `digest`, as its genhash prints it. */
  readonly md5?: string | undefined;
  /** The SHA-256 of the body, 64 hexadecimal digits. */
  readonly sha256?: string | undefined;
}

/** One request by HTTP, on a connection of its own unless connections are kept. */
export interface HttpCheck extends CheckBase {
  readonly type: 'http';
  /** Default `GET`. */
  readonly method?: string | undefined;
  /** What is asked for, query included. Default `/`. */
  readonly path?: string | undefined;
  /** The Host header. Default: the address that is checked, and the port unless it is the usual one. */
  readonly host?: string | undefined;
  /** Further headers of the request; one of them takes the place of this library's own of the same name. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Statuses that pass: `200`, `'200-299'`. Default `['200-299']`, as keepalived's `status_code`. */
  readonly status?: readonly (number | string)[] | undefined;
  /** What the body must be. Default: it is not read. */
  readonly body?: HttpBody | undefined;
  /** Bytes of a body that are read at most, 1 to 16777216; a longer one has failed (soft). Default 262144. */
  readonly maxBody?: number | undefined;
  /** How many redirects to follow, all to the same server, 0 to 20. Default 0: a redirect is an answer like any other. */
  readonly redirects?: number | undefined;
  /** HTTPS: `true`, or how. Default: no TLS. */
  readonly tls?: true | TlsOptions | undefined;
  /**
   * `'kept'`: the next run uses the connection of this one, which spares both sides a handshake; after ten runs a new one is opened.
   * One that the server ended between two runs is opened anew, and that is no failure. Not with HTTP/2. Default `'fresh'`.
   */
  readonly connection?: 'fresh' | 'kept' | undefined;
  /** `'2'` is HTTP/2: by ALPN where there is TLS, else without asking (prior knowledge). Default `'1.1'`. */
  readonly version?: '1.1' | '2' | undefined;
}

/** With its defaults filled in. */
export type NormalHttpCheck = WithFilled<
  Omit<HttpCheck, 'tls'>,
  'method' | 'path' | 'headers' | 'status' | 'maxBody' | 'redirects' | 'version'
> & { readonly tls?: NormalTls | undefined };

/** What a name of a header or a method may be (RFC 9110, 5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const digestSchema = (digits: number) =>
  zod()
    .string()
    .regex(new RegExp(`^[0-9a-f]{${digits}}$`, 'i'), { error: `must be ${digits} hexadecimal digits` })
    .toLowerCase();

const bodySchema = lazy((z) =>
  z
    .strictObject({
      contains: textSchema().optional(),
      matches: regexSchema().optional(),
      md5: digestSchema(32).optional(),
      sha256: digestSchema(64).optional(),
    })
    .refine(({ contains, matches, md5, sha256 }) => (contains ?? matches ?? md5 ?? sha256) !== undefined, {
      error: 'must have contains, matches, md5 or sha256',
    }),
);

/** Headers of a connection, which HTTP/2 does not have (RFC 9113, 8.2.2). */
const OF_CONNECTIONS = ['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade'];

/** The schema of an HTTP check. */
export const httpSchema = lazy((z) =>
  z
    .strictObject({
      type: z.literal('http'),
      ...baseShape(),
      method: z.string().regex(TOKEN, { error: 'must be a method: "GET"' }).default('GET'),
      path: z
        .string()
        .regex(/^[\x21-\x7e]+$/, { error: 'must be printable ASCII without blanks, and not empty' })
        .default('/'),
      host: lineSchema().optional(),
      headers: z
        .record(
          z.string().regex(TOKEN, { error: 'must be the name of a header' }),
          z.string().regex(/^[^\r\n\0]*$/, { error: 'must be one line' }),
        )
        .default({}),
      status: z.array(statusSchema()).min(1, { error: 'must not be empty' }).default(['200-299']),
      body: bodySchema().optional(),
      maxBody: integer(1, 16_777_216, ' bytes').default(262_144),
      redirects: integer(0, 20).default(0),
      tls: tlsSchema().optional(),
      connection: z.enum(['fresh', 'kept'], { error: 'must be "fresh", "kept"' }).optional(),
      version: z.enum(['1.1', '2'], { error: 'must be "1.1", "2"' }).default('1.1'),
    })
    .refine(({ method, body }) => method !== 'HEAD' || body === undefined, {
      path: ['body'],
      error: 'an answer to HEAD has no body',
    })
    .refine(({ version, connection }) => version === '1.1' || connection !== 'kept', {
      path: ['connection'],
      error: 'is kept in HTTP/1.1 only',
    })
    .superRefine(({ version, headers }, context) => {
      for (const name of Object.keys(headers)) {
        if (version === '1.1' || !OF_CONNECTIONS.includes(name.toLowerCase())) continue;
        context.addIssue({ code: 'custom', path: ['headers', name], message: 'has no meaning in HTTP/2' });
      }
    }),
);
