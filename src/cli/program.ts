/**
 * What every executable does around its work.
 * @module
 */
import { writeSync } from 'node:fs';
import type { Output, Streams } from './streams.js';

/** Runs with the words and streams of the process, and ends it with the code that comes back. */
export async function runProgram(
  work: (words: readonly string[], streams: Streams, directStdout: Output) => Promise<number>,
): Promise<void> {
  process.exitCode = await work(process.argv.slice(2), streams, directStdout);
  // What was written directly is written. Letting Node take itself apart first would be a tenth of a short command's time.
  if (!streamsAreOpen) process.exit();
}

let streamsAreOpen = false;

/** Each is made when it is first used: that of standard output takes as long to make as a table takes to read. */
const streams: Streams = {
  get stdin() {
    streamsAreOpen = true;
    return process.stdin;
  },
  get stdout() {
    streamsAreOpen = true;
    if (!process.stdout.listeners('error').includes(endIfNobodyReads)) process.stdout.on('error', endIfNobodyReads);
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
};

/** Standard output without Node's stream for it. Not to be mixed with that. */
const directStdout: Output = {
  write(text) {
    let rest: Uint8Array = Buffer.from(text);
    try {
      while (rest.length > 0 && !isFull) rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (!isErrno(error, 'EAGAIN')) return endIfNobodyReads(error);
      isFull = true;
    }
    if (rest.length > 0) streams.stdout.write(rest);
  },
};

/** Somebody made it non-blocking and it was full once: from then on Node's stream does the waiting. */
let isFull = false;

/** `| head` reads as much as it wants; that is no failure. */
function endIfNobodyReads(error: unknown): void {
  if (!isErrno(error, 'EPIPE')) throw error;
  process.exit();
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
