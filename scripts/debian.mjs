// Debian packages for this checkout alone: downloaded with apt's own resolver and unpacked below .build/debian, with what
// they depend on and this machine has not. Nothing of the machine is changed, and no root is needed.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const store = fileURLToPath(new URL('../.build/debian/', import.meta.url));

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
  const tree = join(store, name);
  if (existsSync(tree)) return tree;
  // Another process may be at the same: whoever renames first wins.
  const work = join(store, `${name}.${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  try {
    const unpacked = unpack(download(names, work, report), join(work, 'tree'));
    if (!existsSync(tree)) renameSync(unpacked, tree);
    return tree;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * @param {readonly string[]} names
 * @param {string} work
 * @param {(line: string) => void} report
 * @returns {string[]} the packages' files
 */
function download(names, work, report) {
  const apt = ['-q', `-oDir::State::lists=${work}/lists`, `-oDir::Cache=${work}/cache`, `-oDir::Log=${work}`];
  // Neither lock nor user of the system's own apt: both take root.
  const own = ['-oDebug::NoLocking=true', '-oAPT::Sandbox::User='];
  for (const directory of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(work, directory), { recursive: true });
  const install = ['install', '--yes', '--no-install-recommends'];
  try {
    run('apt-get', ...apt, ...own, 'update');
    const size = /^Need to get (?:\S+ B\/)?(.+?) of archives/m.exec(
      run('apt-get', ...apt, ...own, ...install, '--print-uris', ...names),
    )?.[1];
    report(`Debian packages: fetching ${names.join(' ')}${size === undefined ? '' : ` (${size})`}`);
    run('apt-get', ...apt, ...own, ...install, '--download-only', ...names);
  } catch (cause) {
    if (!(cause instanceof DebianError)) throw cause;
    throw new DebianError(`${cause.message}\nOn Debian: apt-get install --no-install-recommends ${names.join(' ')}`);
  }
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
