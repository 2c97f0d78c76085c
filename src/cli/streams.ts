/**
 * Where a command reads and writes.
 * @module
 */

/** The three streams of a process, or their stand-ins in a test. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /**
   * Says that standard output only reports on work, which is done whether anybody reads of it or not: then a reader that goes
   * away (`| head`) does not change the exit code.
   */
  reportsOnly?(): void;
}

/** A destination of text. */
export interface Output {
  write(text: string): unknown;
}

/** Whether a stream is a terminal. */
export function isTerminal(stream: NodeJS.WritableStream | NodeJS.ReadableStream): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}
