/** The packed package where this machine's compiler, headers and network are not: a bare Debian, a 64-bit ARM, musl. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpackPackages, unpackSystem } from '../../scripts/debian.mjs';
import { consumer, installed, tools } from './packed.js';

const UNPACKING = 300_000;
const RULES = '-A -t 192.0.2.10:80 -s wlc\n';
const VERSION = { status: 0, stdout: expect.stringMatching(/^ipvsadm v1\.31 /) };

/** Asks for a table: that takes the addon, and then a kernel that has one. */
const LOAD_ADDON = `
  import { Ipvs } from 'ipvs-ts';
  await Ipvs.open({ source: 'netlink' }).then((ipvs) => ipvs.close(), () => {});
  console.log(process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node')).join());`;

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-elsewhere-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function silently(): void {}

describe('a Debian of libc and libstdc++ alone, without network', () => {
  let system = '';
  beforeAll(() => {
    system = join(directory, 'debian');
    const packages = ['libc6', 'libstdc++6'];
    const unpacked = unpackSystem({ name: 'system-amd64', architecture: 'amd64', packages }, silently);
    cpSync(unpacked, system, { recursive: true, verbatimSymlinks: true });
    for (const path of ['proc', 'dev', 'tmp', 'home']) mkdirSync(join(system, path));
    cpSync(join(tools, 'node-20.19/bin/node'), join(system, 'usr/bin/node'));
    cpSync(consumer, join(system, 'home'), { recursive: true, verbatimSymlinks: true });
  }, UNPACKING);

  /** Node there, as root of a user namespace. */
  function run(...args: string[]) {
    const program = 'mount -t proc proc "$0/proc" && exec chroot "$0" /usr/bin/node "$@"';
    const command = ['--user', '--map-root-user', '--mount', '--net', '--pid', '--fork', 'sh', '-c', program];
    return spawnSync('unshare', [...command, system, ...args], { encoding: 'utf8', cwd: directory });
  }

  test('the command runs', () => {
    expect(run('/home/node_modules/.bin/ipvs-ts', '-v')).toMatchObject(VERSION);
  });

  test('the simulated kernel is managed', () => {
    expect(run('/home/simulated.mjs')).toMatchObject({ status: 0, stdout: RULES });
  });

  test('the addon is loaded', () => {
    writeFileSync(join(system, 'home/addon.mjs'), LOAD_ADDON);
    expect(run('/home/addon.mjs').stdout.trim()).toBe('/home/node_modules/ipvs-ts/prebuilds/linux-x64/ipvs-ts.node');
  });
});

describe('a 64-bit ARM', () => {
  let system = '';
  let emulator = '';
  beforeAll(() => {
    const packages = ['libc6', 'libstdc++6'];
    system = unpackSystem({ name: 'system-arm64', architecture: 'arm64', packages }, silently);
    emulator = join(unpackPackages(['qemu-user-static'], silently), 'usr/bin/qemu-aarch64-static');
  }, UNPACKING);

  function run(...args: string[]) {
    const node = join(tools, 'node-arm64/bin/node');
    return spawnSync(emulator, ['-L', system, node, ...args], { encoding: 'utf8', cwd: consumer });
  }

  test('the command runs', () => {
    expect(run('node_modules/.bin/ipvs-ts', '-v')).toMatchObject(VERSION);
  });

  test('the simulated kernel is managed', () => {
    expect(run('simulated.mjs')).toMatchObject({ status: 0, stdout: RULES });
  });

  test('the addon is loaded', () => {
    const { stdout } = run('--input-type=module', '--eval', LOAD_ADDON);
    expect(stdout.trim()).toMatch(/\/ipvs-ts\/prebuilds\/linux-arm64\/ipvs-ts\.node$/);
  });
});

describe('musl', () => {
  const addon = join(installed, 'prebuilds/linux-x64/ipvs-ts.node');
  let loader = '';
  beforeAll(() => {
    const system = unpackSystem({ name: 'system-musl', architecture: 'amd64', packages: ['musl'] }, silently);
    loader = join(system, 'usr/lib/ld-musl-x86_64.so.1');
  }, UNPACKING);

  /** A program with Node's part of the symbols: each function succeeds and does nothing. */
  function standIn(): string {
    const symbols = execFileSync('readelf', ['--wide', '--dyn-syms', addon], { encoding: 'utf8' });
    const functions = [...symbols.matchAll(/ UND ((?:napi|node_api|uv)_\w+)/g)].map(([, name]) => name);
    const source = join(directory, 'stand-in.c');
    writeFileSync(
      source,
      `#include <dlfcn.h>
      #include <stdio.h>
      #include <unistd.h>
      ${functions.map((name) => `int ${name}(void) { return 0; }`).join('\n')}
      void _start(void) {
        void *addon = dlopen("${addon}", RTLD_NOW);
        if (!addon) { dprintf(1, "%s\\n", dlerror()); _exit(1); }
        void *(*start)(void *, void *) = dlsym(addon, "napi_register_module_v1");
        int exports;
        dprintf(1, "%s\\n", start(&exports, &exports) == &exports ? "registered" : "refused");
        _exit(0);
      }`,
    );
    const program = join(directory, 'stand-in');
    execFileSync('gcc', ['-O1', '-fno-builtin', '-nostartfiles', '-rdynamic', '-o', program, source]);
    return program;
  }

  test('the addon is loaded and registers itself', () => {
    const { stdout, stderr, status } = spawnSync(loader, [standIn()], { encoding: 'utf8' });
    expect({ stdout, stderr, status }).toEqual({ stdout: 'registered\n', stderr: '', status: 0 });
  });
});
