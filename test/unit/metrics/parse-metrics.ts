/**
 * A strict reader of both text formats, written from their descriptions (prometheus.io/docs/instrumenting/exposition_formats, and
 * OpenMetrics 1.0): it throws at the first thing that a scraper might refuse or take for something else.
 */
import type { MetricsFormat } from '../../../src/metrics/index.js';

export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As it is written. */
  readonly value: string;
}

export interface ReadFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string | undefined;
  readonly samples: ReadSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const NUMBER = /^[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?$/;
const SUFFIXES: Readonly<Record<string, string>> = { counter: '_total', info: '_info', gauge: '' };

/** The families of a page by the name of their samples. */
export function parseMetrics(text: string, format: MetricsFormat): Map<string, ReadFamily> {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no end');
  const lines = text.split('\n').slice(0, -1);
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('# EOF is missing');
  const families = new Map<string, ReadFamily>();
  const series = new Set<string>();
  let head: { name: string; type?: string; help?: string; unit?: string } | undefined;
  let current: ReadFamily | undefined;
  for (const line of lines) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE|UNIT|EOF)(?: (\S+) (.*))?$/.exec(line) ?? [];
    if (keyword !== undefined) {
      if (!NAME.test(name)) throw new Error(`no name: ${line}`);
      if (head?.name !== name || current !== undefined) head = { name };
      current = undefined;
      const field = keyword.toLowerCase() as 'help' | 'type' | 'unit';
      if (head[field] !== undefined) throw new Error(`twice: ${line}`);
      if (field === 'unit' && (format === 'prometheus' || !name.endsWith(`_${rest}`))) throw new Error(`unit: ${line}`);
      if (field === 'help' && /[\\"]/.test(rest)) throw new Error(`an escape in help: ${line}`);
      head[field] = rest;
      continue;
    }
    if (line.startsWith('#') || line === '') throw new Error(`no line of the format: ${line}`);
    const sample = parseSample(line);
    if (current === undefined) {
      const { type, help, unit, name: family = '' } = head ?? {};
      if (type === undefined || help === undefined) throw new Error(`no type or help: ${line}`);
      if (!(format === 'openmetrics' ? /^(counter|gauge|info)$/ : /^(counter|gauge)$/).test(type))
        throw new Error(type);
      const full = format === 'openmetrics' ? `${family}${SUFFIXES[type]}` : family;
      if (families.has(full)) throw new Error(`${full}: its samples do not stand together`);
      if (format === 'openmetrics' && /_(total|info|created|bucket|count|sum)$/.test(family)) throw new Error(family);
      current = { name: full, type, help, unit, samples: [] };
      families.set(full, current);
      if ([...families.values()].some((other) => other !== current && bare(other) === bare(current))) {
        throw new Error(`${full}: two families of a name`);
      }
    }
    if (sample.name !== current.name) throw new Error(`not of ${current.name}: ${line}`);
    if (current.type === 'counter' && !current.name.endsWith('_total')) throw new Error(`no _total: ${line}`);
    if (current.type === 'info' && sample.value !== '1') throw new Error(`an info is 1: ${line}`);
    const id = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (series.has(id)) throw new Error(`twice: ${line}`);
    series.add(id);
    current.samples.push(sample);
  }
  return families;
}

function bare({ name }: { name: string } = { name: '' }): string {
  return name.replace(/_(total|info)$/, '');
}

function parseSample(line: string): ReadSample {
  const [, name = '', labels, value = ''] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (!NAME.test(name) || !NUMBER.test(value)) throw new Error(`no sample: ${line}`);
  return { name, labels: parseLabels(labels, line), value };
}

function parseLabels(text: string | undefined, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  if (text === undefined) return labels;
  let rest = text;
  for (;;) {
    const [all = '', name = '', value = ''] = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/.exec(rest) ?? [];
    if (all === '') throw new Error(`labels: ${line}`);
    if (Object.hasOwn(labels, name) || name.startsWith('__')) throw new Error(`label ${name}: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_, each) => (each === 'n' ? '\n' : each));
    rest = rest.slice(all.length);
    if (rest === '') return labels;
    if (!rest.startsWith(',')) throw new Error(`labels: ${line}`);
    rest = rest.slice(1);
  }
}
