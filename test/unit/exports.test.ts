import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as library from '../../src/index.js';

interface Manifest {
  main: string;
  types: string;
  exports: Record<string, string | Record<string, string>>;
  bin: Record<string, string>;
  files: string[];
}

const manifest: Manifest = JSON.parse(readFileSync(pathOf('package.json'), 'utf8'));

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

/** What the build makes a file of the package from; what it does not make stands for itself. */
function sourceOf(target: string): string {
  return target
    .replace(/^\.\/dist\/bin\/ipvs-ts(?:-(.+))?\.cjs$/, (_, name) => `./src/cli/${name ? `${name}-` : ''}main.ts`)
    .replace(/^\.\/dist\/(.+?)(?:\.d\.ts|\.js)$/, './src/$1.ts');
}

test('the public names', () => {
  expect(Object.keys(library).sort()).toMatchInlineSnapshot(`
    [
      "ClosedError",
      "ConnectionsFileError",
      "InterruptedError",
      "InvalidArgumentError",
      "Ipvs",
      "IpvsError",
      "KernelError",
      "OverrunError",
      "ProtocolError",
      "RestoreError",
      "RulesError",
      "Stats",
      "TimeoutError",
      "UnavailableError",
      "formatDestinationKey",
      "formatRules",
      "formatServiceKey",
      "linuxKernel",
      "parseChange",
      "parseDestination",
      "parseDestinationKey",
      "parseService",
      "parseServiceKey",
      "parseSyncDaemon",
      "parseTimeouts",
    ]
  `);
});

test('every path that the package promises has a source', () => {
  const exported = Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  );
  const promised = [manifest.main, manifest.types, ...exported, ...Object.values(manifest.bin)];
  expect(promised.length).toBeGreaterThan(4);
  expect(promised.map(sourceOf).filter((source) => !existsSync(pathOf(source)))).toEqual([]);
});

test('the package has the entry point that npm and node agree on', () => {
  expect(manifest.exports['.']).toEqual({ types: manifest.types, default: manifest.main });
  expect(sourceOf(manifest.main)).toBe('./src/index.ts');
});

test('every path that the package promises is packed', () => {
  const targets = [manifest.main, manifest.types, ...Object.values(manifest.bin)];
  const unpacked = targets.filter((target) => !manifest.files.some((folder) => target.startsWith(`./${folder}/`)));
  expect(unpacked).toEqual([]);
});

test('everything that is packed is made by the build or stands in the repository', () => {
  const made = ['dist', 'prebuilds'];
  expect(manifest.files).toEqual(expect.arrayContaining([...made, 'native', 'binding.gyp']));
  const standing = manifest.files.filter((file) => !made.includes(file) && !file.startsWith('!'));
  expect(standing.filter((file) => !existsSync(pathOf(file)))).toEqual([]);
});
