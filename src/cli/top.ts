/**
 * `ipvs-ts top`.
 * @module
 */
import { IpvsError } from '../errors.js';
import { Ipvs } from '../ipvs.js';
import { type Parsed, UsageError } from './parse-verb.js';
import type { Streams } from './streams.js';
import { isReaderGone, live, pause } from './top/live.js';
import { plainBlock } from './top/plain.js';
import { type Reading, takeReading } from './top/reading.js';
import { isScreen } from './top/terminal.js';
import { TOP_SORTS, type TopSort } from './verbs.js';

/** Bounds of `--interval`, in seconds. Timers of more than 24 days do not work. */
const SHORTEST = 0.1;
const LONGEST = 86400;

/** Shows rates, connections and weights: once, or on a terminal as they change, or a block of lines each time. */
export async function top(values: Parsed<'top'>['values'], { stdin, stdout, stderr }: Streams): Promise<void> {
  const interval = readInterval(values.interval);
  const sort = TOP_SORTS.find((field) => field === values.sort) ?? 'cps';
  await using ipvs = await Ipvs.open({ netns: values.netns });
  const read = () => takeReading(ipvs);
  const fallback = ipvs.fallbackReason?.message;
  if (values.once) {
    stdout.write(plainBlock(await read(), sort, fallback));
    return;
  }
  // Awaited here: the client is closed when this function is left.
  if (isScreen(stdout)) await live(read, { interval, sort, fallback }, { stdin, stdout });
  else await blocks(read, { interval, sort, fallback }, { stdout, stderr });
}

function readInterval(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= SHORTEST && seconds <= LONGEST) return seconds;
  throw new UsageError(`top: --interval must be a number of seconds from ${SHORTEST} to ${LONGEST}, not "${text}"`);
}

interface BlockOptions {
  readonly interval: number;
  readonly sort: TopSort;
  readonly fallback: string | undefined;
}

/** Until nobody reads them. A reading that fails after the first costs its block, not those after it. */
async function blocks(
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
