/**
 * What a verb works with: a test passes its own streams and a table in memory.
 * @module
 */
import type { Ipvs, OpenOptions } from '../ipvs.js';
import type { Streams } from './streams.js';

/** What comes into a verb from outside. */
export interface VerbContext {
  readonly streams: Streams;
  /** Opens the table of a namespace. The caller closes it. */
  open(options?: OpenOptions): Promise<Ipvs>;
  readonly env: NodeJS.ProcessEnv;
}

/** The context of a process: the running kernel, which is loaded when it is first opened, and the process's environment. */
export function processContext(streams: Streams): VerbContext {
  return {
    streams,
    open: async (options) => (await import('../ipvs.js')).Ipvs.open(options),
    env: process.env,
  };
}
