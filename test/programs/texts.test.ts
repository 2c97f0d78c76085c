/** The texts that other programs read: scripts, units and the manual page, read by those programs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manPage } from '../../src/cli/man.js';
import { OUTCOMES } from '../unit/host-script/script-outcomes.js';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-texts-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const made = OUTCOMES.filter(({ refused }) => !refused);
const NOT_SHELL: readonly string[] = ['systemd', 'hostname.if', 'rc.conf', 'powershell'];
const shell = made.filter(({ request }) => !NOT_SHELL.includes(request.form));

/** Many at once: starting shellcheck is what takes time. */
test('shellcheck finds nothing wrong with the scripts', () => {
  expect(shell.length).toBeGreaterThan(20);
  const names = shell.map(({ name, text }) => {
    writeFileSync(join(directory, name), text);
    return name;
  });
  const { status, stdout } = spawnSync('shellcheck', ['--shell=sh', ...names], { cwd: directory, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});

/** systemd wants programs that exist: any will do. It calls an unknown key a warning, so what it writes counts. */
describe('systemd-analyze finds nothing wrong', () => {
  function complaints(text: string): { status: number | null; complaints: string[] } {
    const path = join(directory, 'unit-under-test.service');
    writeFileSync(path, text.replaceAll(/\/usr\/local\/s?bin\/[a-z-]+/g, process.execPath));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
    // What it thinks of other units of the machine is not meant.
    return { status, complaints: stderr.split('\n').filter((line) => line.includes('unit-under-test.service')) };
  }

  test.each(made.filter(({ request }) => request.form === 'systemd'))('$name', ({ text }) => {
    expect(complaints(text)).toEqual({ status: 0, complaints: [] });
  });

  const example = (name: string) =>
    readFileSync(new URL(`../../examples/systemd/${name}.service`, import.meta.url), 'utf8');
  const debian = example('ipvs-ts');
  test.each([
    ['ipvs-ts', debian],
    // With the other path: what stands in comments in, what it replaces out.
    ['ipvs-ts on Fedora', debian.replaceAll(/^(Environment)=.*\n#(\1=)/gm, '$2')],
    ['ipvs-ts-connections', example('ipvs-ts-connections')],
    ['ipvs-ts-keep', example('ipvs-ts-keep')],
    ['ipvs-ts-serve', example('ipvs-ts-serve')],
  ])('%s', (_, text) => {
    expect(complaints(text)).toEqual({ status: 0, complaints: [] });
  });
});

test('groff warns of nothing in the manual page', () => {
  const { stderr, status } = spawnSync('groff', ['-man', '-ww', '-Tutf8'], { input: manPage(), encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});
