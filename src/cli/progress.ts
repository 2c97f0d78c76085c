/**
 * One line on a terminal that says how far long work is; elsewhere nothing.
 * @module
 */
import { isTerminal } from './streams.js';

/** A line that is written over, and gone when it is disposed of. */
export interface Progress extends Disposable {
  readonly update: (done: number, total: number) => void;
}

/** Starts a line. */
export function progress(what: string, stream: NodeJS.WritableStream): Progress {
  if (!isTerminal(stream)) return { update: () => {}, [Symbol.dispose]: () => {} };
  return {
    update: (done, total) => stream.write(`\r${what}: ${done} of ${total}`),
    // Erases to the end of the line.
    [Symbol.dispose]: () => stream.write('\r\x1b[K'),
  };
}
