import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseArguments } from '../../src/cli/parse-verb.js';
import { VERBS } from '../../src/cli/verbs.js';

const UNITS = fileURLToPath(new URL('../../examples/systemd/', import.meta.url));

function settings(unit: string, name: string): string[] {
  const lines = readFileSync(join(UNITS, unit), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));
}

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'unit-'));
  const program = join(directory, 'ipvs-ts');
  writeFileSync(program, `#!/bin/sh\necho "$*" >>${directory}/calls\necho saved\n`);
  chmodSync(program, 0o755);
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Runs the shell commands of a setting as systemd does, and says how the program was called. */
function run(unit: string, name: string, env: Readonly<Record<string, string>>): string {
  for (const line of settings(unit, name)) {
    const [, text] = /^-?\/bin\/sh -ec '(.*)'$/.exec(line) ?? [];
    if (text === undefined) continue;
    const here = text.replaceAll('/usr/local/bin/ipvs-ts', join(directory, 'ipvs-ts'));
    execFileSync('/bin/sh', ['-ec', here], { env: { ...process.env, ...env }, stdio: 'pipe' });
  }
  const calls = join(directory, 'calls');
  return existsSync(calls) ? readFileSync(calls, 'utf8') : '';
}

describe('ipvs-ts.service', () => {
  test('starts without rules, and saves those that it has in the end', () => {
    const rules = join(directory, 'rules');
    expect(settings('ipvs-ts.service', 'ConditionPathExists')).toEqual([]);
    expect(run('ipvs-ts.service', 'ExecStart', { RULES: rules })).toBe('');
    expect(run('ipvs-ts.service', 'ExecStop', { RULES: rules })).toBe('save --full\n');
    expect(readFileSync(rules, 'utf8')).toBe('saved\n');
  });

  test('restores the rules that are there', () => {
    const rules = join(directory, 'rules');
    writeFileSync(rules, '-A -t 192.0.2.1:80\n');
    expect(run('ipvs-ts.service', 'ExecStart', { RULES: rules })).toBe(`restore --replace ${rules}\n`);
  });
});

describe('ipvs-ts-connections.service', () => {
  const UNIT = 'ipvs-ts-connections.service';

  test('starts without connections', () => {
    expect(run(UNIT, 'ExecStart', { CONNECTIONS: join(directory, 'connections') })).toBe('');
  });

  test('puts connections back once', () => {
    const file = join(directory, 'connections');
    writeFileSync(file, 'saved');
    expect(run(UNIT, 'ExecStart', { CONNECTIONS: file })).toBe(`connections --restore ${file}.used\n`);
    expect(readFileSync(`${file}.used`, 'utf8')).toBe('saved');
    expect(run(UNIT, 'ExecStart', { CONNECTIONS: file })).toBe(`connections --restore ${file}.used\n`);
  });

  test('saves, whatever became of the start', () => {
    expect(settings(UNIT, 'ExecStart')).toEqual([expect.stringMatching(/^-/)]);
    expect(settings(UNIT, 'ExecStop')).toEqual([`/usr/local/bin/ipvs-ts connections --save \${CONNECTIONS}`]);
  });

  test('comes after whatever makes the table, and before what draws clients', () => {
    const after = settings(UNIT, 'After').flatMap((line) => line.split(' '));
    expect(after).toEqual(expect.arrayContaining(['ipvs-ts.service', 'ipvs-ts-keep.service', 'ipvs-ts-serve.service']));
    expect(settings(UNIT, 'Before').flatMap((line) => line.split(' '))).toContain('ipvs-ts-director.service');
  });
});

test.each(readdirSync(UNITS))('%s calls verbs as they are', (unit) => {
  const lines = ['ExecStart', 'ExecReload', 'ExecStop'].flatMap((name) => settings(unit, name));
  const calls = lines.flatMap((line) => /\/usr\/local\/bin\/ipvs-ts ([a-z][^;'>]*)/.exec(line)?.[1] ?? []);
  expect(calls.length).toBeGreaterThan(0);
  for (const call of calls) {
    const [name = '', ...words] = call.trim().split(' ');
    const verb = VERBS.find((one) => one.name === name);
    expect(verb, call).toBeDefined();
    if (verb !== undefined) expect(() => parseArguments(verb, words), call).not.toThrow();
  }
});
