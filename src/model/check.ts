/**
 * Health checks as values: what is asked of a real server, how often, and how many answers make a verdict.
 * @module
 */
import type { z } from 'zod';
import { addressSchema, integer, lazy, oneOf, parse } from './parse.js';
import { zod } from './zod.js';

/** What every check has. All times are milliseconds. */
export interface CheckBase {
  /** Milliseconds from the start of one run to the start of the next, 100 to 86400000. Default 5000. */
  readonly interval?: number | undefined;
  /** Milliseconds until a run without an answer has failed, 10 to 600000. Default 3000. */
  readonly timeout?: number | undefined;
  /** Failures in a row that make a server down, 1 to 1000: no connection, refused, no answer in time. Default 3. */
  readonly fall?: number | undefined;
  /** The same for wrong answers. Default: as `fall`. */
  readonly softFall?: number | undefined;
  /** Passes in a row that make it up again, 1 to 1000. Default 2. */
  readonly rise?: number | undefined;
  /** Milliseconds to the next run after a failure that is not yet a verdict. Default: a quarter of the interval, at least 100. */
  readonly recheck?: number | undefined;
  /** The address to check, where it is not the real server's own. */
  readonly address?: string | undefined;
  /** The port to check, 1 to 65535. Default: the real server's port in the service. */
  readonly port?: number | undefined;
  /** The address of this host to call from. Default: the kernel chooses. */
  readonly source?: string | undefined;
}

/** Whether a TCP connection comes about. It is ended by a reset, so that the server has nothing to wait for. */
export interface TcpCheck extends CheckBase {
  readonly type: 'tcp';
}

/** One check, as a program writes it. */
export type Check = TcpCheck;

type Filled = 'interval' | 'timeout' | 'fall' | 'softFall' | 'rise' | 'recheck';

/** A check with its defaults filled in. */
export type NormalCheck = Check & { readonly [Field in Filled]: number };

/** A schema of times, in milliseconds when it is read, from `min` to `max`. */
type TimeSchema = (min: number, max: number) => z.ZodType<number>;

const baseShape = (time: TimeSchema) => ({
  interval: time(100, 86_400_000).default(5000),
  timeout: time(10, 600_000).default(3000),
  fall: integer(1, 1000).default(3),
  softFall: integer(1, 1000).optional(),
  rise: integer(1, 1000).default(2),
  recheck: time(10, 86_400_000).optional(),
  address: addressSchema().optional(),
  port: integer(1, 65535).optional(),
  source: addressSchema().optional(),
});

/** The schema of a check whose times are written as `time` reads them. */
export function checkSchemaWith(time: TimeSchema) {
  const z = zod();
  const base = baseShape(time);
  return z
    .discriminatedUnion('type', [z.strictObject({ type: z.literal('tcp'), ...base })], oneOf('tcp'))
    .transform((check): NormalCheck => {
      const { fall, interval, softFall = fall, recheck = Math.max(100, Math.round(interval / 4)) } = check;
      return { ...check, softFall, recheck: Math.min(recheck, interval) };
    });
}

/** The schema of a check whose times are milliseconds. */
export const checkSchema = lazy(() => checkSchemaWith((min, max) => integer(min, max, ' milliseconds')));

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
