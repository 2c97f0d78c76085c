import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'rolldown/utils';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const manifest: { exports: Record<string, string | Record<string, string>> } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
);
const ENTRIES = Object.keys(manifest.exports)
  .filter((name) => name !== './package.json')
  .map((name) => name.replace('.', 'ipvs-ts'));

/** The package as it is installed where there is neither Linux nor a compiler: no addon, and no `netlink`. */
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-elsewhere-'));
  const home = join(directory, 'node_modules/ipvs-ts');
  for (const file of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const path = join(home, 'dist', file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, javascript(file));
  }
  for (const file of ['package.json', 'binding.gyp']) writeFileSync(join(home, file), readFileSync(join(ROOT, file)));
  for (const name of ['zod', 'yaml', 'node-gyp-build']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(directory, 'node_modules', name));
  }
});

/** A file of src as Node 20 takes it. The compiler is slow, and needed only where there is a `using`. */
function javascript(file: string): string {
  const source = readFileSync(join(ROOT, 'src', file), 'utf8');
  if (/\busing\b/.test(source)) {
    const compilerOptions = {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
    };
    return ts.transpileModule(source, { compilerOptions }).outputText;
  }
  const { code, errors } = transformSync(file, source, { typescript: { onlyRemoveTypeImports: true } });
  if (errors.length > 0) throw new Error(`${file}: ${JSON.stringify(errors)}`);
  return code;
}

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a module there, on a machine of this platform. */
function run(platform: string, module: string, words: readonly string[] = [], input = '') {
  const file = join(directory, 'program.mjs');
  writeFileSync(file, module);
  const fake = `data:text/javascript,Object.defineProperty(process,'platform',{value:'${platform}'})`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', fake, file, ...words], {
    cwd: directory,
    encoding: 'utf8',
    input,
  });
  return { stdout, stderr, status };
}

/** Runs the command there. */
function command(platform: string, words: readonly string[], input = '') {
  return run(platform, "await import('./node_modules/ipvs-ts/dist/cli/main.js');", words, input);
}

const RULES = '-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n';

describe.each(['darwin', 'win32', 'linux'])('on %s without the addon', (platform) => {
  test('every entry can be imported', () => {
    const module = `for (const name of ${JSON.stringify(ENTRIES)}) {
      const names = Object.keys(await import(name));
      console.log(name, names.length > 0);
    }`;
    expect(run(platform, module)).toEqual({
      stdout: ENTRIES.map((name) => `${name} true\n`).join(''),
      stderr: '',
      status: 0,
    });
  });

  test('the simulated kernel serves a table', () => {
    const module = `
      import { Ipvs } from 'ipvs-ts';
      import { SimulatedKernel } from 'ipvs-ts/simulator';
      const ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
      await ipvs.restore(${JSON.stringify(RULES)});
      process.stdout.write(await ipvs.save());
    `;
    expect(run(platform, module)).toEqual({ stdout: RULES, stderr: '', status: 0 });
  });

  test('what needs the kernel says what is missing', () => {
    const { stdout } = run(
      platform,
      `import { Ipvs } from 'ipvs-ts';
       import { whoHas } from 'ipvs-ts/host';
       const report = ({ code, message }) => console.log(code, message);
       await Ipvs.open({ source: 'netlink' }).catch(report);
       await whoHas('192.0.2.1', { device: 'eth0' }).catch(report);`,
    );
    const why =
      platform === 'linux'
        ? 'ERR_UNAVAILABLE the native addon could not be loaded'
        : `ERR_UNAVAILABLE IPVS is part of the Linux kernel, and this is ${platform}`;
    expect(stdout.trimEnd().split('\n')).toEqual([expect.stringContaining(why), expect.stringContaining(why)]);
  });

  test('the command reads files and simulates', () => {
    const imported = command(platform, ['import', '--format', 'rules'], RULES);
    expect(imported).toMatchObject({ stderr: '', status: 0 });
    expect(imported.stdout).toContain('tcp://192.0.2.1:80');
    const simulated = command(
      platform,
      ['simulate', '-', '--clients', '10', '--duration', '1', '--seconds', '2'],
      RULES,
    );
    expect(simulated).toMatchObject({ stderr: '', status: 0 });
    expect(simulated.stdout).toContain('10.0.0.1:80');
    expect(command(platform, ['-A', '-t', '192.0.2.1:80'])).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining(platform === 'linux' ? 'the native addon' : `this is ${platform}`),
      status: 2,
    });
  });
});
