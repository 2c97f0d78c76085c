/**
 * `ipvs-ts`: arguments in, text and exit code out. A first argument with a dash, or none, is a command line of ipvsadm;
 * otherwise it is a verb.
 * @module
 */
import { runIpvsadm } from './ipvsadm/ipvsadm.js';
import type { Output, Streams } from './streams.js';

/**
 * Does what the arguments say. Returns the exit code. `directStdout` is a faster way to standard output
 * for what needs no stream.
 */
export async function run(words: readonly string[], streams: Streams, directStdout?: Output): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined || first.startsWith('-')) return runIpvsadm(words, streams, { stdout: directStdout });
  // What stands in for ipvsadm starts as fast as it can, and needs nothing of this.
  const { runVerb } = await import('./run-verb.js');
  return runVerb(first, rest, streams);
}
