/**
 * Health checks as values: what is asked of a real server, how often, and how many answers make a verdict.
 * @module
 */
import type { z } from 'zod';
import { baseShape, type CheckBase, timesShape, type WithFilled } from './checks/base.js';
import { type HttpCheck, httpSchema, type NormalHttpCheck } from './checks/http.js';
import { lazy, oneOf, parse } from './parse.js';
import { zod } from './zod.js';

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

const NAMES = oneOf('tcp', 'http');

/** The schema of each type, in the order that errors list them. */
const typeSchemas = lazy((z) => z.discriminatedUnion('type', [tcpSchema(), httpSchema()], NAMES));

/** The schema of a check whose times are milliseconds. */
export const checkSchema = lazy(() => typeSchemas().transform(filled));

/** The same where times are written otherwise: `time` reads one of `min` to `max` milliseconds. */
export function checkSchemaWith(time: (min: number, max: number) => z.ZodType<number>) {
  const times = timesShape(time);
  const [first, ...others] = typeSchemas().options.map((schema) => schema.safeExtend(times));
  const schemas = [first, ...others] as unknown as ReturnType<typeof typeSchemas>['options'];
  return zod().discriminatedUnion('type', schemas, NAMES).transform(filled);
}

/** What follows from other fields. */
function filled(check: z.output<ReturnType<typeof typeSchemas>>): NormalCheck {
  const { fall, interval, softFall = fall, recheck = Math.max(100, Math.round(interval / 4)) } = check;
  return { ...check, softFall, recheck: Math.min(recheck, interval) };
}

/** Checks that go to no port, and those that do without one. */
const PORTLESS: ReadonlySet<string> = new Set(['ping', 'exec', 'file']);

/** Whether a check needs a port to go to. */
export function needsPort({ type }: Pick<Check, 'type'>): boolean {
  return !PORTLESS.has(type);
}

/** Checks a check, and fills in its defaults. Throws {@link InvalidArgumentError} with the path of each field that is wrong. */
export function parseCheck(check: Check): NormalCheck {
  return parse(checkSchema, 'check', check);
}
