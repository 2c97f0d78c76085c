/**
 * A file of this host, which says whether the server is up.
 * @module
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileCheck } from '../../model/check.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe } from '../run.js';

/** Bytes; a word is all that is looked for. */
const MOST = 256;

/** This host's own trouble, which says nothing of the file. */
const OURS = ['EMFILE', 'ENFILE', 'ENOMEM'];

/** Reads it. */
export const probeFile: Probe<FileCheck> = async (_, { path }) => {
  const text = (await read(path)).trim();
  const [, percent] = /^(\d{1,3})\s*%?$/.exec(text) ?? [];
  if (percent !== undefined) return passed(`${path} says ${percent} %`, { load: Number(percent) });
  if (text === '' || /^up$/i.test(text)) return passed(`${path} is there`);
  throw soft(`${path} says ${quoted(text)}`);
};

async function read(path: string): Promise<string> {
  try {
    // Without waiting: it may be a pipe at which nobody writes.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST), 0, MOST, null);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (OURS.includes(code)) throw error;
    throw soft(code === 'ENOENT' ? `there is no ${path}` : `${path} cannot be read: ${message}`);
  }
}
