/** @module */
import { writeFile } from 'node:fs/promises';
import { parseEndpoint } from '../../address/endpoint.js';
import { parseIP } from '../../address/ip.js';
import type { SimulateOptions } from '../../client/remote-director.js';
import { prettyJson } from '../../json/pretty.js';
import type { DestinationKey } from '../../model/destination.js';
import { withoutUndefined } from '../../model/parse.js';
import { formatServiceKey, parseServiceKey, type ServiceKeyText } from '../../model/service-key.js';
import type { WrittenTable } from '../../model/table.js';
import type { Duration, ServerChange, Traffic, WhatIf, WhatIfOptions } from '../../simulator/index.js';
import { API, JSON_OUTPUT, NETNS } from '../common-options.js';
import type { VerbContext } from '../context.js';
import { readInput } from '../input.js';
import { openDirector, refuseWith } from '../remote.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts simulate` */
export const simulate = defineVerb({
  name: 'simulate',
  group: 'State',
  operands: {
    file: {
      placeholder: 'FILE',
      fallback: 'with --live, the table in the kernel; with --api, that of the director',
      source: 'file',
      help: 'rules or a state file; "-" is standard input',
    },
  },
  options: {
    live: { help: 'simulate the table in the kernel' },
    service: {
      placeholder: 'KEY',
      source: 'service',
      help: 'the service that clients connect to, if there are several',
    },
    schedulers: { placeholder: 'LIST', help: 'schedulers to compare: rr,wlc,sh; default: that of the service' },
    clients: {
      placeholder: 'N',
      read: (text: string) => (/^\d+$/.test(text) ? Number(text) : text),
      help: 'number of clients, or their network: 198.51.100.0/24',
    },
    rate: { placeholder: 'N', default: '1000', read: readNumber, help: 'new connections a second' },
    arrival: {
      placeholder: 'KIND',
      choices: ['poisson', 'constant'],
      help: 'how connections arrive: at random, or evenly',
    },
    seconds: { placeholder: 'N', default: '60', read: readNumber, help: 'length of the simulation' },
    duration: {
      placeholder: 'MEAN',
      read: readDuration,
      help: 'seconds a connection lasts: 10, fixed:10, exponential:10, pareto:10:1.5',
    },
    seed: { placeholder: 'N', read: readNumber, help: 'the same seed gives the same traffic' },
    add: {
      placeholder: 'SERVER',
      many: true,
      read: readAddition,
      help: 'add a real server in the middle: ADDR[:PORT][=WEIGHT]',
    },
    remove: {
      placeholder: 'SERVER',
      many: true,
      read: (text: string): ServerChange => ({ change: 'remove', server: readServer(text) }),
      help: 'remove a real server in the middle',
    },
    weight: {
      placeholder: 'SERVER',
      many: true,
      read: readWeight,
      help: 'change the weight of a real server in the middle: ADDR=WEIGHT',
    },
    at: { placeholder: 'SECONDS', read: readNumber, help: 'time of these changes; default: the middle' },
    chart: {
      placeholder: 'FILE',
      source: 'file',
      help: 'draw an SVG; needs the package echarts',
    },
    json: JSON_OUTPUT,
    api: API,
    netns: NETNS,
  },
  help: 'predict how connections spread over real servers',
  details:
    'No packet is sent: the algorithms of the kernel schedule connections in memory. With --api a FILE takes the place of the state file of ' +
    'the director in the middle, and nothing is changed there.',

  async run({ values, operands: { file } }, context) {
    const { service, clients, rate, arrival, seconds, duration, seed, at, chart, json } = values;
    const schedulers = values.schedulers === undefined ? undefined : await readSchedulers(values.schedulers);
    const traffic = { rate, seconds, ...withoutUndefined({ clients, arrival, duration, seed }) };
    const changes = [...values.add, ...values.remove, ...values.weight];
    const options = withoutUndefined({
      at,
      schedulers,
      service: service === undefined ? undefined : formatServiceKey(parseServiceKey(service as ServiceKeyText)),
    });
    const results =
      values.api === undefined
        ? await simulateHere(await readTable(values, file, context), traffic, { ...options, changes })
        : await simulateAt(values.api, { ...values, file, traffic, options: { ...options, changes } }, context);
    if (chart !== undefined) {
      const { drawChart } = await import('../simulate-chart.js');
      await writeFile(chart, drawChart(results));
    }
    context.streams.stdout.write(json ? prettyJson(results) : results.map(resultText).join('\n'));
    return 0;
  },
});

async function simulateHere(table: WrittenTable, traffic: Traffic, options: WhatIfOptions): Promise<WhatIf[]> {
  const { whatIf } = await import('../../simulator/index.js');
  return whatIf(table, traffic, options);
}

