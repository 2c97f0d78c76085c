/**
 * Rules for single values: whole numbers within bounds, words, names, addresses. A rule checks by itself, since changes come by
 * the hundred thousand; and it makes the zod schema of the same, for the files and their JSON Schema.
 * @module
 */
import type { z } from 'zod';
import { formatIP, parseIP, parseIPv4Number } from '../address/ip.js';
import { zod } from './zod.js';

/** What one field may hold. */
export interface Rule<T> {
  /** The value in its one form; undefined where it may not be. */
  read(input: unknown): T | undefined;
  /** What is wrong with a value that `read` does not take. */
  problem(input: unknown): string;
  /** Stands in for a value that was not taken, so that the rest can be checked too. */
  readonly example: T;
  schema(): z.ZodType<T, T>;
}

/** A whole number within bounds; the message says them. */
export function whole(min: number, max: number, unit = ''): Rule<number> {
  const error = `must be a whole number from ${min} to ${max}${unit}`;
  return {
    read(input) {
      if (typeof input !== 'number' || !Number.isInteger(input) || input < min || input > max) return undefined;
      // -0 is 0, but not deeply equal to it.
      return input + 0;
    },
    problem: () => error,
    example: min,
    schema: () => {
      const number = zod().number({ error }).int({ error }).min(min, { error }).max(max, { error });
      return number.overwrite((value) => value + 0);
    },
  };
}

/** One of a few words. */
export function oneWordOf<const Word extends string>(...words: readonly [Word, ...Word[]]): Rule<Word> {
  const known: ReadonlySet<unknown> = new Set(words);
  const error = `must be ${words.join(', ')}`;
  return {
    read: (input) => (known.has(input) ? (input as Word) : undefined),
    problem: () => error,
    example: words[0],
    schema: () => zod().enum(words, { error }) as unknown as z.ZodType<Word, Word>,
  };
}

/** Text that travels as a NUL-terminated string of at most `max` bytes; blanks would break every text format. */
export function nameOf<Name extends string = string>(max: number): Rule<Name> {
  const characters = 'must be printable ASCII without blanks, and not empty';
  const length = `must be at most ${max} characters`;
  const isPrintable = (text: string) => /^[\x21-\x7e]+$/.test(text);
  return {
    read: (input) =>
      typeof input === 'string' && input.length <= max && isPrintable(input) ? (input as Name) : undefined,
    problem: (input) => (typeof input === 'string' && isPrintable(input) ? length : characters),
    example: 'x' as Name,
    schema: () =>
      zod()
        .string()
        .regex(/^[\x21-\x7e]+$/, { error: characters })
        .max(max, { error: length }) as unknown as z.ZodType<Name, Name>,
  };
}

/** Any text. */
export const TEXT: Rule<string> = {
  read: (input) => (typeof input === 'string' ? input : undefined),
  problem: () => 'must be text',
  example: '',
  schema: () => zod().string(),
};

/** `true` or `false`. */
export const TRUTH: Rule<boolean> = {
  read: (input) => (typeof input === 'boolean' ? input : undefined),
  problem: () => 'must be true or false',
  example: false,
  schema: () => zod().boolean(),
};

/** An IPv4 or IPv6 address; the result is in this library's one form. */
export const ADDRESS: Rule<string> = {
  read(input) {
    if (typeof input !== 'string') return undefined;
    // What is strictly an IPv4 address is in its one form already.
    if (parseIPv4Number(input) !== undefined) return input;
    const bytes = parseIP(input);
    return bytes && formatIP(bytes);
  },
  problem: addressProblem,
  example: '0.0.0.0',
  schema: () =>
    zod()
      .string()
      .transform((text, context) => {
        const address = ADDRESS.read(text);
        if (address !== undefined) return address;
        context.addIssue({ code: 'custom', message: addressProblem(text) });
        return zod().NEVER;
      }),
};

function addressProblem(input: unknown): string {
  if (typeof input !== 'string') return 'must be text: an IPv4 or IPv6 address';
  if (/^(\d+\.){3}\d+$/.test(input) && /(^|\.)0\d/.test(input)) {
    return `"${input}" looks octal; write the numbers without leading zeros`;
  }
  return `"${input}" is not an IPv4 or IPv6 address`;
}

/** A port; 0 has a meaning of its own wherever it is allowed. */
export const PORT = whole(0, 65535);
