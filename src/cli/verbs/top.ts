/** @module */
import type { HealthReport } from '../../health/journal.js';
import { API, NETNS } from '../common-options.js';
import { fallbackOf, openTable } from '../remote.js';
import { TOP_SORTS } from '../top/sorts.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** Bounds of `--interval`, in seconds. Timers of more than 24 days do not work. */
const SHORTEST = 0.1;
const LONGEST = 86400;

/** `ipvs-ts top` */
export const top = defineVerb({
  name: 'top',
  group: 'Table',
  options: {
    interval: { placeholder: 'SECONDS', default: '2', read: readInterval, help: 'refresh interval' },
    once: { help: 'write one reading and end' },
    sort: { placeholder: 'FIELD', choices: TOP_SORTS, default: 'cps', help: 'sort real servers by this field' },
    api: API,
    netns: NETNS,
  },
  help: 'watch rates, connections and weights of real servers',
  details:
    'The kernel updates its rates every two seconds, or, with the sysctl net.ipv4.vs.run_estimation=0, not at all: then they ' +
    'are shown as "-". If standard output is no terminal, plain lines are written. Where "keep" or "serve" checks real servers, a letter ' +
    'stands before each: U up, D down, H held down because it flaps, ? not measured; a word behind a service says who serves in its place.',

  async run({ values: { interval, once, sort, api, netns } }, context) {
    const { stdin, stdout, stderr } = context.streams;
    const { blocks, isScreen, live, plainBlock, takeReading } = await import('../top/index.js');
    await using table = await openTable(context, { api, netns });
    const readHealth = 'health' in table ? () => table.health() : await localHealth(netns);
    const read = () => takeReading(table, readHealth);
    const fallback = fallbackOf(table);
    if (once) {
      stdout.write(plainBlock(await read(), sort, fallback));
      return 0;
    }
    // Awaited here: the client is closed when this function is left.
    if (isScreen(stdout)) await live(read, { interval, sort, fallback }, { stdin, stdout });
    else await blocks(read, { interval, sort, fallback }, { stdout, stderr });
    return 0;
  },
});

/** What a running keep or serve wrote, while it is fresh. */
async function localHealth(netns: string | undefined): Promise<() => HealthReport | undefined> {
  const { currentHealth, STALE } = await import('../current-health.js');
  return () => {
    const { report, age = 0 } = currentHealth({ netns }) ?? {};
    return age <= STALE ? report : undefined;
  };
}

function readInterval(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= SHORTEST && seconds <= LONGEST) return seconds;
  throw new UsageError(`must be a number of seconds from ${SHORTEST} to ${LONGEST}, not "${text}"`);
}
