// Makes a fresh clone ready to run: npm packages, Debian packages, the native addon, the compiled TypeScript.
//
//   node scripts/setup.mjs
//
// Each step is taken only when something is missing, and says so in one line. Nothing of the machine is changed and no root is
// needed: Debian packages are unpacked below .build, and the lab lays them over the machine's files.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DebianError, unpackPackages } from './debian.mjs';
import { unpackKernel } from './debian-kernel.mjs';

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

/** What test/programs takes: programs that read the scripts, the manual page, the units, the completion and the metrics. */
const READERS = {
  shellcheck: 'shellcheck',
  groff: 'groff-base',
  'systemd-analyze': 'systemd',
  zsh: 'zsh',
  fish: 'fish',
  promtool: 'prometheus',
};

/** What the tests take. */
const TESTS = {
  ...STORY,
  'iptables-legacy': 'iptables',
  nft: 'nftables',
  tcpdump: 'tcpdump',
  keepalived: 'keepalived',
  ldirectord: 'ldirectord',
  ifconfig: 'net-tools',
  ...READERS,
};

/** What test/services takes: the servers that the checks are for, by where they are. */
const SERVERS = {
  // With which enter.sh there brings up the loopback.
  'usr/bin/ip': 'iproute2',
  'usr/sbin/nginx': 'nginx-light',
  'usr/sbin/haproxy': 'haproxy',
  'usr/sbin/named': 'bind9',
  'usr/sbin/exim4': 'exim4-daemon-light',
  'usr/lib/dovecot/imap-login': 'dovecot-imapd',
  'usr/lib/dovecot/pop3-login': 'dovecot-pop3d',
  'usr/bin/redis-server': 'redis-server',
  'usr/sbin/vsftpd': 'vsftpd',
  'usr/sbin/slapd': 'slapd',
  'usr/sbin/mariadbd': 'mariadb-server-core',
  'usr/bin/pg_ctlcluster': 'postgresql',
  'usr/sbin/freeradius': 'freeradius',
  'usr/sbin/kamailio': 'kamailio',
  'usr/lib/news/bin/nnrpd': 'inn2',
  'usr/bin/etcd': 'etcd-server',
};

/** What has to be installed: it runs on the machine itself, and makes programs for it. */
const COMPILER = { 'g++': 'g++', openssl: 'openssl' };

/** Where the packages are that this machine has not: a link to where they were unpacked. */
export const LAYER = join(root, '.build/lab-layer');

/** The same for the servers of test/services. */
export const SERVERS_LAYER = join(root, '.build/servers-layer');

/**
 * Takes the steps that are asked for, npm's packages first in any case.
 *
 * Debian packages that can't be had are no error here: they are named, and what needs them fails by itself.
 *
 * @param {Steps} steps
 * @throws {SetupError}
 *
 * @typedef {object} Steps
 * @property {'story' | 'tests'} [packages] the Debian packages of npm start, or those of npm test
 * @property {boolean} [servers] Debian's servers, which test/services checks
 * @property {string | undefined} [kernel] a stock kernel for the lab, by the name that IPVS_LAB takes
 * @property {boolean} [native]
 * @property {boolean} [typescript]
 */
export function setup({ packages, servers = false, kernel, native = false, typescript = false }) {
  if (!npmPackagesAreInstalled()) take('npm packages: installing', 'npm', 'ci', '--no-audit', '--no-fund');
  if (packages !== undefined) unpackDebianPackages(packages === 'story' ? STORY : TESTS);
  if (packages === 'tests') nameMissing(COMPILER);
  if (servers) unpackServers();
  if (kernel !== undefined) fetching(`the kernel ${kernel}`, () => unpackKernel(kernel, console.log));
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

/**
 * What an earlier call unpacked does.
 *
 * @param {Record<string, string>} programs
 */
function unpackDebianPackages(programs) {
  const unpacked = ['usr/bin', 'usr/sbin'].map((directory) => join(LAYER, directory));
  if (packagesWithout(programs, [...PATHS, ...unpacked]).length === 0) return;
  const missing = packagesWithout(programs, PATHS);
  fetching(missing.join(' '), () => lay(missing, LAYER));
}

/**
 * @param {readonly string[]} packages
 * @param {string} layer the link to where they are unpacked
 */
function lay(packages, layer) {
  const tree = unpackPackages(packages, console.log);
  rmSync(layer, { force: true });
  symlinkSync(relative(dirname(layer), tree), layer);
}

/** What a mirror has not is named and left out: the tests of that server fail, those of the others run. */
function unpackServers() {
  const places = [SERVERS_LAYER, '/'];
  if (Object.keys(SERVERS).every((path) => places.some((place) => existsSync(join(place, path))))) return;
  const packages = Object.values(SERVERS);
  fetching('the servers', () => {
    try {
      lay(packages, SERVERS_LAYER);
    } catch (error) {
      const unknown = error instanceof DebianError ? packages.filter((name) => isUnknown(name, error.message)) : [];
      if (unknown.length === 0) throw error;
      console.error(`Debian packages: this machine's mirror has no ${unknown.join(' ')}`);
      lay(
        packages.filter((name) => !unknown.includes(name)),
        SERVERS_LAYER,
      );
    }
  });
}

/**
 * @param {string} name
 * @param {string} message apt's
 */
function isUnknown(name, message) {
  return [`Unable to locate package ${name}`, `Package '${name}' has no installation candidate`].some((words) =>
    message.split('\n').some((line) => line.endsWith(words)),
  );
}

/** Whether the machine itself has what test/programs takes. */
export function hasReaders() {
  return packagesWithout(READERS, PATHS).length === 0;
}

/**
 * @param {string} what
 * @param {() => void} fetch
 */
function fetching(what, fetch) {
  try {
    fetch();
  } catch (error) {
    if (!(error instanceof DebianError)) throw error;
    console.error(`Debian packages: could not fetch ${what}: ${error.message}`);
  }
}

/** @param {Record<string, string>} programs */
function nameMissing(programs) {
  const missing = packagesWithout(programs, PATHS);
  if (missing.length === 0) return;
  console.error(`Missing on this machine: ${missing.join(' ')}. Please run, as root:`);
  console.error(`  apt-get install --no-install-recommends ${missing.join(' ')}`);
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
  setupOrExit({ packages: 'tests', native: true, typescript: true });
}
