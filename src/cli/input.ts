/**
 * Files that verbs read; `-` is standard input.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { DesiredState } from '../config/desired-state.js';
import { type ConfigIssue, printable } from '../errors.js';
import type { VerbContext } from './context.js';
import { SystemNames } from './ipvsadm/system-names.js';
import { isSystemError, systemMessage } from './system-error.js';
import { UsageError } from './usage-error.js';

/** A file that was read. */
export interface Input {
  readonly text: string;
  /** What messages call it. */
  readonly name: string;
}

/** Reads a file, or standard input for `-`. @throws {UsageError} if there is no such file. */
export async function readInput(path: string, stdin: NodeJS.ReadableStream): Promise<Input> {
  const name = nameOf(path);
  try {
    return { text: path === '-' ? await text(stdin) : await readFile(path, 'utf8'), name };
  } catch (error) {
    throw new UsageError(`${name}: ${systemMessage(error)}`);
  }
}

function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path;
}

/** Writes what deserves a word in a state file and is no mistake. */
export function warningWriter(stderr: Pick<NodeJS.WritableStream, 'write'>): (warning: ConfigIssue) => void {
  return ({ line, column, path, message }) =>
    void stderr.write(`ipvs-ts: line ${line}, column ${column}: ${printable(path)}: ${printable(message)}\n`);
}

/**
 * Reads a state file or another program's, by its name and its lines; `-` is standard input. What another program's file
 * holds beside the table goes unsaid here: `import` lists it. @throws {ConfigError, UsageError}
 */
export async function readAnyState(path: string, context: Pick<VerbContext, 'streams' | 'env'>): Promise<DesiredState> {
  const { guessImportFormat, importConfig } = await import('../formats/import-config.js');
  const { text: content, name } = await readInput(path, context.streams.stdin);
  const format = SECTION.test(content) ? undefined : guessImportFormat(content, path);
  if (format === undefined && !IPVSCTL_SERVICE.test(content)) {
    const { parseStateText } = await import('../config/read.js');
    return parseStateText(content, { name, env: context.env });
  }
  const { state } = await new SystemNames().resolving((names) =>
    importConfig(content, { format: format ?? 'ipvsctl', name, names, exact: true }),
  );
  return state;
}

/** A section of a state file or of ipvsctl's, in YAML or JSON: the name of the file may be that of what it was made from. */
const SECTION = /^\s*\{?\s*["']?(version|defaults|services)["']?\s*:/m;
/** ipvsctl names services in another way. */
const IPVSCTL_SERVICE = /^[\s-]*address:\s*["']?(tcp|udp|sctp|fwmark):/m;

/** Reads a state file, or standard input for `-`. Warnings go to standard error. @throws {ConfigError, UsageError} */
export async function readState(
  path: string,
  { streams: { stdin, stderr }, env }: Pick<VerbContext, 'streams' | 'env'>,
): Promise<DesiredState> {
  const { loadStateFile, parseStateText } = await import('../config/read.js');
  const options = { name: nameOf(path), env, onWarning: warningWriter(stderr) };
  try {
    return path === '-' ? parseStateText(await text(stdin), options) : await loadStateFile(path, options);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UsageError(`${nameOf(path)}: ${systemMessage(error)}`);
  }
}
