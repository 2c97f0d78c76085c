// npm test: every check there is, and as its last line `N passed, N failed`.
//
//   npm test                                 all of them
//   npm test -- unit [vitest arguments]      one of them; so with build, lint, typecheck, package, sanitizer, programs, services
//   npm test -- kernel [vitest arguments]    those that need a kernel; conformance and interop are its parts
//   npm test -- kernel-6.12                  some of them on Debian's stock 6.12; with vitest arguments, those that these name
//   npm test -- kernel-7                     the same on the 7.x of trixie-backports; no part of the whole
//
// Of long cases that are alike each run takes some, others each time; IPVS_TEST_ALL=1 takes all of them.
//
// Each test of vitest counts as one, and so does each other check. One lab of user-mode Linux takes the last processor. The
// other checks take those before it, one after the other; the stock kernel, which has files of its own, is the last of them.
// Not two labs of user-mode Linux: on a virtual machine whose page tables are shadowed, each gets half the speed (2026-11: one
// process of Node starts in 0.8 s in one lab, in 1.7 s in each of two), and tests that measure time fail.

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hasReaders, LAYER, root, SERVERS_LAYER, SetupError, setup } from './setup.mjs';

/** @typedef {{ passed: number, failed: number }} Counts */
/** @typedef {{ projects: string[], files?: string[], excluded?: string[] }} Files those of projects, or some of them */
/** @typedef {(recording: Recording) => Promise<Counts>} Check */
/** @typedef {{ name: string, recording: Recording, result: Promise<{ counts: Counts, seconds: number }> }} Task */

const REPORTS = '.build/test-reports';
const KERNEL_TIMEOUT_SECONDS = 4600;

/** What a check prints: kept until someone wants to see it, passed on from then on. */
class Recording {
  /** @type {(Buffer | string)[]} */
  #kept = [];
  #shown = false;

