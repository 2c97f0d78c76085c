/**
 * The page of metrics: each metric with all its samples, in one text or in pieces. Pure.
 * @module
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TIME_SLICE } from '../linux/time-slice.js';
import { Gathered, readOptions, readParts } from './check.js';
import { DIRECTOR_METRICS, RECONCILE_METRICS } from './director-metrics.js';
import {
  CHECK_METRICS,
  HEALTH_COUNT_METRICS,
  LOAD_METRICS,
  POOL_METRICS,
  REPORT_METRICS,
  SERVER_METRICS,
} from './health-metrics.js';
import { readHealthRows } from './health-rows.js';
import type { MetricsInput, MetricsOptions } from './input.js';
import type { Metric } from './metric.js';
import { BACKEND_METRICS, backendsOf, NODE_TOTALS_METRICS } from './node-exporter.js';
import { ServiceLabels } from './service-labels.js';
import { DESTINATION_METRICS, SERVICE_METRICS, TOTALS_METRICS } from './table-metrics.js';
import { readTableRows } from './table-rows.js';
import { endText, headerText, type MetricFamily, type MetricsFormat } from './text.js';
import { topServices } from './top.js';

/** Every metric that can be written, in the order of the page. */
export const METRIC_FAMILIES: Readonly<Record<'ipvs' | 'node_exporter', readonly MetricFamily[]>> = {
  ipvs: [
    ...DIRECTOR_METRICS,
    ...TOTALS_METRICS,
    ...SERVICE_METRICS,
    ...DESTINATION_METRICS,
    ...POOL_METRICS,
    ...SERVER_METRICS,
    ...CHECK_METRICS,
    ...REPORT_METRICS,
    ...LOAD_METRICS,
    ...HEALTH_COUNT_METRICS,
    ...RECONCILE_METRICS,
  ],
  node_exporter: [...NODE_TOTALS_METRICS, ...BACKEND_METRICS],
};

/**
 * The whole page of metrics. All samples of a metric stand together; metrics without a sample are left out. For tables of
 * thousands of services, {@link metricsChunks} lets others have a turn.
 * @throws {InvalidArgumentError} with the path of everything that is wrong with the input: `table.services[0].stats.inBytes`.
 *
 * @example
 * ```ts
 * import { formatMetrics, readMetrics } from 'ipvs-ts/metrics';
 * process.stdout.write(formatMetrics(await readMetrics(ipvs), { format: 'openmetrics' }));
 * ```
 */
export function formatMetrics(input: MetricsInput, options: MetricsOptions = {}): string {
  return [...pieces(input, options)].join('');
}

/**
 * The page of {@link formatMetrics} in pieces of about 64 kB, with turns of the event loop in between. The first piece comes when
 * all of the input is checked.
 * @throws {InvalidArgumentError} as {@link formatMetrics}, before the first piece.
 *
 * @example
 * ```ts
 * import { Readable } from 'node:stream';
 * import { metricsChunks, readMetrics } from 'ipvs-ts/metrics';
 * Readable.from(metricsChunks(await readMetrics(ipvs), { top: 100 })).pipe(process.stdout);
 * ```
 */
export async function* metricsChunks(
  input: MetricsInput,
  options: MetricsOptions = {},
): AsyncGenerator<string, void, undefined> {
  let turn = performance.now();
  let text = '';
  for (const piece of pieces(input, options)) {
    text += piece;
    if (text.length >= PIECE) {
      yield text;
      text = '';
    }
    if (performance.now() - turn < TIME_SLICE) continue;
    await nextTurn();
    turn = performance.now();
  }
  yield text;
}

/** Characters of a piece. */
const PIECE = 65_536;
/** Rows between two looks at the clock. */
const LOT = 64;

/** The page in pieces, with empty ones where others may have a turn. */
function* pieces(input: MetricsInput, options: MetricsOptions): Generator<string, void, undefined> {
  const { format, names, top, serviceNames } = readOptions(options);
  const gathered = new Gathered();
  const parts = readParts(input, gathered);
  const labels = yield* turns(ServiceLabels.read(serviceNames, gathered));
  const services = yield* turns(readTableRows(input, labels, gathered));
  const { shown, other } = yield* turns(topServices(services, top));
  const health = yield* turns(
    readHealthRows(input, labels, shown.length < services.length ? shown : undefined, gathered),
  );
  gathered.end();

  const { info, countsTraffic, totals, timeouts, daemons, overrides, checker, healthCounts, keep } = parts;
  const destinations = services.reduce((sum, each) => sum + each.destinations.length, 0);
  const director = { info, countsTraffic, services: services.length, destinations, timeouts, daemons, overrides };
  const counted = [{ counters: countsTraffic === false ? undefined : totals }];
  yield* written(DIRECTOR_METRICS, [director], format);
  if (names === 'node_exporter') {
    yield* written(NODE_TOTALS_METRICS, counted, format);
    yield* written(BACKEND_METRICS, yield* turns(backendsOf(shown)), format);
  } else {
    const rows = other === undefined ? shown : [...shown, other];
    yield* written(TOTALS_METRICS, counted, format);
    yield* written(SERVICE_METRICS, rows, format);
    yield* written(
      DESTINATION_METRICS,
      rows.flatMap((row) => row.destinations),
      format,
    );
  }
  if (health !== undefined) {
    yield* written(POOL_METRICS, health.pools, format);
    yield* written(SERVER_METRICS, health.servers, format);
    yield* written(CHECK_METRICS, health.checks, format);
    yield* written(REPORT_METRICS, [health.report], format);
  }
  if (checker !== undefined) yield* written(LOAD_METRICS, [checker], format);
  if (healthCounts !== undefined) yield* written(HEALTH_COUNT_METRICS, [healthCounts], format);
  if (keep !== undefined) yield* written(RECONCILE_METRICS, [keep], format);
  yield endText(format);
}

/** Work that has turns, as pieces without text. */
function* turns<T>(work: Generator<void, T>): Generator<string, T, undefined> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    yield '';
  }
}

/** Each metric with the samples of all rows. */
function* written<Row>(
  metrics: readonly Metric<Row>[],
  rows: readonly Row[],
  format: MetricsFormat,
): Generator<string, void, undefined> {
  for (const metric of metrics) {
    let before = headerText(metric, format);
    let text = '';
    for (const [place, row] of rows.entries()) {
      const samples = metric.samples(row);
      if (samples !== '') {
        text += before + samples;
        before = '';
      }
      if (place % LOT !== LOT - 1) continue;
      yield text;
      text = '';
    }
    yield text;
  }
}
