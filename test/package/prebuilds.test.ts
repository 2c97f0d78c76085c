import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkoutRoot } from '../lab/checkout.js';
import { installed } from './packed.js';

const CPUS = ['x64', 'arm64'] as const;
type Cpu = (typeof CPUS)[number];
const MACHINES = { x64: 'Advanced Micro Devices X86-64', arm64: 'AArch64' };
/** GLIBC_2.17: what distributions of 2014 have. */
const NEWEST_GLIBC = 17;

const directory = join(installed, 'prebuilds');
const manifest: Record<Cpu, { sha256: string; size: number }> = JSON.parse(
  readFileSync(join(directory, 'manifest.json'), 'utf8'),
);

function addon(cpu: Cpu, prebuilds = directory): string {
  return join(prebuilds, `linux-${cpu}/ipvs-ts.node`);
}

function readelf(...args: string[]): string {
  return execFileSync('readelf', ['--wide', ...args], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
}

/** Symbols that are looked for elsewhere, with their versions: `recvmmsg@GLIBC_2.12`. */
function undefinedSymbols(cpu: Cpu): string[] {
  const rows = readelf('--dyn-syms', addon(cpu))
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([, , , , bind, , section, name]) =>
    section === 'UND' && bind !== 'LOCAL' && name ? [name] : [],
  );
}

describe.each(CPUS)('the prebuilt addon for %s', (cpu) => {
  test('is what the manifest says', () => {
    const bytes = readFileSync(addon(cpu));
    expect(manifest[cpu]).toMatchObject({
      sha256: createHash('sha256').update(bytes).digest('hex'),
      size: bytes.length,
    });
    expect(readelf('--file-header', addon(cpu))).toContain(MACHINES[cpu]);
  });

  test('needs the C library alone', () => {
    const needed = [...readelf('--dynamic', addon(cpu)).matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name);
    expect(needed).toEqual(['libc.so.6']);
  });

  test('takes from Node its API and libuv, and from glibc nothing newer than 2.17', () => {
    const symbols = undefinedSymbols(cpu);
    expect(symbols).toContain('napi_define_class');
    const others = symbols.filter((name) => !/^(napi|node_api|uv)_/.test(name));
    const tooNew = others.filter((name) => Number(/@GLIBC_2\.(\d+)/.exec(name)?.[1] ?? Infinity) > NEWEST_GLIBC);
    expect(tooNew).toEqual([]);
    expect(others).toContainEqual(expect.stringMatching(/^recvmmsg@/));
  });

  test('shows no name of the C++ library to the process', () => {
    const rows = readelf('--dyn-syms', addon(cpu)).split('\n');
    const shown = rows
      .filter((row) => /\b(GLOBAL|WEAK)\b/.test(row) && !row.includes(' UND '))
      .map((row) => row.split(/\s+/).at(-1));
    expect(shown.toSorted()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  });
});

describe('npm run prebuild', () => {
  let again: string;
  beforeAll(async () => {
    again = await mkdtemp(join(tmpdir(), 'ipvs-prebuilds-'));
  });
  afterAll(() => rm(again, { recursive: true }));

  function prebuild(...args: string[]) {
    return spawnSync(process.execPath, ['scripts/prebuild.mjs', ...args], { cwd: checkoutRoot, encoding: 'utf8' });
  }

  test('keeps npm pack from packing without them', () => {
    const { scripts } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(scripts.prepack).toMatch(/^node scripts\/prebuild\.mjs check /);
    expect(prebuild('check', again)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('missing or older than native/: x64, arm64. Run: npm run prebuild'),
    });
    expect(prebuild('check')).toMatchObject({ status: 0 });
  });

  test('gives the same bytes a second time', { timeout: 300_000 }, () => {
    expect(prebuild('all', again)).toMatchObject({ status: 0 });
    for (const cpu of CPUS) expect(readFileSync(addon(cpu, again)).equals(readFileSync(addon(cpu)))).toBe(true);
    expect(readFileSync(join(again, 'manifest.json'))).toEqual(readFileSync(join(directory, 'manifest.json')));
  });
});
