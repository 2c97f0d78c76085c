// Debian's stock kernels for the lab (test/lab), which boots them under QEMU's software emulation: fetched, unpacked below
// .build/kernels and made ready to boot. Nothing of the machine is changed, and no root is needed.

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { DebianError, unpackNewest, unpackPackages } from './debian.mjs';

const kernels = fileURLToPath(new URL('../.build/kernels/', import.meta.url));
const initramfsProgram = fileURLToPath(new URL('../test/lab/initramfs.sh', import.meta.url));

/**
 * How to get the packages of a kernel, by the name that IPVS_LAB and npm test know it by.
 *
 * @type {Readonly<Record<string, (report: (line: string) => void) => string>>}
 */
const KERNELS = {
  6.12: (report) => unpackPackages(['linux-image-6.12-amd64'], report),
  // Since 7.0 a kernel's modules are a package of their own.
  7: (report) =>
    unpackNewest(
      {
        name: 'linux-7',
        suite: 'trixie-backports',
        packages: /^linux-(?:binary|modules)-(7\.\d+\.\d+\+deb\d+)-amd64$/,
      },
      report,
    ),
};

/** What boots them, and what makes their modules ready. */
const TOOLS = ['qemu-system-x86', 'busybox-static', 'xz-utils', 'kmod'];

/** The modules that the guest may take, as directories: the others of a stock kernel are drivers for devices it has not. */
const MODULES = [
  'net',
  'lib',
  'crypto',
  'arch',
  'fs/overlayfs',
  'fs/9p',
  'fs/netfs',
  'drivers/char/hw_random',
  'drivers/net',
  'drivers/virtio',
];

/** The ones that it takes to reach the machine's files, and random numbers. */
const FIRST_MODULES = ['virtio_pci', 'virtio_rng', '9pnet_virtio', '9p', 'overlay'];

/**
 * Makes one of {@link KERNELS} ready: a directory with `vmlinuz`, `initramfs`, `lib/modules` and, as `packages`, the unpacked tree
 * that has QEMU where this machine has none. What an earlier call made is taken as it is.
 *
 * @param {string} release
 * @param {(line: string) => void} report is told once, before a download, what it is and how large
 * @throws {DebianError}
 */
export function unpackKernel(release, report) {
  const ready = join(kernels, release);
  if (existsSync(ready)) return;
  const packages = KERNELS[release];
  if (packages === undefined) throw new DebianError(`there is no kernel ${release}`);
  const tools = unpackPackages(TOOLS, report);
  const kernel = packages(report);
  const work = `${ready}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  try {
    makeReady(kernel, tools, work);
    symlinkSync(relative(ready, tools), join(work, 'packages'));
    // Another process may be at the same: whoever renames first wins.
    if (!existsSync(ready)) renameSync(work, ready);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * @param {string} kernel
 * @param {string} tools
 * @param {string} work
 */
function makeReady(kernel, tools, work) {
  const packed = join(kernel, 'lib/modules');
  const [version = ''] = readdirSync(packed);
  const modules = join(work, 'lib/modules', version);
  mkdirSync(modules, { recursive: true });
  for (const file of readdirSync(join(packed, version)).filter((name) => /^modules\.(builtin|order)/.test(name)))
    copyFileSync(join(packed, version, file), join(modules, file));
  for (const directory of MODULES.map((name) => join('kernel', name)))
    cpSync(join(packed, version, directory), join(modules, directory), { recursive: true });
  // Unpacked ones load several times as fast: in an emulated guest a compressed one takes a second.
  run(tools, 'find', modules, '-name', '*.ko.xz', '-exec', 'xz', '--decompress', '--threads=0', '{}', '+');
  run(tools, 'depmod', '--basedir', work, version);
  // Since 7.0 it lies beside the modules.
  const images = [join(kernel, 'boot', `vmlinuz-${version}`), join(packed, version, 'vmlinuz')];
  copyFileSync(existing('kernel image', images), join(work, 'vmlinuz'));
  writeFileSync(join(work, 'initramfs'), gzipSync(initramfs(tools, modules), { level: 1 }));
}

/**
 * @param {string} tools
 * @param {string} modules
 */
function initramfs(tools, modules) {
  const busybox = existing('busybox', [join(tools, 'usr/bin/busybox'), '/bin/busybox']);
  const directories = ['bin', 'dev', 'lab', 'layer', 'lower', 'memory', 'modules', 'proc', 'root'];
  const first = inLoadOrder(modules).map((path, index) => ({
    name: `modules/${String(index).padStart(2, '0')}-${basename(path)}`,
    content: readFileSync(join(modules, path)),
  }));
  return archive([
    ...directories.map((name) => ({ name })),
    { name: 'bin/busybox', content: readFileSync(busybox) },
    { name: 'init', content: readFileSync(initramfsProgram) },
    ...first,
  ]);
}

/**
 * @param {string} what
 * @param {readonly string[]} paths
 */
function existing(what, paths) {
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new DebianError(`there is no ${what}: ${paths.join(', ')}`);
  return found;
}

/**
 * The files of {@link FIRST_MODULES} and of those that they need, these first; what is built into the kernel has none.
 *
 * @param {string} modules
 */
function inLoadOrder(modules) {
  const lines = readFileSync(join(modules, 'modules.dep'), 'utf8').trim().split('\n');
  const files = FIRST_MODULES.flatMap((name) => {
    const line = lines.find((text) => basename(text.split(':')[0] ?? '', '.ko').replaceAll('-', '_') === name);
    return line === undefined ? [] : line.split(/:? /).filter(Boolean).reverse();
  });
  return [...new Set(files.map((file) => file.replace(/:$/, '')))];
}

/**
 * A cpio archive as the kernel unpacks it (newc, Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 * @param {{ name: string, content?: Buffer }[]} entries those without content are directories
 */
function archive(entries) {
  const REGULAR = 0o100755;
  const DIRECTORY = 0o040755;
  const members = [
    ...entries.map(({ name, content }) => ({
      name,
      content: content ?? Buffer.alloc(0),
      mode: content ? REGULAR : DIRECTORY,
    })),
    { name: 'TRAILER!!!', content: Buffer.alloc(0), mode: 0 },
  ];
  return Buffer.concat(
    members.flatMap(({ name, content, mode }, index) => {
      const fields = [index + 1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
      const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
      return [padded(Buffer.from(header)), padded(content)];
    }),
  );
}

/** @param {Buffer} bytes */
function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

/**
 * Runs a program of this machine, or of the unpacked packages where it has none.
 *
 * @param {string} tools
 * @param {string[]} command
 */
function run(tools, ...command) {
  const [program = '', ...args] = command;
  const directories = ['/usr/sbin', '/sbin', join(tools, 'usr/bin'), join(tools, 'usr/sbin')];
  const { status, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: [process.env['PATH'], ...directories].join(':'),
      LD_LIBRARY_PATH: join(tools, 'usr/lib/x86_64-linux-gnu'),
    },
  });
  if (error !== undefined || status !== 0) throw new DebianError(`${program} failed: ${error?.message ?? stderr}`);
}
