/** @module */
import { getSystemErrorMap } from 'node:util';

/** Whether Node made the error of a system call that failed: a file that is not there, a full disk. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'errno' in error && 'code' in error;
}

/** What an error means: `no such file or directory`. */
export function systemMessage(error: unknown): string {
  const meaning = isSystemError(error) ? getSystemErrorMap().get(Number(error.errno))?.[1] : undefined;
  return meaning ?? (error instanceof Error ? error.message : String(error));
}
