/**
 * `npm run bench`, in the lab: measures row by row, prints a table, and writes the raw figures to a file.
 *
 *     run.js [--quick] [--row TEXT]... FILE
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { parseArgs } from 'node:util';
import { Ipvs } from 'ipvs-ts';
import type { Measurement, Round } from './measurement.js';
import { endPrograms } from './programs.js';
import type { Row, RowDescription, Samples } from './results.js';
import { codec } from './rows/codec.js';
import { commands } from './rows/commands.js';
import { connectionLists } from './rows/connections.js';
import { destinationLists } from './rows/destinations.js';
import { healthChecks } from './rows/health.js';
import { memory } from './rows/memory.js';
import { restores } from './rows/restore.js';
import { roundTrip } from './rows/round-trip.js';
import { savedConnectionTables } from './rows/saved-connections.js';
import { stalls } from './rows/stalls.js';
import { tables } from './rows/tables.js';

/** The connection tables come last: the kernel is busy for a while when it takes them apart. */
const MEASUREMENTS: readonly Measurement[] = [
  ...[roundTrip, ...restores, tables, ...destinationLists],
  ...[...commands, codec, ...stalls, memory, healthChecks, ...connectionLists, ...savedConnectionTables],
];

const QUICK_ROUNDS = 2;
const SIGNIFICANT_DIGITS = 4;
/** As a director for hundreds of thousands of connections has it; by default there are 12. */
const CONN_TAB_BITS = 18;

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, row: { type: 'string', multiple: true, default: [] } },
  allowPositionals: true,
});
const [file = ''] = positionals;

enlargeConnectionTable();
const rows = new Map<string, { description: RowDescription; samples: Map<string, number[]> }>();
for (const measurement of MEASUREMENTS.filter(isWanted)) await measurement.run(announced(measurement));
writeFileSync(file, JSON.stringify({ circumstances: await circumstances(), rows: [...rows.values()].map(toRow) }));
await endPrograms();

/** By name if names are given. */
function isWanted({ rows, slow = false }: Measurement): boolean {
  if (values.row.length === 0) return !(values.quick && slow);
  return rows.some(({ name }) => values.row.some((text) => name.includes(text)));
}

/** The rounds of a measurement, each told as it begins. */
function* announced({ rows, rounds }: Measurement): Generator<Round> {
  const last = values.quick ? Math.min(rounds, QUICK_ROUNDS) : rounds;
  process.stderr.write(rows[0]?.name ?? '');
  for (let round = 1; round <= last; round++) {
    process.stderr.write(` ${round}/${last}`);
    yield { record };
  }
  process.stderr.write('\n');
}

function record(description: RowDescription, samples: Samples): void {
  const row = rows.get(description.name) ?? { description, samples: new Map<string, number[]>() };
  rows.set(description.name, row);
  for (const [side, figure] of Object.entries(samples)) {
    const figures = row.samples.get(side) ?? [];
    row.samples.set(side, figures);
    figures.push(Number(figure.toPrecision(SIGNIFICANT_DIGITS)));
  }
}

function toRow({ description, samples }: { description: RowDescription; samples: Map<string, number[]> }): Row {
  return { ...description, samples: Object.fromEntries(samples) };
}

/** Of a kernel of our own. The module of a borrowed one stays as it is. */
function enlargeConnectionTable(): void {
  if (process.env['IPVS_LAB_KERNEL'] !== 'uml') return;
  for (const words of [
    ['-r', 'ip_vs'],
    ['ip_vs', `conn_tab_bits=${CONN_TAB_BITS}`],
  ]) {
    const { status, stderr } = spawnSync('modprobe', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`modprobe ${words.join(' ')}: ${stderr}`);
  }
}

/** As far as they can be seen from inside the lab. */
async function circumstances() {
  await using ipvs = await Ipvs.open();
  const { connectionTableSize } = await ipvs.info();
  const ipvsadm = spawnSync('ipvsadm', ['--version'], { encoding: 'utf8' }).stdout.trim();
  return { kernel: release(), node: process.version, ipvsadm, connectionTableSize };
}
