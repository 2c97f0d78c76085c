/**
 * `top` without a terminal: a block of lines for each reading.
 * @module
 */
import { IpvsError } from '../../errors.js';
import type { Streams } from '../streams.js';
import { isReaderGone, pause } from './live.js';
import { plainBlock } from './plain.js';
import type { Reading } from './reading.js';
import type { TopSort } from './sorts.js';

interface BlockOptions {
  readonly interval: number;
  readonly sort: TopSort;
  readonly fallback: string | undefined;
}

/** Until nobody reads them. A reading that fails after the first costs its block, not those after it. */
export async function blocks(
  read: () => Promise<Reading>,
  { interval, sort, fallback }: BlockOptions,
  { stdout, stderr }: Pick<Streams, 'stdout' | 'stderr'>,
): Promise<void> {
  const stop = new AbortController();
  let problem: Error | undefined;
  const onError = (error: Error) => {
    problem = error;
    stop.abort();
  };
  const onClose = () => stop.abort();
  stdout.on('error', onError).on('close', onClose);
  stdout.write(plainBlock(await read(), sort, fallback));
  while (await pause(interval, stop.signal)) {
    // A reader that is behind misses a block; memory does not grow while it sleeps.
    if ('writableNeedDrain' in stdout && stdout.writableNeedDrain === true) continue;
    try {
      stdout.write(`\n${plainBlock(await read(), sort, fallback)}`);
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      stderr.write(`ipvs-ts: ${error.message}\n`);
    }
  }
  stdout.off('error', onError).off('close', onClose);
  if (problem !== undefined && !isReaderGone(problem)) throw problem;
}
