/**
 * `ipvs-ts`: words in, text and exit code out. A first word with a dash, or none, is ipvsadm's language; otherwise it is
 * one of our own verbs.
 * @module
 */
import { runIpvsadm } from './ipvsadm.js';
import type { Output, Streams } from './streams.js';

/**
 * Does what the words after the program's name say. Returns the exit code. `directStdout` is a faster way to standard output
 * for what needs no stream.
 */
export async function run(words: readonly string[], streams: Streams, directStdout?: Output): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined || first.startsWith('-')) return runIpvsadm(words, streams, { stdout: directStdout });
  // What stands in for ipvsadm starts as fast as it can, and needs nothing of this.
  const { runVerb } = await import('./run-verb.js');
  return runVerb(first, rest, streams);
}
