// Debian packages for this checkout alone: downloaded with apt's own resolver and unpacked below .build/debian, with what
// they depend on and this machine has not. Nothing of the machine is changed, and no root is needed.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const store = fileURLToPath(new URL('../.build/debian/', import.meta.url));

/** Those of Debian's archives. */
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The packages could not be had; the message says why and what would help. */
export class DebianError extends Error {}

/**
 * Unpacks packages into a directory that looks like the root of a Debian system (merged: /bin, /lib and /sbin are links).
 *
 * @param {readonly string[]} packages
 * @param {(line: string) => void} report is told once, before a download, what it is and how large
 * @returns {string} the directory; one from an earlier call with the same packages is taken as it is
 * @throws {DebianError}
 */
export function unpackPackages(packages, report) {
  const names = [...packages].sort();
  const name =
    names.length === 1 ? names.join() : createHash('sha256').update(names.join(' ')).digest('hex').slice(0, 16);
  return unpackOnce(name, (work) => download(work, updatedApt(work), names, report));
}

/**
 * Unpacks packages of another suite of the archive that this machine's come from.
 *
 * @param {Selection} selection
 * @param {(line: string) => void} report as for {@link unpackPackages}
 * @returns {string} the directory
 * @throws {DebianError}
 *
 * @typedef {object} Selection
 * @property {string} name of the directory
 * @property {string} suite
 * @property {RegExp} packages its first group is a version: of the newest one all packages are taken that match
 */
export function unpackNewest({ name, suite, packages }, report) {
  return unpackOnce(name, (work) => {
    const sources = join(work, 'sources.list');
    writeFileSync(sources, `${sourceOf(suite)}\n`);
    const apt = updatedApt(work, [`-oDir::Etc::sourcelist=${sources}`, '-oDir::Etc::sourceparts=-']);
    const known = run('apt-cache', ...apt, 'pkgnames').split('\n');
    const versions = known.flatMap((line) => packages.exec(line)?.[1] ?? []);
    const newest = versions.sort((one, other) => one.localeCompare(other, 'en', { numeric: true })).at(-1);
    if (newest === undefined) throw new DebianError(`${suite} has no packages ${packages.source}`);
    const names = known.filter((line) => packages.exec(line)?.[1] === newest);
    return download(work, apt, names, report);
  });
}

/**
 * Unpacks packages with all that they depend on, whatever this machine has: enough to run a program of theirs elsewhere.
 *
 * @param {System} system
 * @param {(line: string) => void} report as for {@link unpackPackages}
 * @returns {string} the directory
 * @throws {DebianError}
 *
 * @typedef {object} System
 * @property {string} name of the directory
 * @property {'amd64' | 'arm64'} architecture
 * @property {readonly string[]} packages
 */
export function unpackSystem({ name, architecture, packages }, report) {
  return unpackOnce(name, (work) => {
    const status = join(work, 'status');
    writeFileSync(status, '');
    const architectures = [`-oAPT::Architecture=${architecture}`, `-oAPT::Architectures=${architecture}`];
    return download(work, updatedApt(work, [`-oDir::State::status=${status}`, ...architectures]), packages, report);
  });
}

/**
 * The line of a sources.list for another suite of this Debian's archive.
 *
 * @param {string} suite
 */
function sourceOf(suite) {
  const release = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const targets = run('apt-get', 'indextargets', '--format', '$(RELEASE) $(REPO_URI)').split('\n');
  const [, archive] = targets.map((line) => line.split(' ')).find(([name]) => name === release) ?? [];
  if (archive === undefined) throw new DebianError(`apt has no source for ${release ?? 'this release'}`);
  return `deb [signed-by=${KEYS}] ${archive} ${suite} main`;
}

/**
 * What an earlier call unpacked is taken as it is.
 *
 * @param {string} name
 * @param {(work: string) => readonly string[]} packages gives the files to unpack, and may keep what it likes in a directory
 */
function unpackOnce(name, packages) {
  const tree = join(store, name);
  if (existsSync(tree)) return tree;
  const work = join(store, `${name}.${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  try {
    mkdirSync(work, { recursive: true });
    const unpacked = unpack(packages(work), join(work, 'tree'));
    // Another process may be at the same: whoever renames first wins.
    if (!existsSync(tree)) renameSync(unpacked, tree);
    return tree;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * The options of an apt of its own, which knows the newest packages and writes into one directory alone.
 *
 * @param {string} work
 * @param {readonly string[]} options
 */
function updatedApt(work, options = []) {
  for (const directory of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(work, directory), { recursive: true });
  const places = [`-oDir::State::lists=${work}/lists`, `-oDir::Cache=${work}/cache`, `-oDir::Log=${work}`];
  // Neither lock nor user of the system's own apt: both take root.
  const apt = ['-q', ...places, '-oDebug::NoLocking=true', '-oAPT::Sandbox::User=', ...options];
  run('apt-get', ...apt, 'update');
  return apt;
}

/**
 * @param {string} work
 * @param {readonly string[]} apt its options
 * @param {readonly string[]} names
 * @param {(line: string) => void} report
 * @returns {string[]} the packages' files
 */
function download(work, apt, names, report) {
  const install = [...apt, 'install', '--yes', '--no-install-recommends'];
  const size = /^Need to get (?:\S+ B\/)?(.+?) of archives/m.exec(
    run('apt-get', ...install, '--print-uris', ...names),
  )?.[1];
  report(`Debian packages: fetching ${names.join(' ')}${size === undefined ? '' : ` (${size})`}`);
  run('apt-get', ...install, '--download-only', ...names);
  const archives = join(work, 'cache/archives');
  return readdirSync(archives)
    .filter((file) => file.endsWith('.deb'))
    .map((file) => join(archives, file));
}

/**
 * @param {readonly string[]} files
 * @param {string} tree
 */
function unpack(files, tree) {
  for (const directory of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(tree, 'usr', directory), { recursive: true });
    symlinkSync(`usr/${directory}`, join(tree, directory));
  }
  // As dpkg does on such a system: the links stay, and what is packed for /lib lands in /usr/lib.
  const extract =
    'dpkg-deb --fsys-tarfile "$2" | tar --extract --keep-directory-symlink --no-same-owner --directory "$1"';
  for (const file of files) run('sh', '-ec', extract, 'sh', tree, file);
  for (const directory of ['usr/bin', 'usr/sbin']) makeLinksRelative(tree, directory);
  return tree;
}

/**
 * insmod is a link to /bin/kmod, which here is the machine's, if there is one.
 *
 * @param {string} tree
 * @param {string} directory
 */
function makeLinksRelative(tree, directory) {
  for (const name of readdirSync(join(tree, directory))) {
    const path = join(tree, directory, name);
    const target = lstatSync(path).isSymbolicLink() ? readlinkSync(path) : '';
    if (!target.startsWith('/')) continue;
    unlinkSync(path);
    symlinkSync(relative(dirname(path), join(tree, target)), path);
  }
}

/** @param {string[]} command */
function run(...command) {
  const [program = '', ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 64 * 2 ** 20,
  });
  if (error !== undefined) throw new DebianError(`this is not Debian: ${error.message}`);
  if (status !== 0) throw new DebianError(`${program} failed:\n${stdout}${stderr}`.trimEnd());
  return stdout;
}
