import { spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { consumer, installed, tarball, tools } from './packed.js';

const MIB = 2 ** 20;

/** What files take below a directory, in bytes of their lengths. */
function sizeOf(directory: string): number {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).size, 0);
}

function check(script: string, ...args: string[]) {
  return spawnSync(process.execPath, [join(tools, script), ...args], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
}

test('the tarball is small', () => {
  expect(statSync(tarball()).size).toBeLessThan(1 * MIB);
});

test('a user gets few megabytes', () => {
  expect(sizeOf(join(consumer, 'node_modules'))).toBeLessThan(16 * MIB);
});

test('nothing is packed that no user needs', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
  expect(files).toEqual(
    expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md', 'man/ipvs-ts.8', 'dist/index.d.ts']),
  );
  expect(
    files.filter((file) => /^dist\/.*\.(map|test\.[a-z.]+|tsbuildinfo)$|^(src|test|scripts|examples)\b/.test(file)),
  ).toEqual([]);
});

test('no script of ours runs when it is installed', () => {
  const { scripts, gypfile } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  expect(Object.keys(scripts).filter((name) => /install|^prepare$|^(pre|post)publish$/.test(name))).toEqual([]);
  // Without it npm would compile wherever it finds a binding.gyp.
  expect(gypfile).toBe(false);
});

test('publint finds nothing', () => {
  const { status, stdout, stderr } = check('publint/src/cli.js', tarball(), '--strict');
  expect(`${stdout}${stderr}`).toMatch(/All good/);
  expect(status).toBe(0);
});

test('attw finds types for every entry', () => {
  const { status, stdout } = check('@arethetypeswrong/cli/dist/index.js', tarball(), '--profile', 'esm-only');
  expect({ status, problems: status === 0 ? '' : stdout }).toEqual({ status: 0, problems: '' });
});