  /** @param {Buffer | string} chunk */
  write(chunk) {
    if (this.#shown) process.stdout.write(chunk);
    else this.#kept.push(chunk);
  }

  show() {
    this.#shown = true;
    for (const chunk of this.#kept.splice(0)) process.stdout.write(chunk);
  }
}

const [part, ...vitestArguments] = process.argv.slice(2);

const KERNEL = ['conformance', 'interop', 'process'];

/** What the stock kernel runs besides: it has two processors. */
const STOCK = [...KERNEL, 'smp'];

/**
 * What npm test runs there too: the API, netlink's bytes, the simulator's agreement, races. Others compare what single packets
 * did: with two processors the kernel refuses some while a service changes.
 */
const ON_BOTH = files([
  ...['races', 'services', 'destinations', 'settings', 'restore', 'save', 'concurrency', 'counters', 'proc'],
  ...['fallback', 'namespaces', 'descriptors', 'neighbour-probe', 'sysctl', 'attributes', 'simulator-differential'],
]);

/** What npm test runs there alone: many programs, which user-mode Linux takes two to five times as long to start. */
const ON_STOCK = files([
  ...['host-plan', 'host-scripts', 'host-setups', 'listing', 'lost-output', 'cli-differential', 'exercises'],
  ...['exercises-steps', 'exercise-files', 'tables', 'import', 'sockopt'],
]);

/** The command that keeps another one off the processor that the lab takes (test/lab/boot.ts), where there are several. */
const BESIDE_LAB = part === undefined ? otherProcessors() : [];

/**
 * The command that runs another one in the lab, where only vitest's report is written through to this machine.
 *
 * @param {string[]} [prefix]
 */
function lab(prefix = []) {
  return [
    ...[...prefix, process.execPath, '.build/test/lab/run.js', '--timeout', String(KERNEL_TIMEOUT_SECONDS)],
    ...['--share', REPORTS, '--'],
  ];
}

/** @type {Record<string, Check>} */
const checks = {
  build,
  lint: command(...BESIDE_LAB, 'node_modules/.bin/biome', 'ci', '.'),
  typecheck: command(...BESIDE_LAB, 'node_modules/.bin/tsc', '-p', 'tsconfig.json'),
  unit: tests('unit', BESIDE_LAB, { projects: ['unit', 'simulator'] }),
  package: tests('package', BESIDE_LAB, { projects: ['package'] }),
  sanitizer: command(...BESIDE_LAB, process.execPath, 'scripts/sanitize.mjs'),
  kernel: tests('kernel', lab(), { projects: KERNEL, excluded: part === undefined ? ON_STOCK : [] }),
  'kernel-6.12': onStockKernel('6.12'),
  'kernel-7': onStockKernel('7'),
  conformance: tests('conformance', lab(), { projects: ['conformance', 'process'] }),
  interop: tests('interop', lab(), { projects: ['interop'] }),
  programs: tests('programs', [...BESIDE_LAB, ...(hasReaders() ? [] : over(LAYER))], { projects: ['programs'] }),
  services,
  reload: tests('reload', lab(), { projects: ['reload'] }),
};

if (part !== undefined && !(part in checks)) {
  console.error(`There is no check '${part}'; there are: ${Object.keys(checks).join(', ')}`);
  process.exit(2);
}
const { passed, failed } = prepare({ packages: 'tests' }, process.stderr)
  ? await (part === undefined ? all() : only(part))
  : { passed: 0, failed: 1 };
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function all() {
  const built = await finish(start('build'));
  // What the lab prints waits until the other checks have had their say.
  const lab = start('kernel');
  const others = [];
  for (const name of ['lint', 'typecheck', 'unit', 'package', 'sanitizer', 'programs', 'services', 'kernel-6.12'])
    others.push(await finish(start(name)));
  lab.recording.show();
  others.push(await finish(lab));
  // It takes the module out of its kernel, and has one of its own for that.
  return sum(built, ...others, await finish(start('reload')));
}

/** @param {string} name */
async function only(name) {
  const built = ['lint', 'typecheck', 'unit', 'build'].includes(name) ? [] : [await finish(start('build'))];
  const task = start(name);
  task.recording.show();
  return sum(...built, await finish(task));
}

/**
 * @param {string} name
 * @returns {Task}
 */
function start(name) {
  const check = checks[name];
  if (check === undefined) throw new Error(`there is no check '${name}'`);
  const recording = new Recording();
  const started = performance.now();
  const result = check(recording).then((counts) => ({ counts, seconds: (performance.now() - started) / 1000 }));
  return { name, recording, result };
}

/**
 * Waits for a check and reports it in one line, after what it printed if it failed.
 *
 * @param {Task} task
 */
async function finish({ name, recording, result }) {
  const { counts, seconds } = await result;
  if (counts.failed > 0) recording.show();
  const verdict =
    counts.failed > 0 ? `FAILED  ${counts.passed} passed, ${counts.failed} failed` : `ok  ${counts.passed} passed`;
  console.log(`${name.padEnd(10)} ${verdict}  (${seconds.toFixed(1)} s)`);
  return counts;
}

/** @param {Counts[]} counts */
function sum(...counts) {
  return counts.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }), {
    passed: 0,
    failed: 0,
  });
}

/** @type {Check} */
async function build(recording) {
  const kernel = part === undefined ? '6.12' : /^kernel-(.+)/.exec(part)?.[1];
  return count(prepare({ native: true, typescript: true, kernel }, recording));
}

/**
 * The checks of src/health against Debian's servers, on this machine, in namespaces of their own.
 *
 * @type {Check}
 */
async function services(recording) {
  if (!prepare({ servers: true }, recording)) return count(false);
  return tests('services', [...BESIDE_LAB, ...over(SERVERS_LAYER)], { projects: ['services'] })(recording);
}

/**
 * The command that runs another one on this machine, where a directory of unpacked packages lies over its files.
 *
 * @param {string} layer
 */
