/** @module */
import type { RemoteDirector, WeightWish } from '../../client/remote-director.js';
import type { DestinationKey } from '../../model/destination.js';
import { parseServiceKey, type ServiceKey, type ServiceKeyText } from '../../model/service-key.js';
import { API, milliseconds, NETNS, server } from '../common-options.js';
import { keeperText, overrideLine } from '../override-text.js';
import { openDirector, refuseWith } from '../remote.js';
import { CHANGING } from '../sources.js';
import type { Streams } from '../streams.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts weight` */
export const weight = defineVerb({
  name: 'weight',
  group: 'Table',
  operands: {
    service: { placeholder: 'SERVICE', source: 'service', help: 'the service: tcp://192.0.2.1:80, fwmark://5' },
    server: { placeholder: 'SERVER', source: 'server', read: server, help: 'its real server: ADDR or ADDR:PORT' },
    weight: {
      placeholder: 'N',
      read: weightOf,
      fallback: 'with --reset',
      help: 'a weight, 0 to 2147483647, or percent of the weight in the state file: 50%',
    },
  },
  options: {
    for: { placeholder: 'TIME', read: milliseconds, help: 'end it after this time: 90, 15m, 1h, 2d' },
    reason: { placeholder: 'TEXT', help: 'why, for whoever looks at the overrides' },
    reset: { help: 'end the overrides of the server, drains too, and give its weight back' },
    api: API,
    netns: NETNS,
  },
  reports: true,
  help: 'override the weight of a real server',
  details:
    'The override is kept below /run/ipvs-ts until it is reset, its time is over, or the machine starts again. "keep", "apply" ' +
    'and "diff" treat it as part of the state file. With --for, a running "keep" gives the weight back in time; where none ' +
    'runs, nobody does.',

  async run({ values, operands }, context) {
    const { open, streams } = context;
    const { stdout, stderr } = streams;
    const { giveBack, overrideWeight, serverName, stateDirectory } = await import('../../reconcile/index.js');
    const { parseDestinationKey } = await import('../../model/destination.js');
    const { netns, reason, reset, for: duration } = values;
    if (reset === (operands.weight !== undefined)) throw new UsageError('needs N or --reset, and not both');
    const key = parseServiceKey(operands.service as ServiceKeyText);
    const name = serverName(key, parseDestinationKey(key, operands.server));
    const what = name.split(' ').reverse().join(' of ');
    if (values.api !== undefined) {
      refuseWith('--api', { netns });
      await using director = await openDirector(values.api, context);
      const wish = reset ? undefined : { reason, duration, ...operands.weight };
      return await weightAt(director, { key, server: operands.server, what, wish }, streams);
    }
    const directory = stateDirectory({ netns });
    await using ipvs = await open({ netns, source: CHANGING });
    if (reset) {
      const which = ({ service, destination }: Parameters<typeof overrideLine>[0]) =>
        serverName(service, destination) === name;
      const ended = await giveBack(ipvs, { directory, which });
      if (ended.length === 0) stderr.write(`${what} has no override\n`);
      for (const { override, outcome } of ended)
        stdout.write(`${overrideLine(override)}: ended, ${OUTCOMES[outcome]}\n`);
      return ended.length === 0 ? 1 : 0;
    }
    const { outcome, keeper } = await overrideWeight(ipvs, key, operands.server, {
      ...{ directory, reason, duration },
      ...operands.weight,
    });
    if (outcome === 'absent') {
      stderr.write(`${what}: there is no such real server; nothing was changed\n`);
      return 1;
    }
    if (keeper !== undefined) stdout.write(`${what}: ${keeperText(keeper)} sets the weight\n`);
    else if (duration !== undefined) stderr.write(`${what}: no keep runs here to give the weight back in time\n`);
    return 0;
  },
});

/** What of which server; without a wish its overrides are ended. */
interface Subject {
  readonly key: ServiceKey;
  readonly server: DestinationKey;
  readonly what: string;
  readonly wish: WeightWish | undefined;
}

async function weightAt(
  director: RemoteDirector,
  { key, server: real, what, wish }: Subject,
  { stdout, stderr }: Pick<Streams, 'stdout' | 'stderr'>,
): Promise<number> {
  if (wish !== undefined) {
    await director.overrideWeight(key, real, wish);
    return 0;
  }
  const ended = [await director.endOverride('drain', key, real), await director.endOverride('weight', key, real)];
  const found = ended.filter((each) => each !== undefined);
  for (const { override, outcome } of found) stdout.write(`${overrideLine(override)}: ended, ${OUTCOMES[outcome]}\n`);
  if (found.length === 0) stderr.write(`${what} has no override\n`);
  return found.length === 0 ? 1 : 0;
}

const OUTCOMES = {
  'given back': 'it has its weight again',
  left: 'somebody else gave it another weight, which it keeps',
  gone: 'it is not in the table',
  keeper: 'the running keep puts it back as its file says',
} as const;

function weightOf(text: string): { readonly weight?: number; readonly percent?: number } {
  const [, digits, percent] = /^(\d{1,10})(%?)$/.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`must be a weight (5) or percent (50%), not "${text}"`);
  return percent === '%' ? { percent: Number(digits) } : { weight: Number(digits) };
}
