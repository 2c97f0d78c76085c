/**
 * zod, in this library's words: schemas used in several objects, and issues turned into {@link InvalidArgumentError}.
 *
 * zod takes about as long to load as Node itself takes to start, and a command that only lists a table checks nothing: it is
 * loaded with the first value that is checked. That is why schemas are functions here.
 * @module
 */
import { createRequire } from 'node:module';
import type { z } from 'zod';
import { formatIP, parseIP } from '../address/ip.js';
import { parseNetwork } from '../address/network.js';
import { InvalidArgumentError, type Issue } from '../errors.js';

let loaded: typeof z | undefined;

/** As `import { z } from 'zod'`, at the first call. */
function zod(): typeof z {
  loaded ??= (createRequire(import.meta.url)('zod') as typeof import('zod')).z;
  return loaded;
}

/** A schema that is made when it is first used. */
export function lazy<Schema>(make: (zod: typeof z) => Schema): () => Schema {
  let schema: Schema | undefined;
  return () => {
    schema ??= make(zod());
    return schema;
  };
}

/** A whole number within bounds; the message says them. */
export function integer(min: number, max: number, unit = '') {
  const message = `must be a whole number from ${min} to ${max}${unit}`;
  return zod()
    .number({ error: message })
    .int({ error: message })
    .min(min, { error: message })
    .max(max, { error: message })
    .overwrite(withoutMinusZero);
}

/** -0 is 0, but not deeply equal to it. */
function withoutMinusZero(value: number): number {
  return value + 0;
}

/** Says which values a discriminated union has; zod's own words would list `undefined` for an optional one. */
export function oneOf(...names: string[]) {
  return {
    error: ({ code }: { code?: string }) => (code === 'invalid_union' ? `must be ${names.join(', ')}` : undefined),
  };
}

/** Text that travels as a NUL-terminated string of at most `max` bytes; blanks would break every text format. */
export function name(max: number) {
  return zod()
    .string()
    .regex(/^[\x21-\x7e]+$/, { error: 'must be printable ASCII without blanks, and not empty' })
    .max(max, { error: `must be at most ${max} characters` });
}

/** An IPv4 or IPv6 address; the result is in this library's one form. */
export const addressSchema = lazy((z) =>
  z.string().transform((text, context) => {
    const bytes = parseIP(text);
    if (bytes !== undefined) return formatIP(bytes);
    context.addIssue({ code: 'custom', message: addressProblem(text) });
    return z.NEVER;
  }),
);

function addressProblem(text: string): string {
  if (/^(\d+\.){3}\d+$/.test(text) && /(^|\.)0\d/.test(text)) {
    return `"${text}" looks octal; write the numbers without leading zeros`;
  }
  return `"${text}" is not an IPv4 or IPv6 address`;
}

/** An address with the length of a network prefix: `10.0.0.1/24`. One that was read already is taken too. */
export const addressWithPrefixSchema = lazy(
  (z) =>
    z.union([z.string(), z.object({ address: z.string(), prefix: z.number() })]).transform((input, context) => {
      const text = typeof input === 'string' ? input : `${input.address}/${input.prefix}`;
      const found = readAddressWithPrefix(text);
      if (found !== undefined) return found;
      context.addIssue({ code: 'custom', message: `"${text}" is none of the forms 10.0.0.1/24, 2001:db8::1/64` });
      return z.NEVER;
    }) as z.ZodType<{ address: string; prefix: number }, string>,
);

function readAddressWithPrefix(text: string): { address: string; prefix: number } | undefined {
  const network = text.includes('/') ? parseNetwork(text) : undefined;
  return network && { address: formatIP(network.bytes), prefix: network.prefix };
}

/** A port; 0 has a meaning of its own wherever it is allowed. */
export const portSchema = lazy(() => integer(0, 65535));

/** A copy without the fields that are undefined, which mean the same as absent ones. */
export function withoutUndefined<T extends object>(value: T): { [Field in keyof T]: Exclude<T[Field], undefined> } {
  const given = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(given) as { [Field in keyof T]: Exclude<T[Field], undefined> };
}

/** Runs a schema over what a user passed. Throws {@link InvalidArgumentError} with the path of each field that is wrong. */
export function parse<Output>(schema: () => z.ZodType<Output>, subject: string, input: unknown): Output {
  const result = schema().safeParse(input);
  if (result.success) return result.data;
  throw new InvalidArgumentError(subject, result.error.issues.flatMap(toIssues));
}

/** Each unknown field is an issue of its own, at its own path. */
function toIssues(issue: z.core.$ZodIssue): Issue[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: pathText(issue.path), message: issue.message }];
  return issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message: 'unknown field' }));
}

/** `['schedulerFlags', 1]` -> `schedulerFlags[1]`. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}
