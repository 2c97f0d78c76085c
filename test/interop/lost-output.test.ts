/** What becomes of the work of a command whose streams go away, fill up or are not what they should be. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Host, Lan } from '../lab/network.js';

const MAIN = fileURLToPath(new URL('../../dist/bin/ipvs-ts.cjs', import.meta.url));
const COMMAND = `'${process.execPath}' '${MAIN}'`;

let lan: Lan;
let host: Host;
let netns = '';
beforeAll(async () => {
  lan = await Lan.create();
  host = await lan.host('host', '10.0.0.2/24');
  netns = `--netns ${host.namespacePath}`;
});
afterAll(() => lan[Symbol.asyncDispose]());

/** The exit code of the first program of a pipe, and what was written to standard error. */
function pipe(script: string): { code: number; stderr: string } {
  const { stderr, stdout } = spawnSync('bash', ['-c', `${script}; echo "code \${PIPESTATUS[0]}"`], {
    encoding: 'utf8',
  });
  return { code: Number(/code (\d+)\n$/.exec(stdout)?.[1]), stderr };
}

const vips = async () =>
  (await host.run('ip', 'address', 'show', 'dev', 'lo')).match(/ 10\.0\.0\.\d+\/32/g)?.length ?? 0;

describe('a set-up is finished', () => {
  const up = () => `${COMMAND} realserver up --force --mode dr --vip 10.0.0.150-10.0.0.169 ${netns}`;
  const down = () => `${COMMAND} realserver down ${netns}`;

  test('when the reader of its report goes away', async () => {
    expect(pipe(`${up()} | true`)).toEqual({ code: 0, stderr: '' });
    expect(await vips()).toBe(20);
    expect(pipe(`${down()} | grep -q done`)).toEqual({ code: 0, stderr: '' });
    expect(await vips()).toBe(0);
  });

  test('when its report finds no room, and the exit code says that', async () => {
    const stderr = 'ipvs-ts: standard output: no space left on device\n';
    expect(pipe(`${up()} > /dev/full`)).toEqual({ code: 1, stderr });
    expect(await vips()).toBe(20);
    expect(pipe(`${down()} > /dev/full 2>&1`)).toEqual({ code: 1, stderr: '' });
    expect(await vips()).toBe(0);
  });
});

describe('output that is the work itself', () => {
  test.each(['-Ln', 'list'])('ends with 1 where there is no room: %s', (words) => {
    expect(pipe(`${COMMAND} ${words} > /dev/full`)).toEqual({
      code: 1,
      stderr: 'ipvs-ts: standard output: no space left on device\n',
    });
  });

  test.each(['-Ln', 'list'])('ends as SIGPIPE ends a program where nobody reads it: %s', (words) => {
    expect(pipe(`(sleep 0.3; ${COMMAND} ${words}; echo "inner $?" >&2) | true`).stderr).toBe('inner 141\n');
  });
});

test('a report of mistakes that nobody hears changes no exit code', () => {
  expect(pipe(`${COMMAND} nonsense 2> /dev/full`).code).toBe(2);
  expect(pipe(`${COMMAND} -A 2> /dev/full`).code).toBe(2);
});

describe('mistakes of the user take one line', () => {
  test.each([
    ['keep /nodir/x', 2],
    ['apply /nodir/x', 2],
    ['realserver up --mode dr --vip 10.0.0.150 --record /dev/null/x', 1],
  ])('%s', (words, code) => {
    const result = pipe(`${COMMAND} ${words}`);
    expect(result).toEqual({ code, stderr: expect.stringMatching(/^ipvs-ts: [^\n]*\n$/) });
  });
});
