/**
 * Files that are written in pieces and are there whole or not at all.
 * @module
 */
import { open, rename, rm } from 'node:fs/promises';

/**
 * Writes a file beside its place, by default for its owner alone, and puts it there once it is on the disk: a reader finds the old file or the
 * new one. Throws the system's error, and leaves nothing behind, if that fails or the pieces do.
 */
export async function writeWholeFile(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  mode = 0o600,
): Promise<void> {
  const unfinished = `${path}.${process.pid}.unfinished`;
  try {
    const file = await open(unfinished, 'w', mode);
    try {
      // Whatever the umask is.
      await file.chmod(mode);
      for await (const piece of pieces) await file.write(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
