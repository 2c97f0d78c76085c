/**
 * Checks that send and expect: scripts, the usual ones ready made, and SMTP.
 * @module
 */
import { lazy } from '../parse.js';
import { baseShape, type CheckBase, hexSchema, lineSchema, regexSchema, textSchema } from './base.js';
import { type NormalTls, type TlsOptions, tlsSchema } from './tls.js';

/**
 * One step of a script: exactly one field. What comes is compared as bytes, text as UTF-8. A step takes the bytes that it was
 * looking for, and all before them; the next one looks at what comes after.
 */
export interface ScriptStep {
  /** Sends this text as it is: a line needs its `\r\n`. At the end it is a goodbye, and whatever is answered will do. */
  readonly send?: string | undefined;
  /** Sends these bytes: pairs of hexadecimal digits, `'0d 0a'`. */
  readonly sendHex?: string | undefined;
  /** Waits for this text, anywhere in what comes. Other text fails when the time is over (soft). */
  readonly expect?: string | undefined;
  /** Waits for these bytes. */
  readonly expectHex?: string | undefined;
  /** Waits until a regular expression of JavaScript, without slashes and flags, matches all that came; takes it all. */
  readonly matches?: string | undefined;
  /** Waits for the next line, which must begin with this text. Another line fails at once. */
  readonly line?: string | undefined;
  /**
   * Waits for a reply of SMTP, FTP or NNTP, which may have several lines (`250-...`). Its number must begin with these digits:
   * `'2'`, `'220'`.
   */
  readonly reply?: string | undefined;
}

/** Scripts that are ready made: greeting, and a polite goodbye. `redis` sends PING and wants PONG, as HAProxy's redis-check. */
export const PRESETS = ['ftp', 'imap', 'nntp', 'pop', 'redis', 'smtp'] as const;

/** Steps of send and expect on one TCP connection, as Piranha's `send` and `expect` and ldirectord's simpletcp. */
export interface ScriptCheck extends CheckBase {
  readonly type: 'script';
  /** 1 to 100 steps; exactly one of these and `preset`. */
  readonly steps?: readonly ScriptStep[] | undefined;
  /** Steps that are ready made. */
  readonly preset?: (typeof PRESETS)[number] | undefined;
  /** TLS from the start (imaps, pops): `true`, or how. Default: no TLS. */
  readonly tls?: true | TlsOptions | undefined;
}

/** With its defaults filled in. */
export type NormalScriptCheck = Omit<ScriptCheck, 'tls'> & { readonly tls?: NormalTls | undefined };

/** A mail server up to its EHLO, as keepalived's SMTP_CHECK: greeting 220, EHLO 250, QUIT. */
export interface SmtpCheck extends CheckBase {
  readonly type: 'smtp';
  /** The name to say in EHLO, as keepalived's `helo_name`. Default: this host's; keepalived's is `smtpchecker.keepalived.org`. */
  readonly helo?: string | undefined;
  /** TLS by STARTTLS, after which EHLO is said again: `true`, or how. A server that has none has failed. Default: no TLS. */
  readonly startTls?: true | TlsOptions | undefined;
  /** TLS from the start (smtps): `true`, or how. Default: no TLS. */
  readonly tls?: true | TlsOptions | undefined;
}

/** With its defaults filled in. */
export type NormalSmtpCheck = Omit<SmtpCheck, 'tls' | 'startTls'> & {
  readonly tls?: NormalTls | undefined;
  readonly startTls?: NormalTls | undefined;
};

const FIELDS = ['send', 'sendHex', 'expect', 'expectHex', 'matches', 'line', 'reply'] as const;

const stepSchema = lazy((z) =>
  z
    .strictObject({
      send: textSchema().optional(),
      sendHex: hexSchema().optional(),
      expect: textSchema().optional(),
      expectHex: hexSchema().optional(),
      matches: regexSchema().optional(),
      line: lineSchema().optional(),
      reply: z
        .string()
        .regex(/^[1-5]\d{0,2}$/, { error: 'must be the first digits of a reply: "2", "220"' })
        .optional(),
    })
    .refine((step) => FIELDS.filter((field) => step[field] !== undefined).length === 1, {
      error: `must have exactly one of ${FIELDS.join(', ')}`,
    }),
);

/** The schema of a script check. */
export const scriptSchema = lazy((z) =>
  z
    .strictObject({
      type: z.literal('script'),
      ...baseShape(),
      steps: z
        .array(stepSchema())
        .min(1, { error: 'must not be empty' })
        .max(100, { error: 'must be at most 100' })
        .optional(),
      preset: z.enum(PRESETS, { error: `must be ${PRESETS.join(', ')}` }).optional(),
      tls: tlsSchema().optional(),
    })
    .refine(({ steps, preset }) => (steps === undefined) !== (preset === undefined), {
      error: 'must have steps or a preset, and not both',
    }),
);

/** The schema of an SMTP check. */
export const smtpSchema = lazy((z) =>
  z
    .strictObject({
      type: z.literal('smtp'),
      ...baseShape(),
      helo: lineSchema().optional(),
      startTls: tlsSchema().optional(),
      tls: tlsSchema().optional(),
    })
    .refine(({ tls, startTls }) => tls === undefined || startTls === undefined, {
      path: ['startTls'],
      error: 'has no meaning with TLS from the start',
    }),
);
