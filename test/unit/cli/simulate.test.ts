import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { run } from '../../../src/cli/run.js';

const RULES = `-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 3
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1
`;
const STATE = `
services:
  - { service: 'tcp://192.0.2.1:80', scheduler: wrr, forward: nat, destinations: [{ address: 10.0.0.1, weight: 3 }, 10.0.0.2] }
`;

const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-simulate-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

async function simulate(words: string, stdin = ''): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const into = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        done();
      },
    });
  const streams = { stdin: Readable.from([stdin]), stdout: into('stdout'), stderr: into('stderr') };
  return { code: await run(['simulate', ...words.split(' ')], streams), ...written };
}

interface Result {
  scheduler: string;
  connections: number;
  servers: { address: string; connections: number; share: number }[];
}

test('rules, from a file or standard input, and a state file say the same', async () => {
  const options = '--rate 100 --seconds 4 --arrival constant --json';
  const { stdout, code } = await simulate(`${file('rules', RULES)} ${options}`);
  expect(code).toBe(0);
  const [result]: Result[] = JSON.parse(stdout);
  expect(result).toMatchObject({ scheduler: 'wrr', connections: 399 });
  expect(result?.servers.map(({ address, connections }) => [address, connections])).toEqual([
    ['10.0.0.1', 299],
    ['10.0.0.2', 100],
  ]);
  expect(await simulate(`- ${options}`, RULES)).toEqual({ code: 0, stdout, stderr: '' });
  expect(await simulate(`${file('state.yaml', STATE)} ${options}`)).toEqual({ code: 0, stdout, stderr: '' });
});

test('schedulers are compared while a server comes, as a table and as a chart', async () => {
  const chart = join(directory, 'chart.svg');
  const words = `${file('rules', RULES)} --schedulers rr,mh --rate 200 --seconds 4 --clients 50 --add 10.0.0.3=2 --chart ${chart}`;
  const { code, stdout } = await simulate(words);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^rr: \d+ connections, 0 refused, .* of 50 clients \d+ moved/);
  expect(stdout).toMatch(/\nmh: \d+ connections/);
  expect(stdout).toMatch(/10\.0\.0\.3:80 +2 /);
  const svg = readFileSync(chart, 'utf8');
  expect(svg).toMatch(/^<svg /);
  for (const word of ['rr', 'mh', '10.0.0.1', '10.0.0.3']) expect(svg).toContain(`>${word}</text>`);
});

test('the same seed gives the same answer', async () => {
  const words = `${file('rules', RULES)} --rate 50 --seconds 2 --schedulers twos --json --seed`;
  const first = await simulate(`${words} 7`);
  expect(await simulate(`${words} 7`)).toEqual(first);
  expect((await simulate(`${words} 8`)).stdout).not.toBe(first.stdout);
});

test.each([
  ['/nowhere', '/nowhere: no such file'],
  ['- --rate many', '--rate'],
  ['- --schedulers nonsense', 'nonsense'],
  ['- --live', '--live takes no file'],
])('what is wrong is told: %s', async (words, message) => {
  const { code, stderr, stdout } = await simulate(words, RULES);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
});
