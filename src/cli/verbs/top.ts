/** @module */
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
    'are shown as "-". If standard output is no terminal, plain lines are written.',

  async run({ values: { interval, once, sort, api, netns } }, context) {
    const { stdin, stdout, stderr } = context.streams;
    const { blocks, isScreen, live, plainBlock, takeReading } = await import('../top/index.js');
    await using ipvs = await openTable(context, { api, netns });
    const read = () => takeReading(ipvs);
    const fallback = fallbackOf(ipvs);
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

function readInterval(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= SHORTEST && seconds <= LONGEST) return seconds;
  throw new UsageError(`must be a number of seconds from ${SHORTEST} to ${LONGEST}, not "${text}"`);
}
