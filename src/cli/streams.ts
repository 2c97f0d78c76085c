/**
 * Where a command reads and writes.
 * @module
 */

/** The three streams of a process, or what stands for them in a test. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** What text can be written to. */
export interface Output {
  write(text: string): unknown;
}
