/**
 * The file of the desired state as the API reads and replaces it: whole, and only by whoever knows what stands there.
 * @module
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { syncDirectory } from '../linux/state-directory.js';
import { writeWholeFile } from '../linux/whole-file.js';
import { isLockedByOthers } from '../reconcile/state-file-source.js';
import { Problem } from './problem.js';

/** A document, and what tells it from others. */
export interface Document {
  readonly bytes: Buffer;
  /** SHA-256 of the bytes, in hexadecimal. */
  readonly revision: string;
}

/** A document of these bytes. */
export function documentOf(bytes: Buffer): Document {
  return { bytes, revision: createHash('sha256').update(bytes).digest('hex') };
}

/** What stands there now. @throws {Problem} 503 if it can't be read. */
export function readDocument(path: string): Document {
  try {
    return documentOf(readFileSync(path));
  } catch (error) {
    throw fileProblem(path, 'read', error);
  }
}

/**
 * Replaces the file, if `refuse` lets what stands there pass; owner and mode stay. A symbolic link leads to the file that is
 * replaced.
 * @throws what `refuse` throws, last called right before the file is renamed over the old one.
 * @throws {Problem} 409 if somebody has it locked (flock(2)), 503 if it can't be written.
 */
export async function replaceDocument(
  path: string,
  next: Document,
  refuse: (current: Document) => void,
): Promise<void> {
  refuse(readDocument(path));
  const target = attempt(path, () => realpathSync(path));
  const unfinished = join(dirname(target), `.${basename(target)}.${process.pid}.next`);
  try {
    await writeWholeFile(unfinished, [next.bytes]);
    const descriptor = openSync(target, 'r');
    try {
      if (isLockedByOthers(descriptor)) throw new Problem(409, `${path} is locked by another program`);
      // From here to the renaming nothing else runs in this process.
      refuse(readDocument(path));
      const { mode, uid, gid } = fstatSync(descriptor);
      keepOwner(unfinished, uid, gid);
      chmodSync(unfinished, mode & 0o7777);
      renameSync(unfinished, target);
    } finally {
      closeSync(descriptor);
    }
    syncDirectory(dirname(target));
  } catch (error) {
    throw error instanceof Problem ? error : fileProblem(path, 'written', error);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Who may write the file but not give it away leaves it to himself. */
function keepOwner(path: string, uid: number, gid: number): void {
  try {
    chownSync(path, uid, gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

function attempt<Value>(path: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw fileProblem(path, 'read', error);
  }
}

function fileProblem(path: string, verb: string, error: unknown): Problem {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  return new Problem(503, `${path} cannot be ${verb}: ${code}`, { type: `urn:ipvs-ts:${code}` });
}
