import { InvalidArgumentError, type Issue } from '../../../src/errors.js';

/** What is wrong with a value, as the function that checks it says; nothing if it takes the value. */
export function issuesOf(check: () => unknown): readonly Issue[] {
  try {
    check();
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.issues;
    throw error;
  }
  return [];
}

/** The fields that are wrong. */
export function pathsOf(check: () => unknown): string[] {
  return issuesOf(check).map(({ path }) => path);
}
