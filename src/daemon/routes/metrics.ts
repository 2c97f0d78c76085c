/**
 * The daemon's metrics, for Prometheus.
 * @module
 */
import { readMetrics } from '../../metrics/input.js';
import { metricsChunks } from '../../metrics/page.js';
import { metricsFormatFor, metricsMediaType } from '../../metrics/text.js';
import { readOverrides } from '../../reconcile/overrides.js';
import { Problem } from '../problem.js';
import type { Route } from '../route.js';

export const METRICS_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/metrics',
    id: 'metrics',
    role: 'reader',
    help: 'Metrics as Prometheus text, or as OpenMetrics where Accept asks for it',
    query: {
      names: 'node_exporter: the names of its ipvs collector',
      top: 'only so many services with most traffic; the others are summed up',
    },
    answers: { 200: { help: 'metrics', type: 'text/plain' } },
    async handle(director, { headers, query }) {
      const format = metricsFormatFor(headers.accept);
      const input = {
        ...(await readMetrics(director.reads)),
        desired: director.wanted,
        overrides: readOverrides(director.options.directory),
        health: director.healthReport(),
        healthCounts: director.healthCounters.counts(),
        keep: director.keepCounters.counts(),
      };
      const text = metricsChunks(input, { format, names: namesOf(query['names']), top: topOf(query['top']) });
      return { type: metricsMediaType(format), text };
    },
  },
];

function namesOf(text: string | undefined): 'ipvs' | 'node_exporter' {
  if (text === undefined || text === 'ipvs') return 'ipvs';
  if (text === 'node_exporter') return text;
  throw wrong('names', 'must be ipvs or node_exporter');
}

function topOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw wrong('top', 'must be a number of services up to 999999');
}

function wrong(path: string, message: string): Problem {
  return new Problem(400, `${path} ${message}`, { errors: [{ path, message }] });
}
