/**
 * `import { formatMetrics } from 'ipvs-ts/metrics'`: the table, the health checks and the work of `keep` as metrics for Prometheus.
 * @module
 */
export { HealthCounters, type HealthCounts } from './health-counters.js';
export { type CheckerLoad, type MetricsInput, type MetricsOptions, readMetrics } from './input.js';
export { KeepCounters, type KeepCounts, type StepCause } from './keep-counters.js';
export { formatMetrics, METRIC_FAMILIES, metricsChunks } from './page.js';
export { METRICS_FORMATS, type MetricFamily, type MetricsFormat, metricsFormatFor, metricsMediaType } from './text.js';
