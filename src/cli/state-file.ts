/**
 * The file of the desired state, as the verbs read it.
 * @module
 */
import { text } from 'node:stream/consumers';
import type { DesiredState } from '../config/desired-state.js';
import { loadStateFile, readStateFile as readText } from '../config/read.js';
import { type ConfigIssue, IpvsError } from '../errors.js';
import { UsageError } from './parse-verb.js';
import type { Streams } from './streams.js';

/**
 * Reads a file; `-` is standard input. What deserves a word and is no mistake goes to standard error. Throws `ConfigError`,
 * and {@link UsageError} where there is no such file.
 */
export async function readStateFile(path: string, { stdin, stderr }: Streams): Promise<DesiredState> {
  const onWarning = ({ line, column, path: where, message }: ConfigIssue) =>
    stderr.write(`ipvs-ts: line ${line}, column ${column}: ${where}: ${message}\n`);
  if (path === '-') return readText(await text(stdin), { name: 'standard input', env: process.env, onWarning });
  try {
    return await loadStateFile(path, { onWarning });
  } catch (error) {
    throw error instanceof IpvsError ? error : new UsageError((error as Error).message);
  }
}
