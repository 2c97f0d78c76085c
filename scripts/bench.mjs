// npm run bench: measures the SDK against ipvsadm and against C, on a kernel booted for it. `--help` says more.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runInLab } from './in-lab.mjs';
import { root, setupOrExit } from './setup.mjs';

const HELP = `usage: npm run bench -- [options]

  --row TEXT    only rows whose name contains TEXT, and those that are measured with them; may be repeated
  --quick       two rounds at most, and no row that takes minutes
  --json FILE   where the raw figures go; default .build/bench.json
  --docs        write docs/performance.{json,md,svg} anew too
  --help        this text

It takes ten to fifteen minutes, a third of that for 500,000 connections. A quiet machine gives narrower spreads.`;

/** What the lab may write to, and what it finds there. */
const SHARED = join(root, '.build/bench');
const FIGURES = join(SHARED, 'figures.json');
const BOUND = join(SHARED, 'bound');

const SECONDS = 1800;
/** 500,000 connections, and a few processes of Node. */
const MEBIBYTES = 4096;

const values = parse();
if (values.help) {
  console.log(HELP);
} else {
  setupOrExit({ packages: 'tests' });
  compileBound();
  runInLab('test/bench/run.js', {
    args: [...(values.quick ? ['--quick'] : []), ...values.row.flatMap((text) => ['--row', text]), FIGURES],
    lab: ['--timeout', String(SECONDS), '--memory', String(MEBIBYTES), '--share', SHARED],
    onSuccess: report,
  });
}

function parse() {
  try {
    const { values } = parseArgs({
      options: {
        row: { type: 'string', multiple: true, default: [] },
        quick: { type: 'boolean', default: false },
        json: { type: 'string', default: join(root, '.build/bench.json') },
        docs: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.docs && (values.quick || values.row.length > 0)) throw new Error('--docs takes a whole run');
    return values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

function compileBound() {
  mkdirSync(SHARED, { recursive: true });
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror'];
  const { status } = spawnSync('cc', [...flags, 'test/bench/bound.c', '-o', BOUND], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

async function report() {
  const figures = JSON.parse(readFileSync(FIGURES, 'utf8'));
  const results = { circumstances: { ...machine(), ...figures.circumstances }, rows: figures.rows };
  const json = `${JSON.stringify(results, undefined, 2)}\n`;
  writeFileSync(values.json, json);
  const { terminalReport } = await compiled('report');
  console.log(`\n${terminalReport(results)}\nRaw figures: ${values.json}`);
  if (!values.docs) return;
  const [{ page }, { chart }] = [await compiled('page'), await compiled('chart')];
  writeFileSync(join(root, 'docs/performance.json'), json);
  // So that the lint takes it.
  spawnSync('node_modules/.bin/biome', ['format', '--write', 'docs/performance.json'], { cwd: root, stdio: 'inherit' });
  writeFileSync(join(root, 'docs/performance.md'), page(results));
  writeFileSync(join(root, 'docs/performance.svg'), chart(results));
}

/** What the lab can't know: there the processor is user-mode Linux's. */
function machine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
  };
}

/**
 * A module of test/bench; there once the lab's setup has run.
 *
 * @param {string} name
 */
function compiled(name) {
  return import(join(root, `.build/test/bench/${name}.js`));
}