function over(layer) {
  return ['sh', 'test/services/enter.sh', layer];
}

/**
 * Takes steps of the setup; says whether they could be taken, and writes why not.
 *
 * @param {Parameters<typeof setup>[0]} steps
 * @param {{ write(text: string): unknown }} output
 */
function prepare(steps, output) {
  try {
    setup(steps);
    return true;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    output.write(`${error.message}\n`);
    return false;
  }
}

/**
 * What a check that is one thing counts as.
 *
 * @param {boolean} succeeded
 * @returns {Counts}
 */
function count(succeeded) {
  return succeeded ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/**
 * A check that is one program, and counts as one.
 *
 * @param {string[]} words
 * @returns {Check}
 */
function command(...words) {
  return async (recording) =>
    (await run(words, recording)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/**
 * A check that is vitest, and counts as its tests.
 *
 * @param {string} name
 * @param {string[]} runner the command that vitest's own is appended to
 * @param {Files} which
 * @returns {Check}
 */
function tests(name, runner, { projects, files = [], excluded = [] }) {
  const file = join(root, REPORTS, `${name}.json`);
  const vitest = [
    ...[
      process.execPath,
      'node_modules/vitest/vitest.mjs',
      'run',
      ...projects.map((project) => `--project=${project}`),
    ],
    ...files,
    ...excluded.map((file) => `--exclude=**${file}`),
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...vitestArguments],
  ];
  return async (recording) => {
    mkdirSync(join(root, REPORTS), { recursive: true });
    rmSync(file, { force: true });
    const code = await run([...runner, ...vitest], recording);
    return countTests(file, code);
  };
}

/**
 * As vitest picks them by a part of their paths.
 *
 * @param {string[]} names
 */
function files(names) {
  return names.map((name) => `/${name}.test.ts`);
}

/**
 * @param {string} release
 * @returns {Check}
 */
function onStockKernel(release) {
  return tests(`kernel-${release}`, lab(['env', `IPVS_LAB=${release}`, ...BESIDE_LAB]), {
    projects: STOCK,
    files: vitestArguments.length > 0 ? [] : [...ON_BOTH, ...ON_STOCK],
  });
}

/** @returns {string[]} */
function otherProcessors() {
  const allowed = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  const processors = allowed.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  const others = processors.slice(0, -1);
  return others.length === 0 ? [] : ['taskset', '--cpu-list', others.join()];
}

/**
 * Reads vitest's report. What the report doesn't show counts too: a run that ended early, had no tests, or failed outside of
 * any test. In CI a skipped test has failed: there, everything must be able to run.
 *
 * @param {string} file
 * @param {number | null} code
 * @returns {Counts}
 */
function countTests(file, code) {
  const report = readReport(file);
  if (report === undefined) return { passed: 0, failed: 1 };
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  const skipped = process.env['CI'] ? report.numPendingTests + report.numTodoTests : 0;
  const failed = report.numFailedTests + brokenFiles.length + skipped;
  const failedOutside = failed === 0 && (code !== 0 || report.numTotalTests === 0) ? 1 : 0;
  return { passed: report.numPassedTests, failed: failed + failedOutside };
}

/**
 * @typedef {object} Report
 * @property {number} numTotalTests
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {{ status: string, assertionResults: { status: string }[] }[]} testResults
 */

/**
 * @param {string} file
 * @returns {Report | undefined} nothing when vitest did not get as far as writing it
 */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Runs a program to its end; gives its exit code.
 *
 * @param {string[]} words
 * @param {Recording} recording
 * @returns {Promise<number | null>}
 */
function run([program = '', ...args], recording) {
  const colour = process.stdout.isTTY && !process.env['NO_COLOR'] ? { FORCE_COLOR: '1' } : {};
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...colour },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.on('data', (chunk) => recording.write(chunk));
  child.stderr.on('data', (chunk) => recording.write(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}
