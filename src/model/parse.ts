/**
 * zod, in this library's words: schemas used in several objects, and issues turned into {@link InvalidArgumentError}.
 * They are functions here, since zod is loaded with the first of them that is used.
 * @module
 */
import type { z } from 'zod';
import { formatIP } from '../address/ip.js';
import { parseNetwork } from '../address/network.js';
import { InvalidArgumentError, type Issue } from '../errors.js';
import { ADDRESS, nameOf, PORT, whole } from './rules.js';
import { zod } from './zod.js';

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
  return whole(min, max, unit).schema();
}

/** Says which values a discriminated union has; zod's own words would list `undefined` for an optional one. */
export function oneOf(...names: string[]) {
  return {
    error: ({ code }: { code?: string }) => (code === 'invalid_union' ? `must be ${names.join(', ')}` : undefined),
  };
}

/** Text that travels as a NUL-terminated string of at most `max` bytes. */
export function name(max: number) {
  return nameOf(max).schema();
}

/** An IPv4 or IPv6 address; the result is in this library's one form. */
export const addressSchema = lazy(ADDRESS.schema);

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
export const portSchema = lazy(PORT.schema);

/** A copy without the fields that are undefined, which mean the same as absent ones. */
export function withoutUndefined<T extends object>(value: T): { [Field in keyof T]: Exclude<T[Field], undefined> } {
  // Lists of pairs and Object.fromEntries() would take several times as long.
  const given: Partial<T> = {};
  for (const field of Object.keys(value) as (keyof T)[]) if (value[field] !== undefined) given[field] = value[field];
  return given as { [Field in keyof T]: Exclude<T[Field], undefined> };
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
