/**
 * Files that verbs read; `-` is standard input.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { getSystemErrorMap } from 'node:util';
import type { DesiredState } from '../config/desired-state.js';
import { type ConfigIssue, IpvsError } from '../errors.js';
import type { VerbContext } from './context.js';
import { UsageError } from './usage-error.js';

/** A file that was read. */
export interface Input {
  readonly text: string;
  /** What messages call it. */
  readonly name: string;
}

/** Reads a file, or standard input for `-`. @throws {UsageError} if there is no such file. */
export async function readInput(path: string, stdin: NodeJS.ReadableStream): Promise<Input> {
  if (path === '-') return { text: await text(stdin), name: 'standard input' };
  try {
    return { text: await readFile(path, 'utf8'), name: path };
  } catch (error) {
    throw new UsageError(`${path}: ${systemMessage(error)}`);
  }
}

/** What a failed system call means: `no such file or directory`. */
export function systemMessage(error: unknown): string {
  const errno = error instanceof Error && 'errno' in error ? Number(error.errno) : Number.NaN;
  return getSystemErrorMap().get(errno)?.[1] ?? (error instanceof Error ? error.message : String(error));
}

/** Writes what deserves a word in a state file and is no mistake. */
export function warningWriter(stderr: Pick<NodeJS.WritableStream, 'write'>): (warning: ConfigIssue) => void {
  return ({ line, column, path, message }) =>
    void stderr.write(`ipvs-ts: line ${line}, column ${column}: ${path}: ${message}\n`);
}

/** Reads a state file, or standard input for `-`. Warnings go to standard error. @throws {ConfigError, UsageError} */
export async function readState(
  path: string,
  { streams: { stdin, stderr }, env }: Pick<VerbContext, 'streams' | 'env'>,
): Promise<DesiredState> {
  const { loadStateFile, readStateFile } = await import('../config/read.js');
  const onWarning = warningWriter(stderr);
  if (path === '-') return readStateFile(await text(stdin), { name: 'standard input', env, onWarning });
  try {
    return await loadStateFile(path, { env, onWarning });
  } catch (error) {
    throw error instanceof IpvsError ? error : new UsageError(`${path}: ${systemMessage(error)}`);
  }
}
