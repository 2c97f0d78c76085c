/**
 * What every executable does around its work.
 * @module
 */
import { writeSync } from 'node:fs';
import type { Output, Streams } from './streams.js';
import { systemMessage } from './system-error.js';

/** As a shell reports a program that SIGPIPE ended. */
const READER_GONE = 141;

/** Runs with the arguments and streams of the process, and ends it with the code that comes back. */
export async function runProgram(
  work: (words: readonly string[], streams: Streams, directStdout: Output) => Promise<number>,
): Promise<void> {
  process.on('uncaughtException', crash);
  process.on('exit', reportLostOutput);
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
    if (!process.stdout.listeners('error').includes(loseOutput)) process.stdout.on('error', loseOutput);
    return process.stdout;
  },
  get stderr() {
    // Whom nobody hears works on: the exit code says how it ended.
    if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
    return process.stderr;
  },
  reportsOnly() {
    mayLoseReader = true;
  },
};

/** Standard output without Node's stream for it. Not to be mixed with that. */
const directStdout: Output = {
  write(text) {
    let rest: Uint8Array = Buffer.from(text);
    try {
      while (rest.length > 0 && !isFull) rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (!isErrno(error, 'EAGAIN')) return loseOutput(error);
      isFull = true;
    }
    if (rest.length > 0) streams.stdout.write(rest);
  },
};

/** Somebody made it non-blocking and it was full once: from then on Node's stream does the waiting. */
let isFull = false;

/** Why output was lost, and whether that of a reader that went away matters. */
let lost: unknown;
let mayLoseReader = false;

/** Work goes on without its output: half of a set-up is worse than one that nobody reads about. */
function loseOutput(error: unknown): void {
  lost ??= error;
}

function ignore(): void {}

/** In the end, so that whatever the work came to, output that is incomplete is no success. */
function reportLostOutput(): void {
  if (lost === undefined || process.exitCode !== 0) return;
  const isReaderGone = isErrno(lost, 'EPIPE');
  if (isReaderGone) {
    if (!mayLoseReader) process.exitCode = READER_GONE;
    return;
  }
  process.exitCode = 1;
  writeError(`ipvs-ts: standard output: ${systemMessage(lost)}\n`);
}

/** A mistake of this program. The stack has the names of its functions; the bundle's lines are of no use to anyone. */
function crash(error: unknown): void {
  const stack = error instanceof Error ? error.stack : String(error);
  writeError(`ipvs-ts: internal error, please report it: ${stack}\n`);
  process.exit(1);
}

function writeError(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nobody hears it.
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
