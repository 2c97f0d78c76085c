// Makes a fresh clone ready to run: npm packages, Debian packages, the native addon, the compiled TypeScript.
//
//   node scripts/setup.mjs
//
// Each step is taken only when something is missing, and says so in one line.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DebianError, unpackPackages } from './debian.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Where this machine's programs are; a user's PATH may lack the last ones. */
const PATHS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** A step could not be taken; what it printed says why. */
export class SetupError extends Error {}

/** The programs that the lab takes to boot and the story of npm start to be told, and the Debian packages that have them. */
const STORY = {
  ip: 'iproute2',
  modprobe: 'kmod',
  sysctl: 'procps',
  ipvsadm: 'ipvsadm',
  curl: 'curl',
  // Debian has it for this architecture alone.
  ...(process.arch === 'x64' && { 'linux.uml': 'user-mode-linux' }),
};

/** What the tests take. */
const TESTS = {
  'g++': 'g++',
  make: 'make',
  python3: 'python3',
  ...STORY,
  'iptables-legacy': 'iptables',
  tcpdump: 'tcpdump',
  keepalived: 'keepalived',
  ldirectord: 'ldirectord',
  ifconfig: 'net-tools',
  // They check the manual page, the units and the scripts.
  shellcheck: 'shellcheck',
  groff: 'groff-base',
  'systemd-analyze': 'systemd',
  // They try the completion.
  zsh: 'zsh',
  fish: 'fish',
  // They check the metrics and scrape them.
  promtool: 'prometheus',
};

/** Where the lab looks for the packages that this machine has not: a link to where they were unpacked. */
const LAYER = join(root, '.build/lab-layer');

/**
 * Takes the steps that are asked for, npm's packages first in any case.
 *
 * For the story of npm start Debian packages are unpacked below .build, for the tests they are installed. Those that can't be
 * had are no error here: they are named, and what needs them fails by itself.
 *
 * @param {{ packages?: boolean | 'story', native?: boolean, typescript?: boolean }} steps
 * @throws {SetupError}
 */
export function setup({ packages = false, native = false, typescript = false }) {
  if (!npmPackagesAreInstalled()) take('npm packages: installing', 'npm', 'ci', '--no-audit', '--no-fund');
  if (packages === 'story') unpackDebianPackages();
  else if (packages) installDebianPackages();
  if (native) take(undefined, process.execPath, 'scripts/prebuild.mjs', 'own');
  if (typescript) take('TypeScript: compiling', 'npm', 'run', '--silent', 'build:ts');
}

/** Compares what the lock file wants with npm's own record of what it installed. */
function npmPackagesAreInstalled() {
  const record = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = readLock(record);
  return Object.entries(readLock(join(root, 'package-lock.json'))).every(
    // Optional packages are left out where they are for another platform; the package without a path is this one.
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  );
}

/**
 * @param {string} path
 * @returns {Record<string, { version: string, optional?: boolean }>}
 */
function readLock(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

/** Some tests take programs on the machine itself, where unpacked ones would not run. */
function installDebianPackages() {
  const missing = packagesWithout(TESTS, PATHS);
  if (missing.length === 0) return;
  const names = missing.join(' ');
  console.log(`Debian packages: installing ${names}`);
  const reason = aptInstall(missing);
  if (reason === undefined) return;
  console.error(`Debian packages: could not install them: ${reason}. Please run:`);
  console.error(`  apt-get install --no-install-recommends ${names}`);
}

/**
 * Says why it failed, if it did.
 *
 * @param {string[]} names
 */
function aptInstall(names) {
  if (run('apt-get', '--version').status !== 0) return 'this is not Debian, there is no apt-get';
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (asRoot.length > 0 && run(...asRoot, 'true').status !== 0) return 'that takes root, or sudo without a password';
  const apt = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq'];
  const update = run(...apt, 'update');
  const install = run(...apt, 'install', '--yes', '--no-install-recommends', ...names);
  if (install.status === 0) return undefined;
  return `apt-get failed:\n${update.output}${install.output}`.trimEnd();
}

/** For who only looks: nothing of the machine is changed, and no root is needed. What an earlier call unpacked does. */
function unpackDebianPackages() {
  const unpacked = ['usr/bin', 'usr/sbin'].map((directory) => join(LAYER, directory));
  if (packagesWithout(STORY, [...PATHS, ...unpacked]).length === 0) return;
  const missing = packagesWithout(STORY, PATHS);
  try {
    const tree = unpackPackages(missing, console.log);
    rmSync(LAYER, { force: true });
    symlinkSync(relative(dirname(LAYER), tree), LAYER);
  } catch (error) {
    if (!(error instanceof DebianError)) throw error;
    console.error(`Debian packages: could not fetch ${missing.join(' ')}: ${error.message}`);
  }
}

/**
 * @param {Record<string, string>} programs
 * @param {string[]} directories
 */
function packagesWithout(programs, directories) {
  return Object.entries(programs)
    .filter(([program]) => !directories.some((directory) => existsSync(join(directory, program))))
    .map(([, name]) => name);
}

/**
 * Runs one step; its output matters only when it fails.
 *
 * @param {string | undefined} announcement absent for a program that says itself what it does
 * @param {string[]} command
 */
function take(announcement, ...command) {
  if (announcement !== undefined) console.log(announcement);
  const { status, output } = run(...command);
  if (status !== 0) throw new SetupError(`${command.join(' ')} failed:\n${output}`);
  if (announcement === undefined) process.stdout.write(output);
}

/** @param {string[]} command */
function run(...command) {
  const [program = '', ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
  return { status, output: `${stdout ?? ''}${stderr ?? ''}${error === undefined ? '' : `${error.message}\n`}` };
}

/**
 * Runs {@link setup} for a command: a step that fails ends the process.
 *
 * @param {Parameters<typeof setup>[0]} steps
 */
export function setupOrExit(steps) {
  try {
    setup(steps);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setupOrExit({ packages: true, native: true, typescript: true });
}
