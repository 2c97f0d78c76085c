// Builds the native addon where it is missing or older than its sources.
//
//   node scripts/build-native.mjs [directory]
//
// `directory` holds binding.gyp and native/; the package's own is the default. The result is build/Release/ipvs.node in
// it. CXXFLAGS and LDFLAGS of the environment are honoured, as scripts/sanitize.mjs does. No file is downloaded where
// Node's headers are installed beside its executable.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const directory = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));

if (isUpToDate()) {
  console.log('native addon: up to date');
} else {
  console.log('native addon: building');
  process.exitCode = build();
}

function isUpToDate() {
  const addon = join(directory, 'build/Release/ipvs.node');
  if (!existsSync(addon)) return false;
  const sources = readdirSync(join(directory, 'native')).map((name) => join(directory, 'native', name));
  const newest = Math.max(...[join(directory, 'binding.gyp'), ...sources].map((path) => statSync(path).mtimeMs));
  return statSync(addon).mtimeMs >= newest;
}

/** Runs node-gyp. Its output matters only when it fails: the compiler's messages are in it. */
function build() {
  const prefix = dirname(dirname(process.execPath));
  const haveHeaders = existsSync(join(prefix, 'include/node/node_api.h'));
  const args = [require.resolve('node-gyp/bin/node-gyp.js'), 'rebuild', '--directory', directory, '--jobs', 'max'];
  if (haveHeaders) args.push(`--nodedir=${prefix}`);
  const { status, error, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return 0;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  console.error(
    `native addon: the build failed${error ? `: ${error.message}` : ''}. It needs a C++17 compiler, make and Python 3.`,
  );
  return 1;
}
