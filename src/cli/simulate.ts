/**
 * `ipvs-ts simulate`.
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseEndpoint } from '../address/endpoint.js';
import { parseIP } from '../address/ip.js';
import { readStateFile } from '../config/read.js';
import { Ipvs } from '../ipvs.js';
import type { DestinationKey } from '../model/destination.js';
import { formatServiceKey, parseServiceKey, type ServiceKeyText } from '../model/service-key.js';
import {
  type Duration,
  type ServerChange,
  SimulatedKernel,
  type Traffic,
  type WhatIf,
  type WhatIfTable,
  whatIf,
} from '../simulator/index.js';
import { SCHEDULERS } from '../simulator/schedulers/registry.js';
import { UsageError } from './parse-verb.js';
import { chart } from './simulate-chart.js';
import type { Streams } from './streams.js';

/** The values of the verb's options. */
export interface SimulateValues {
  readonly live?: boolean | undefined;
  readonly netns?: string | undefined;
  readonly service?: string | undefined;
  readonly schedulers?: string | undefined;
  readonly clients?: string | undefined;
  readonly rate?: string | undefined;
  readonly arrival?: string | undefined;
  readonly seconds?: string | undefined;
  readonly duration?: string | undefined;
  readonly seed?: string | undefined;
  readonly add?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
  readonly weight?: readonly string[] | undefined;
  readonly at?: string | undefined;
  readonly json?: boolean | undefined;
  readonly chart?: string | undefined;
}

/** Tells what traffic would do to a table, without touching any. */
export async function simulate(
  { values, operand }: { readonly values: SimulateValues; readonly operand?: string | undefined },
  { stdin, stdout }: Streams,
): Promise<void> {
  const traffic = readTraffic(values);
  const changes = readChanges(values);
  const table = await readTable(values, operand, stdin);
  const results = await whatIf(table, traffic, {
    changes,
    ...(values.service !== undefined && {
      service: formatServiceKey(parseServiceKey(values.service as ServiceKeyText)),
    }),
    ...(values.at !== undefined && { at: number('at', values.at) }),
    ...(values.schedulers !== undefined && { schedulers: readSchedulers(values.schedulers) }),
  });
  if (values.chart !== undefined) await writeFile(values.chart, chart(results));
  stdout.write(values.json ? `${JSON.stringify(results, null, 2)}\n` : results.map(resultText).join('\n'));
}

// The table

async function readTable(values: SimulateValues, operand: string | undefined, stdin: NodeJS.ReadableStream) {
  if (values.live && operand !== undefined) throw new UsageError('simulate: --live takes no file');
  if (values.live) {
    await using ipvs = await Ipvs.open({ netns: values.netns });
    return await ipvs.snapshot();
  }
  if (operand === undefined) throw new UsageError('simulate: a file, - for the standard input, or --live is needed');
  return tableOf(operand === '-' ? await text(stdin) : await readText(operand), operand);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`simulate: ${(error as Error).message}`);
  }
}

/** Rules begin with an option; what else there is, is a file of the desired state. */
async function tableOf(content: string, name: string): Promise<WhatIfTable> {
  if (!/^\s*(?:#.*\n\s*)*-[A-Za-z-]/.test(content)) {
    const { services = [] } = readStateFile(content, { name, env: process.env });
    // Real servers are written in the order they are added in; a table has the newest first.
    return {
      services: services.map(({ service, destinations }) => ({
        service,
        destinations: destinations.map((destination) => ({ destination })).reverse(),
      })),
    };
  }
  await using ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
  await ipvs.restore(content);
  return await ipvs.snapshot();
}

// Words

function readSchedulers(list: string): string[] {
  const names = list.split(',');
  const unknown = names.find((name) => !Object.hasOwn(SCHEDULERS, name));
  if (unknown === undefined) return names;
  throw new UsageError(
    `simulate: --schedulers: there is no ${unknown}; there are ${Object.keys(SCHEDULERS).join(', ')}`,
  );
}

function readTraffic(values: SimulateValues): Traffic {
  const { clients, arrival, duration, seed } = values;
  return {
    rate: number('rate', values.rate ?? '1000'),
    seconds: number('seconds', values.seconds ?? '60'),
    ...(clients !== undefined && { clients: /^\d+$/.test(clients) ? Number(clients) : clients }),
    ...(arrival !== undefined && { arrival: choice('arrival', arrival, ['poisson', 'constant'] as const) }),
    ...(duration !== undefined && { duration: readDuration(duration) }),
    ...(seed !== undefined && { seed: number('seed', seed) }),
  };
}

/** `10`, `fixed:10`, `exponential:10`, `pareto:10`, `pareto:10:1.2`. */
function readDuration(words: string): Duration {
  const [first = '', second, third] = words.split(':');
  if (second === undefined) return { distribution: 'exponential', mean: number('duration', first) };
  const distribution = choice('duration', first, ['fixed', 'exponential', 'pareto'] as const);
  const mean = number('duration', second);
  if (distribution !== 'pareto') return { distribution, mean };
  return { distribution, mean, ...(third !== undefined && { shape: number('duration', third) }) };
}

function readChanges({ add = [], remove = [], weight = [] }: SimulateValues): ServerChange[] {
  return [
    ...add.map((words): ServerChange => {
      const [server, worth] = weighted('add', words);
      return { change: 'add', server: { ...server, ...(worth !== undefined && { weight: worth }) } };
    }),
    ...remove.map((words): ServerChange => ({ change: 'remove', server: server('remove', words) })),
    ...weight.map((words): ServerChange => {
      const [server, worth] = weighted('weight', words);
      if (worth === undefined) throw new UsageError(`simulate: --weight: "${words}" has no =WEIGHT`);
      return { change: 'weight', server, weight: worth };
    }),
  ];
}

/** `10.0.0.4=2`, `10.0.0.4:8080=2`, `[2001:db8::4]:80=2`; the weight may be missing. */
function weighted(option: string, words: string): [DestinationKey, number | undefined] {
  const [name = '', weight] = words.split('=');
  return [server(option, name), weight === undefined ? undefined : number(option, weight)];
}

function server(option: string, words: string): DestinationKey {
  const endpoint = parseEndpoint(words);
  if (endpoint !== undefined) return endpoint;
  if (parseIP(words) !== undefined) return { address: words };
  throw new UsageError(`simulate: --${option}: "${words}" is no address, as 10.0.0.4 and 10.0.0.4:80 are`);
}

function number(option: string, words: string): number {
  const value = words.trim() === '' ? Number.NaN : Number(words);
  if (Number.isFinite(value)) return value;
  throw new UsageError(`simulate: --${option}: "${words}" is no number`);
}

function choice<const Name extends string>(option: string, words: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === words);
  if (found !== undefined) return found;
  throw new UsageError(`simulate: --${option}: "${words}" is not one of ${names.join(', ')}`);
}

// The answer

function resultText({ scheduler, connections, refused, servers, imbalance, moved }: WhatIf): string {
  const rows = [
    ['', 'WEIGHT', 'CONNECTIONS', 'SHARE', 'PEAK'],
    ...servers.map(({ address, port, weight, ...counts }) => [
      address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
      String(weight),
      String(counts.connections),
      `${(100 * counts.share).toFixed(1)} %`,
      String(counts.peak),
    ]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
  const clients = moved && `; of ${moved.clients} clients ${moved.changed} moved, ${moved.anyway} would have anyway`;
  const title = `${scheduler}: ${connections} connections, ${refused} refused, imbalance ${imbalance.toFixed(2)}`;
  return `${title}${clients ?? ''}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
