/**
 * The two text formats that Prometheus reads: its own, version 0.0.4, and OpenMetrics 1.0. Pure.
 * @module
 */

/** `prometheus` is the text format 0.0.4, `openmetrics` is OpenMetrics 1.0. */
export const METRICS_FORMATS = ['prometheus', 'openmetrics'] as const;
/** One of {@link METRICS_FORMATS}. */
export type MetricsFormat = (typeof METRICS_FORMATS)[number];

/** What is said of a metric once, before its samples. */
export interface MetricFamily {
  /** As it stands before each sample: a counter ends with `_total`, an info with `_info`. */
  readonly name: string;
  /** `counter` starts anew at `zero`, and with the service or server. `info` is always 1, its labels tell. */
  readonly type: 'counter' | 'gauge' | 'info';
  /** What one means. The name says it too. */
  readonly unit?: 'bytes' | 'seconds';
  /** Those that every sample has. */
  readonly labels: readonly string[];
  /** One line without quotes and backslashes. */
  readonly help: string;
}

const MEDIA_TYPES: Readonly<Record<MetricsFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * The `Content-Type` of a format. Anything but `openmetrics` counts as `prometheus`.
 *
 * @example
 * ```ts
 * import { metricsMediaType } from 'ipvs-ts/metrics';
 * metricsMediaType('prometheus'); // text/plain; version=0.0.4; charset=utf-8
 * ```
 */
export function metricsMediaType(format: MetricsFormat): string {
  return format === 'openmetrics' ? MEDIA_TYPES.openmetrics : MEDIA_TYPES.prometheus;
}

/**
 * The format that an `Accept` header of HTTP asks for: `openmetrics` where it is named and wanted no less than plain text, else
 * `prometheus`, which every reader knows.
 */
export function metricsFormatFor(accept: string | undefined): MetricsFormat {
  const ranges = String(accept ?? '')
    .split(',')
    .map(readRange);
  const qualityOf = (...types: string[]) =>
    Math.max(0, ...ranges.flatMap(({ type, quality }) => (types.includes(type) ? [quality] : [])));
  const openmetrics = qualityOf('application/openmetrics-text');
  return openmetrics > 0 && openmetrics >= qualityOf('text/plain', 'text/*') ? 'openmetrics' : 'prometheus';
}

/** `text/plain;version=0.0.4;q=0.2` */
function readRange(text: string): { type: string; quality: number } {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const given = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = given === undefined ? 1 : Number(given.slice('q='.length));
  return { type, quality: Number.isNaN(quality) ? 0 : quality };
}

/** The lines before the samples of a metric. */
export function headerText({ name, type, unit, help }: MetricFamily, format: MetricsFormat): string {
  if (format === 'prometheus') {
    return `# HELP ${name} ${help}\n# TYPE ${name} ${type === 'info' ? 'gauge' : type}\n`;
  }
  const family = familyName(name, type);
  return `# TYPE ${family} ${type}\n${unit === undefined ? '' : `# UNIT ${family} ${unit}\n`}# HELP ${family} ${help}\n`;
}

/** OpenMetrics names a family without what the names of its samples end with. */
function familyName(name: string, type: MetricFamily['type']): string {
  if (type === 'gauge') return name;
  return name.slice(0, -(type === 'counter' ? '_total' : '_info').length);
}

/** What follows the last sample. */
export function endText(format: MetricsFormat): string {
  return format === 'openmetrics' ? '# EOF\n' : '';
}

/** `service="tcp://192.0.2.1:80",name="web"`; undefined values have no label. */
export function labelText(labels: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(labels)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${escaped(String(value))}"`]))
    .join(',');
}

function escaped(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/[\\"\n]/g, (each) => (each === '\n' ? '\\n' : `\\${each}`)) : value;
}

/** One line: a name, labels as {@link labelText} gives them, a number. */
export function sampleText(name: string, labels: string, value: number | bigint): string {
  return labels === '' ? `${name} ${value}\n` : `${name}{${labels}} ${value}\n`;
}
