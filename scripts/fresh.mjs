// npm run fresh: tries npm start and npm test as a new user has them, on a bare machine.
//
//   npm run fresh                            both commands, as a user without rights and then as root
//   npm run fresh -- npm test -- unit        another command
//
// The machine is Debian 12 as debootstrap's minbase makes it, with git, g++, openssl and this machine's Node and npm, in a
// file system and a process tree of its own, below the temporary directory. What is tried is a clone of HEAD. Takes root,
// debootstrap, and the package registries.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const INCLUDED = 'ca-certificates,git,g++,openssl';
const USERS = ['visitor', 'root'];

/** This machine's ways to the registries. */
const FROM_THIS_MACHINE = [
  ...['/etc/resolv.conf', '/etc/hosts', '/etc/apt', '/etc/ssl', '/usr/share/keyrings', '/etc/npmrc', '/usr/etc/npmrc'],
];
const INHERITED = /^(npm_config_(registry|cafile|.*proxy)|[a-z]*_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|CI)$/i;

/** The first process there: makes the directory the root of a process tree, and runs a command as a user. */
const IN_THE_MACHINE = `set -eu
user=$1
shift
mount --make-rprivate /
mount --bind "$MACHINE" "$MACHINE"
cd "$MACHINE"
mount -t proc proc proc
mount --rbind /dev dev
mount --rbind /sys sys
mkdir -p mnt/old
pivot_root . mnt/old
umount -l /mnt/old
cd /
exec setpriv --reuid="$user" --regid="$user" --init-groups env HOME="$(getent passwd "$user" | cut -d: -f6)" "$@"
`;

const command = process.argv.slice(2);
const commands =
  command.length > 0
    ? [command]
    : [
        ['npm', 'start'],
        ['npm', 'test'],
      ];
const machine = mkdtempSync(join(tmpdir(), 'fresh-'));
try {
  makeMachine();
  process.exitCode = USERS.every((user) => commands.every((words) => runAs(user, words))) ? 0 : 1;
} finally {
  rmSync(machine, { recursive: true, force: true });
}

function makeMachine() {
  console.log(`fresh: Debian 12 below ${machine}`);
  // It becomes the root, which everybody may enter.
  chmodSync(machine, 0o755);
  run('debootstrap', '--variant=minbase', `--include=${INCLUDED}`, 'bookworm', machine);
  for (const path of FROM_THIS_MACHINE.filter((name) => existsSync(name))) {
    rmSync(join(machine, path), { recursive: true, force: true });
    cpSync(path, join(machine, path), { recursive: true, dereference: true });
  }
  copyNode();
  run('chroot', machine, 'useradd', '--create-home', 'visitor');
  writeFileSync(join(machine, 'fresh.sh'), IN_THE_MACHINE);
}

function copyNode() {
  const modules = spawnSync('npm', ['root', '--global'], { encoding: 'utf8' }).stdout.trim();
  mkdirSync(join(machine, 'usr/local/lib/node_modules'), { recursive: true });
  cpSync(join(modules, 'npm'), join(machine, 'usr/local/lib/node_modules/npm'), { recursive: true });
  cpSync(process.execPath, join(machine, 'usr/local/bin/node'));
  // Its headers, which a release of Node brings and the addon is built with.
  const headers = join(dirname(dirname(process.execPath)), 'include/node');
  cpSync(headers, join(machine, 'usr/local/include/node'), { recursive: true });
  for (const program of ['npm', 'npx'])
    run('ln', '-s', `../lib/node_modules/npm/bin/${program}-cli.js`, join(machine, 'usr/local/bin', program));
}

/**
 * In a clone of its own, so that nothing is left of what another user did.
 *
 * @param {string} user
 * @param {string[]} words
 */
function runAs(user, words) {
  const name = words.join(' ');
  const clone = join(machine, 'clone');
  rmSync(clone, { recursive: true, force: true });
  run('git', 'clone', '--quiet', `file://${checkout}`, clone);
  run('chroot', machine, 'chown', '-R', `${user}:`, '/clone');
  console.log(`fresh: ${name}, as ${user}`);
  const started = performance.now();
  const env = Object.fromEntries(Object.entries(process.env).filter(([variable]) => INHERITED.test(variable)));
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', 'sh', join(machine, 'fresh.sh')];
  const inClone = ['sh', '-c', 'cd /clone && exec "$@"', 'sh', ...words];
  const { status } = spawnSync('unshare', [...namespaces, user, ...inClone], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...env, MACHINE: machine, PATH: '/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  console.log(
    `fresh: ${name}, as ${user}: exit code ${status}, ${((performance.now() - started) / 1000).toFixed(0)} s`,
  );
  return status === 0;
}

/** @param {string[]} words */
function run(...words) {
  const [program = '', ...args] = words;
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (error !== undefined || status !== 0)
    throw new Error(`${program} failed${error === undefined ? '' : `: ${error.message}`}`);
}
