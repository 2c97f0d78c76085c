/**
 * What every health check has, and small schemas that several types of check share.
 * @module
 */
import type { z } from 'zod';
import { addressSchema, integer, lazy } from '../parse.js';

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
  /** The device of this host to call by, 1 to 15 characters; needs CAP_NET_RAW. Default: the routes choose. */
  readonly device?: string | undefined;
  /**
   * The mark that the packets of the check have for the routes and the firewall of this host, 1 to 4294967295; needs CAP_NET_ADMIN.
   * Default: none.
   */
  readonly fwmark?: number | undefined;
}

/** From where a check calls. */
export type CallFrom = Pick<CheckBase, 'source' | 'device' | 'fwmark'>;

/** A check of which some fields have been filled in. */
export type WithFilled<Check, Fields extends keyof Check> = Check & {
  readonly [Field in Fields]-?: Exclude<Check[Field], undefined>;
};

/** The schemas of the times of every check: `time` reads one of `min` to `max` milliseconds. */
export const timesShape = (time: (min: number, max: number) => z.ZodType<number>) => ({
  interval: time(100, 86_400_000).default(5000),
  timeout: time(10, 600_000).default(3000),
  recheck: time(10, 86_400_000).optional(),
});

/** A link-local address is one of a device, which a check does not name: it could never be called. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}

const globalAddressSchema = lazy(() =>
  addressSchema().refine((address) => !isLinkLocal(address), { error: 'must not be a link-local address' }),
);

/** What the kernel takes as the name of a device. */
const deviceSchema = lazy((z) =>
  z.string().regex(/^(?!\.{1,2}$)[^\s/:]{1,15}$/, { error: 'must be the name of a device: "eth0"' }),
);

/** The schemas of the fields of every check. */
export const baseShape = lazy(() => ({
  ...timesShape((min, max) => integer(min, max, ' milliseconds')),
  fall: integer(1, 1000).default(3),
  softFall: integer(1, 1000).optional(),
  rise: integer(1, 1000).default(2),
  address: globalAddressSchema().optional(),
  port: integer(1, 65535).optional(),
  source: globalAddressSchema().optional(),
  device: deviceSchema().optional(),
  fwmark: integer(1, 0xffffffff).optional(),
}));

/** Characters; a longer text is a mistake. */
const LONGEST = 4096;

/** Text that is not empty. */
export const textSchema = lazy((z) =>
  z
    .string()
    .min(1, { error: 'must not be empty' })
    .max(LONGEST, { error: `must be at most ${LONGEST} characters` }),
);

/** The text of a regular expression of JavaScript, without slashes and flags. */
export const regexSchema = lazy(() =>
  textSchema().superRefine((text, context) => {
    const problem = regexProblem(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  }),
);

function regexProblem(text: string): string | undefined {
  try {
    new RegExp(text);
    return undefined;
  } catch (error) {
    return (error as SyntaxError).message;
  }
}

/** Text of one line: what goes into a header or a command must not make a second one. */
export const lineSchema = lazy(() => textSchema().regex(/^[^\r\n\0]*$/, { error: 'must be one line' }));

/** Bytes as pairs of hexadecimal digits; blanks between them are left out. */
export const hexSchema = lazy(() =>
  textSchema()
    .regex(/^(?:\s*[0-9a-f]{2})+\s*$/i, { error: 'must be pairs of hexadecimal digits: "0d 0a"' })
    .overwrite((text) => text.replace(/\s+/g, '').toLowerCase()),
);

/** A status of HTTP or SIP, or a range of them. */
export const statusSchema = lazy((z) =>
  z.union(
    [
      integer(100, 699),
      z.string().refine((text) => {
        const [, low = 0, high = 0] = (/^([1-6]\d\d)-([1-6]\d\d)$/.exec(text) ?? []).map(Number);
        return low > 0 && low <= high;
      }),
    ],
    { error: 'must be a status (200) or a range (200-299)' },
  ),
);
