#!/usr/bin/env node
// ipvs-ts-build: compiles the native addon where the package brings none for the machine's CPU.
//
//   npx ipvs-ts-build
//   node native/build.mjs [directory]
//
// `directory` holds binding.gyp and native/; the package's own is the default. The result is build/Release/ipvs.node in it,
// which is taken before a prebuilt addon. It takes a C++17 compiler, make and Python 3, and Node's headers, which node-gyp
// downloads where they are not installed beside Node. CXXFLAGS and LDFLAGS of the environment are honoured.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));
const prefix = dirname(dirname(process.execPath));

process.exitCode = build();

function build() {
  const nodeGyp = findNodeGyp();
  if (nodeGyp === undefined) {
    console.error('native addon: node-gyp was not found. npm brings it: run "npx ipvs-ts-build".');
    return 1;
  }
  const args = [nodeGyp, 'rebuild', '--directory', directory, '--jobs', 'max'];
  if (existsSync(join(prefix, 'include/node/node_api.h'))) args.push(`--nodedir=${prefix}`);
  console.log(`native addon: ${[process.execPath, ...args].join(' ')}`);
  const { status, error, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) {
    console.log(`native addon: built ${join(directory, 'build/Release/ipvs.node')}`);
    return 0;
  }
  // The compiler's messages are in it.
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  console.error(
    `native addon: the build failed${error ? `: ${error.message}` : ''}. It needs a C++17 compiler, make and Python 3` +
      ' (Debian: apt-get install g++ make python3; Alpine: apk add g++ make python3).',
  );
  return 1;
}

/** The one installed beside this package, or npm's own: npm names it to the programs it runs, and keeps it beside Node. */
function findNodeGyp() {
  const program = 'node-gyp/bin/node-gyp.js';
  const { npm_config_node_gyp: named } = process.env;
  const candidates = [named, join(prefix, 'lib/node_modules/npm/node_modules', program)];
  try {
    return createRequire(import.meta.url).resolve(program);
  } catch {
    return candidates.find((path) => path !== undefined && existsSync(path));
  }
}
