// Runs the native addon's tests with AddressSanitizer and UndefinedBehaviorSanitizer watching its C++.
//
//   node scripts/sanitize.mjs [vitest arguments...]
//
// The instrumented addon is built in a directory of its own, beside the one that is in use. Every process that the tests
// start takes part: the sanitizers are preloaded, the addon is chosen by node-gyp-build's own variable, and both are
// inherited. Each process writes its reports to a file, so that none is lost with the output of a child.
// Fails if a test does, or if there is a report.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = join(root, '.build/sanitized');
const reports = join(directory, 'reports');

if (!build()) process.exit(1);
rmSync(reports, { recursive: true, force: true });
mkdirSync(reports);
const passed = test(process.argv.slice(2));
const found = readReports();
for (const report of found) console.error(report);
console.log(`sanitizers: ${found.length === 0 ? 'nothing' : found.length} reported`);
process.exitCode = passed && found.length === 0 ? 0 : 1;

function build() {
  // UndefinedBehaviorSanitizer's reports go to standard error alone when both are in use. So it ends the process, which
  // no test expects.
  const instrument = '-fsanitize=address,undefined -fno-sanitize-recover=undefined';
  for (const source of ['binding.gyp', 'native']) {
    rmSync(join(directory, source), { recursive: true, force: true });
    cpSync(join(root, source), join(directory, source), { recursive: true, preserveTimestamps: true });
  }
  const env = { ...process.env, CXXFLAGS: `${instrument} -fno-omit-frame-pointer -g`, LDFLAGS: instrument };
  const script = join(root, 'native/build.mjs');
  return spawnSync(process.execPath, [script, directory], { env, stdio: 'inherit' }).status === 0;
}

/** @param {string[]} args */
function test(args) {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const env = {
    ...process.env,
    IPVS_TS_PREBUILD: directory,
    // The sanitizers must come before the C library, and node itself isn't linked with them.
    LD_PRELOAD: ['libasan.so', 'libubsan.so'].map(libraryOf).join(' '),
    // Leaks are looked for, but don't change exit codes: V8 and the system's programs don't free everything.
    LSAN_OPTIONS: 'exitcode=0',
    // The module (%m) of each frame tells whose leak it is.
    ASAN_OPTIONS: `detect_leaks=1:log_path=${join(reports, 'asan')}:stack_trace_format='    #%n %p %f %S (%m)'`,
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
  const tests = args.length > 0 ? args : ['test/process/native'];
  return spawnSync(process.execPath, [vitest, 'run', ...tests], { cwd: root, env, stdio: 'inherit' }).status === 0;
}

/** The compiler's own copy of a library. @param {string} name */
function libraryOf(name) {
  const { CXX: compiler = 'c++' } = process.env;
  return execFileSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
}

/** What was reported. */
function readReports() {
  const all = readdirSync(reports).map((name) => readFileSync(join(reports, name), 'utf8'));
  return all.flatMap((report) =>
    report.includes('LeakSanitizer: detected memory leaks') ? report.split('\n\n').filter(isOwnLeak) : [report],
  );
}

/**
 * Whether the addon's own code allocated what was leaked: it is the first in the stack after the allocator and the C++
 * library. What node allocates when the addon calls it is node's, who does not free all of it at its end.
 * @param {string} paragraph
 */
function isOwnLeak(paragraph) {
  if (!/^(Direct|Indirect) leak/.test(paragraph)) return false;
  const frames = paragraph.split('\n').slice(1);
  return frames.find((frame) => !/\/lib(asan|stdc\+\+)\./.test(frame))?.includes('/ipvs.node)') ?? false;
}
