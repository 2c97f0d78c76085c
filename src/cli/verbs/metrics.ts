/** @module */
import { writeWholeFile } from '../../linux/whole-file.js';
import { METRICS_FORMATS, type MetricsFormat } from '../../metrics/text.js';
import { API, NETNS } from '../common-options.js';
import type { VerbContext } from '../context.js';
import { openDirector, refuseWith } from '../remote.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts metrics` */
export const metrics = defineVerb({
  name: 'metrics',
  group: 'Table',
  options: {
    output: { placeholder: 'FILE', source: 'file', help: 'write this file, whole, for all to read' },
    format: {
      placeholder: 'FORMAT',
      choices: METRICS_FORMATS,
      default: 'prometheus',
      help: 'text format 0.0.4 of Prometheus, or OpenMetrics 1.0',
    },
    names: {
      placeholder: 'NAMES',
      choices: ['ipvs', 'node_exporter'],
      default: 'ipvs',
      help: "names of metrics: our own, or those of node_exporter's ipvs collector",
    },
    top: { placeholder: 'N', read: topOf, help: 'only N services with most traffic; the others are summed up' },
    api: API,
    netns: NETNS,
  },
  help: 'write the metrics of the table once',
  details:
    'For the textfile collector of node_exporter, from a timer. What "keep" or "serve" found with checks is there if it is fresh; counters of ' +
    'what they did are only with --api. If something fails, FILE stays as it was.',

  async run({ values: { output, format, names, top, api, netns } }, context) {
    const options = { format, names, top };
    const text =
      api === undefined ? await metricsHere(options, netns, context) : await metricsAt(api, options, netns, context);
    if (output === undefined) context.streams.stdout.write(text);
    else await writeWholeFile(output, [Buffer.from(text)], READABLE);
    return 0;
  },
});

/** node_exporter is another user. */
const READABLE = 0o644;

interface Options {
  readonly format: MetricsFormat;
  readonly names: 'ipvs' | 'node_exporter';
  readonly top: number | undefined;
}

async function metricsHere(options: Options, netns: string | undefined, context: VerbContext): Promise<string> {
  const [{ formatMetrics, readMetrics }, { readOverrides, stateDirectory }, { currentHealth, STALE }] = [
    await import('../../metrics/index.js'),
    await import('../../reconcile/index.js'),
    await import('../current-health.js'),
  ];
  await using ipvs = await context.open({ netns });
  const { report, age = 0 } = currentHealth({ netns }) ?? {};
  const health = report !== undefined && age <= STALE ? { health: report } : {};
  return formatMetrics(
    { ...(await readMetrics(ipvs)), overrides: readOverrides(stateDirectory({ netns })), ...health },
    options,
  );
}

async function metricsAt(
  api: string,
  options: Options,
  netns: string | undefined,
  context: VerbContext,
): Promise<string> {
  refuseWith('--api', { netns });
  await using director = await openDirector(api, context);
  return await director.metrics(options);
}

function topOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new UsageError(`must be a number of services up to 999999, not "${text}"`);
}
