/**
 * What programs of this package tell each other, and themselves after a restart, as files: where they are, and how they are
 * written so that a reader finds the old text or the new one, whenever the writer dies.
 * @module
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { UnavailableError } from '../errors.js';

/**
 * For what ends with the running kernel, as its table does: `/run/ipvs-ts`, or the directory that `IPVS_TS_RUN_DIRECTORY`
 * names.
 */
export function runDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env['IPVS_TS_RUN_DIRECTORY'] || '/run/ipvs-ts';
}

/** For what outlives a start of the machine: `/var/lib/ipvs-ts`, or the directory that `IPVS_TS_STATE_DIRECTORY` names. */
export function persistentDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env['IPVS_TS_STATE_DIRECTORY'] || '/var/lib/ipvs-ts';
}

/** The end of the name of a file that is being written. */
const UNFINISHED = '.unfinished';

/**
 * Makes a directory, and those above it, for its owner alone.
 * @throws {UnavailableError}
 */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw fileProblem('made', path, cause);
  }
}

/** A file's text; undefined if there is no such file. @throws {UnavailableError} if it can't be read. */
export function readStateText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileProblem('read', path, cause);
  }
}

/**
 * The names in a directory that end so, sorted; none if there is no such directory. Files that a dying program left unfinished
 * are not among them.
 * @throws {UnavailableError} if it can't be read.
 */
export function stateFilesIn(directory: string, suffix: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(suffix))
      .sort();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fileProblem('read', directory, cause);
  }
}

/**
 * Writes a file beside and renames it: what stands at the path is the old text or the new one, also after a loss of power.
 * @throws {UnavailableError} if it can't be written.
 */
export function writeStateText(path: string, text: string): void {
  const directory = dirname(path);
  makeDirectory(directory);
  const unfinished = `${path}.${process.pid}${UNFINISHED}`;
  try {
    const descriptor = openSync(unfinished, 'w', 0o600);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(unfinished, path);
    syncDirectory(directory);
  } catch (cause) {
    throw fileProblem('written', path, cause);
  }
}

/** Removes a file; that it is not there is no error. @throws {UnavailableError} */
export function removeStateFile(path: string): void {
  try {
    rmSync(path, { force: true });
    syncDirectory(dirname(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw fileProblem('removed', path, cause);
  }
}

/** Puts the names in a directory on the disk: a file is there after a loss of power when its name is. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Why a file of these directories could not be read, written, made or removed. */
export function fileProblem(verb: string, path: string, cause: unknown): UnavailableError {
  const { code } = cause as NodeJS.ErrnoException;
  const hint = ['EACCES', 'EPERM', 'EROFS'].includes(code ?? '')
    ? ': needs root, or another directory (IPVS_TS_RUN_DIRECTORY, IPVS_TS_STATE_DIRECTORY)'
    : '';
  return new UnavailableError(`${path} cannot be ${verb}: ${code}${hint}`, { cause });
}