interface Remote {
  readonly live: boolean;
  readonly netns: string | undefined;
  readonly file: string | undefined;
  readonly traffic: Traffic;
  readonly options: Omit<SimulateOptions, 'desired'>;
}

/** Milliseconds: a long one says nothing until its end, and others may be before it. */
const PATIENCE = { timeout: 300_000 };

/** The file is what takes the place of the director's in the middle. */
async function simulateAt(
  api: string,
  { live, netns, file, traffic, options }: Remote,
  context: VerbContext,
): Promise<WhatIf[]> {
  refuseWith('--api', { live, netns });
  const { changes = [], ...rest } = options;
  if (file === undefined) {
    await using director = await openDirector(api, context);
    return await director.simulate(traffic, options, PATIENCE);
  }
  if (changes.length > 0) throw new UsageError('--add, --remove and --weight go without FILE where --api is given');
  const { text: desired } = await readInput(file, context.streams.stdin);
  await using director = await openDirector(api, context);
  return await director.simulate(traffic, { ...rest, desired }, PATIENCE);
}

// The table

async function readTable(
  { live, netns }: { readonly live: boolean; readonly netns: string | undefined },
  file: string | undefined,
  context: VerbContext,
): Promise<WrittenTable> {
  if (live && file !== undefined) throw new UsageError('--live takes no file');
  if (live) {
    await using ipvs = await context.open({ netns });
    return await ipvs.snapshot();
  }
  if (file === undefined) throw new UsageError('needs a file, - for standard input, or --live');
  const { text, name } = await readInput(file, context.streams.stdin);
  return tableOf(text, name, context.env);
}

/** Rules begin with an option; anything else is a state file. */
async function tableOf(content: string, name: string, env: NodeJS.ProcessEnv): Promise<WrittenTable> {
  if (!/^\s*(?:#.*\n\s*)*-[A-Za-z-]/.test(content)) {
    const { parseStateText } = await import('../../config/read.js');
    const { services = [] } = parseStateText(content, { name, env });
    // Real servers are written in the order they are added in; a table has the newest first.
    return {
      services: services.map(({ service, destinations }) => ({
        service,
        destinations: destinations.map((destination) => ({ destination })).reverse(),
      })),
    };
  }
  const [{ Ipvs }, { SimulatedKernel }] = [await import('../../ipvs.js'), await import('../../simulator/index.js')];
  await using ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
  await ipvs.restore(content);
  return await ipvs.snapshot();
}

// Values of options

async function readSchedulers(list: string): Promise<string[]> {
  const { SCHEDULERS } = await import('../../simulator/schedulers/registry.js');
  const names = list.split(',');
  const unknown = names.find((name) => !Object.hasOwn(SCHEDULERS, name));
  if (unknown === undefined) return names;
  throw new UsageError(`--schedulers: there is no ${unknown}; there are ${Object.keys(SCHEDULERS).join(', ')}`);
}

/** `10`, `fixed:10`, `exponential:10`, `pareto:10`, `pareto:10:1.2`. */
function readDuration(text: string): Duration {
  const [first = '', second, third] = text.split(':');
  if (second === undefined) return { distribution: 'exponential', mean: readNumber(first) };
  const distribution = (['fixed', 'exponential', 'pareto'] as const).find((name) => name === first);
  if (distribution === undefined) throw new UsageError(`must be fixed, exponential or pareto, not "${first}"`);
  const mean = readNumber(second);
  if (distribution !== 'pareto') return { distribution, mean };
  return { distribution, mean, ...(third !== undefined && { shape: readNumber(third) }) };
}

function readAddition(text: string): ServerChange {
  const { server, weight } = readWeighted(text);
  return { change: 'add', server: { ...server, ...(weight !== undefined && { weight }) } };
}

function readWeight(text: string): ServerChange {
  const { server, weight } = readWeighted(text);
  if (weight === undefined) throw new UsageError(`must be ADDR[:PORT]=WEIGHT, not "${text}"`);
  return { change: 'weight', server, weight };
}

/** `10.0.0.4=2`, `10.0.0.4:8080=2`, `[2001:db8::4]:80=2`; the weight may be missing. */
function readWeighted(text: string): { readonly server: DestinationKey; readonly weight: number | undefined } {
  const [name = '', weight] = text.split('=');
  return { server: readServer(name), weight: weight === undefined ? undefined : readNumber(weight) };
}

function readServer(text: string): DestinationKey {
  const endpoint = parseEndpoint(text);
  if (endpoint !== undefined) return endpoint;
  if (parseIP(text) !== undefined) return { address: text };
  throw new UsageError(`must be an address, as 10.0.0.4 or 10.0.0.4:80, not "${text}"`);
}

function readNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new UsageError(`must be a number, not "${text}"`);
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
