/**
 * What every executable does around its work.
 * @module
 */
import type { Streams } from './streams.js';

/** Runs with the words and streams of the process, and ends it with the code that comes back. */
export async function runProgram(work: (words: readonly string[], streams: Streams) => Promise<number>): Promise<void> {
  // `| head` reads as much as it wants; that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  const { stdin, stdout, stderr } = process;
  process.exitCode = await work(process.argv.slice(2), { stdin, stdout, stderr });
}
