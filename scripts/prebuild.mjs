// Builds the addons that the package brings along: prebuilds/linux-x64 and prebuilds/linux-arm64, where node-gyp-build looks.
//
//   npm run prebuild                  both
//   node scripts/prebuild.mjs own     what a checkout works with: the one for this machine's CPU, and no local build
//   node scripts/prebuild.mjs check   says whether both are there and made from these sources, as npm pack wants them
//
// A directory may follow, in place of prebuilds/.
//
// One binary serves glibc 2.17 and newer, and musl: without exceptions and RTTI it needs no C++ library but native/runtime.cc,
// and under either name of the C library it asks for "libc.so.6", which musl's loader takes for itself. (-static-libstdc++
// would not do: Debian's asks for glibc 2.35.) The same sources and compiler give the same bytes. prebuilds/manifest.json
// says what each binary is and was made of; test/package/prebuilds.test.ts reads it against the binaries.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, relative } from 'node:path';
import { arch, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { DebianError, unpackPackages } from './debian.mjs';

/** @typedef {'x64' | 'arm64'} Cpu */
/** @typedef {{ sha256: string, size: number, sources: string, compiler: string }} Entry */

const root = fileURLToPath(new URL('../', import.meta.url));
const require = createRequire(import.meta.url);

/** The compilers by Debian's names. @type {Record<Cpu, { triplet: string, flags: string[] }>} */
const TARGETS = {
  x64: { triplet: 'x86_64-linux-gnu', flags: [] },
  // Calls of libgcc for atomics are what a CPU of 2016 gains from; libgcc is not linked.
  arm64: { triplet: 'aarch64-linux-gnu', flags: ['-mno-outline-atomics'] },
};
const CPUS = /** @type {Cpu[]} */ (Object.keys(TARGETS));

const FLAGS = [
  ...['-std=c++17', '-O2', '-fPIC', '-shared', '-Wall', '-Wextra', '-Werror'],
  ...['-fno-exceptions', '-fno-rtti', '-fno-threadsafe-statics', '-fno-stack-protector', '-fvisibility=hidden'],
  ...['-ffunction-sections', '-fdata-sections', '-ffile-prefix-map=.=', '-nostdlib', '-s'],
  ...['--gc-sections', '--build-id=none', '-z,relro', '-z,now'].map((flag) => `-Wl,${flag}`),
  '-Wl,--version-script=native/runtime.map',
];

class BuildError extends Error {}

const [what = 'all', directory = join(root, 'prebuilds')] = process.argv.slice(2);
try {
  switch (what) {
    case 'check':
      check();
      break;
    case 'own':
      own();
      break;
    default:
      for (const cpu of CPUS) prebuild(cpu);
  }
} catch (error) {
  if (!(error instanceof BuildError || error instanceof DebianError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

/** A local build would be loaded before the prebuilt addon, also when it is older. */
function own() {
  const cpu = CPUS.find((name) => name === arch);
  if (cpu === undefined) {
    run(execPath, ['native/build.mjs']);
  } else {
    rmSync(join(root, 'build'), { recursive: true, force: true });
    prebuild(cpu);
  }
}

/** @param {Cpu} cpu */
function prebuild(cpu) {
  const file = addon(cpu);
  if (isCurrent(cpu)) return console.log(`native addon for ${cpu}: up to date`);
  console.log(`native addon for ${cpu}: building`);
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  const compiler = compilerFor(cpu);
  try {
    compile(compiler, TARGETS[cpu].flags, unfinished);
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
  const bytes = readFileSync(file);
  const version = run(compiler, ['--version']).split('\n')[0] ?? '';
  const entry = { sha256: sha256(bytes), size: bytes.length, sources: sources(), compiler: version };
  const manifest = { ...readManifest(), [cpu]: entry };
  writeFileSync(manifestFile(), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** What `npm pack` wants to know. */
function check() {
  const missing = CPUS.filter((cpu) => !isCurrent(cpu));
  if (missing.length === 0) return;
  throw new BuildError(
    `The package brings addons for ${CPUS.join(' and ')}; missing or older than native/: ${missing.join(', ')}. Run: npm run prebuild`,
  );
}

/** @param {Cpu} cpu */
function isCurrent(cpu) {
  const entry = readManifest()[cpu];
  const file = addon(cpu);
  return entry?.sources === sources() && existsSync(file) && sha256(readFileSync(file)) === entry.sha256;
}

/** @param {Cpu} cpu */
function addon(cpu) {
  return join(directory, `linux-${cpu}/ipvs-ts.node`);
}

function manifestFile() {
  return join(directory, 'manifest.json');
}

/** @returns {Partial<Record<Cpu, Entry>>} */
function readManifest() {
  return existsSync(manifestFile()) ? JSON.parse(readFileSync(manifestFile(), 'utf8')) : {};
}

/** What the binaries are made of, as one hash: our sources, this script with its flags, and node-addon-api. */
function sources() {
  const files = [...nativeFiles(/./), fileURLToPath(import.meta.url), require.resolve('node-addon-api/package.json')];
  return sha256(Buffer.concat(files.map((file) => readFileSync(file))));
}

/** @param {RegExp} pattern */
function nativeFiles(pattern) {
  const names = readdirSync(join(root, 'native')).filter((name) => pattern.test(name));
  return names.sort().map((name) => join(root, 'native', name));
}

/**
 * The compiler's program: this machine's, or Debian's in a directory of its own.
 *
 * @param {Cpu} cpu
 */
function compilerFor(cpu) {
  const name = `${TARGETS[cpu].triplet}-g++`;
  const installed = [name, ...(cpu === arch ? ['g++', 'c++'] : [])].find(isInstalled);
  if (installed !== undefined) return installed;
  const tree = unpackPackages([`g++-${TARGETS[cpu].triplet.replace('_', '-')}`], console.log);
  return join(tree, 'usr/bin', name);
}

/** @param {string} program */
function isInstalled(program) {
  return (process.env['PATH'] ?? '').split(delimiter).some((path) => existsSync(join(path, program)));
}

/**
 * @param {string} compiler
 * @param {string[]} flags
 * @param {string} output
 */
function compile(compiler, flags, output) {
  const headers = join(dirname(dirname(execPath)), 'include/node');
  if (!existsSync(join(headers, 'node_api.h'))) {
    throw new BuildError(`There is no ${headers}: Node's headers are needed, as its own releases bring them`);
  }
  // Paths would be in the binaries: all are relative to the checkout.
  const include = [relative(root, dirname(require.resolve('node-addon-api/package.json'))), headers];
  const inputs = nativeFiles(/\.cc$/).map((file) => relative(root, file));
  run(compiler, [
    ...FLAGS,
    ...flags,
    ...include.map((path) => `-isystem${path}`),
    ...inputs,
    '-l:libc.so.6',
    ...['-o', output],
  ]);
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function run(program, args) {
  // An unpacked compiler finds its own programs, but not its libraries.
  const libraries = CPUS.map((cpu) => join(dirname(dirname(program)), 'lib', TARGETS[cpu].triplet)).join(delimiter);
  const env = { ...process.env, LC_ALL: 'C', ...(program.includes('/') && { LD_LIBRARY_PATH: libraries }) };
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: root, env, encoding: 'utf8' });
  if (status !== 0)
    throw new BuildError(`${program} failed:\n${error?.message ?? ''}${stdout ?? ''}${stderr ?? ''}`.trimEnd());
  return stdout;
}

/** @param {Uint8Array} bytes */
function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
