/**
 * Health checks as values: what is asked of a real server, how often, and how many answers make a verdict.
 * @module
 */
import { baseShape, type CheckBase, type WithFilled } from './checks/base.js';
import { type HttpCheck, httpSchema, type NormalHttpCheck } from './checks/http.js';
import { lazy, oneOf, parse } from './parse.js';

export type { CheckBase } from './checks/base.js';
export type { HttpBody, HttpCheck, NormalHttpCheck } from './checks/http.js';
export type { NormalTls, TlsOptions } from './checks/tls.js';

/** Whether a TCP connection comes about. It is ended by a reset, so that the server has nothing to wait for. */
export interface TcpCheck extends CheckBase {
  readonly type: 'tcp';
}

/** One check, as a program writes it. */
export type Check = TcpCheck | HttpCheck;

/** With the defaults that every check has. */
type Timed<Checks> = Checks extends CheckBase
  ? WithFilled<Checks, 'interval' | 'timeout' | 'fall' | 'softFall' | 'rise' | 'recheck'>
  : never;

/** A check with its defaults filled in. */
export type NormalCheck = Timed<TcpCheck | NormalHttpCheck>;

const tcpSchema = lazy((z) => z.strictObject({ type: z.literal('tcp'), ...baseShape() }));

/** The schema of a check. */
export const checkSchema = lazy((z) =>
  z.discriminatedUnion('type', [tcpSchema(), httpSchema()], oneOf('tcp', 'http')).transform((check): NormalCheck => {
    const { fall, interval, softFall = fall, recheck = Math.max(100, Math.round(interval / 4)) } = check;
    return { ...check, softFall, recheck: Math.min(recheck, interval) };
  }),
);

/** Checks a check, and fills in its defaults. Throws {@link InvalidArgumentError} with the path of each field that is wrong. */
export function parseCheck(check: Check): NormalCheck {
  return parse(checkSchema, 'check', check);
}
