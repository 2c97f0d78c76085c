/**
 * Whether a value that was read from the kernel may stand in a file: it may bear what no file can ask for, and what was
 * read from /proc is not all there.
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { InvalidArgumentError } from '../errors.js';
import { withoutUndefined } from '../model/parse.js';

/** Why `parse` would not give the same value back, as sentences; empty where it does. */
export function reasonsUnwritable<Value extends object>(value: Value, parse: (value: Value) => object): string[] {
  try {
    // A copy is checked anew: what came from a kernel would be taken as it is.
    if (isDeepStrictEqual({ ...parse({ ...value }) }, withoutUndefined(value))) return [];
    return ['some of its settings are unknown: /proc and socket options do not show them, netlink does'];
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return error.issues.map(({ path, message }) => [path, message].filter(Boolean).join(': '));
  }
}
