import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runVerb } from '../../../src/cli/run-verb.js';

const GOLDEN = fileURLToPath(new URL('../../golden/import/', import.meta.url));
/** Files of other programs, each beside the state file that it was imported as. */
const FILES = readdirSync(GOLDEN).flatMap((name) => name.match(/^(.+)\.state\.yaml$/)?.[1] ?? []);

/** Runs `diff` where there is no kernel. */
async function diff(words: readonly string[], input = '') {
  const streams = { stdin: Readable.from([input]), stdout: new PassThrough(), stderr: new PassThrough() };
  const open = () => Promise.reject(new Error('no kernel is needed'));
  const code = await runVerb('diff', words, streams, { streams, open, env: {} });
  return { code, stdout: await text(streams.stdout.end()), stderr: await text(streams.stderr.end()) };
}

describe('a state file is what was imported', () => {
  test.each(FILES)('from %s', async (name) => {
    const state = `${GOLDEN}${name}.state.yaml`;
    expect(await diff([state, '--against', `${GOLDEN}${name}`])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await diff([state, '--against', state, '--prune'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

test('what differs is shown as against a table', async () => {
  const wanted = `
    services:
      - service: tcp://10.0.0.100:80
        scheduler: rr
        destinations: [{ address: 10.1.0.1, weight: 5 }]
    timeouts: { tcp: 900, udp: 10 }`;
  const rules = [
    '-A -t 10.0.0.100:80 -s rr',
    '-a -t 10.0.0.100:80 -r 10.1.0.1:80 -g -w 1',
    '-A -t 10.0.0.100:443 -s rr',
    '',
  ].join('\n');

  const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-diff-'));
  try {
    writeFileSync(`${directory}/wanted.yaml`, wanted);
    expect(await diff([`${directory}/wanted.yaml`, '--against', '-', '--prune'], rules)).toEqual({
      code: 2,
      stdout:
        '~ set timeouts  (udp 300 -> 10)\n' +
        '~ update destination 10.1.0.1:80 of tcp://10.0.0.100:80  (weight 1 -> 5)\n' +
        '- delete service tcp://10.0.0.100:443  (there, and not wanted)\n',
      stderr: '',
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a saved table is compared as the kernel held it', async () => {
  const wanted = '{ services: [{ service: "tcp://10.0.0.100:80", persistence: 60 }] }';
  const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-diff-'));
  try {
    writeFileSync(`${directory}/saved.rules`, '-A -t 10.0.0.100:80 -s wlc -p 0\n');
    expect(await diff(['-', '--against', `${directory}/saved.rules`], wanted)).toEqual({
      code: 2,
      stdout: '~ update service tcp://10.0.0.100:80  (persistence 0 s -> 60 s)\n',
      stderr: '',
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.each([
  [['-', '--against', '-'], 'only one of the files can be standard input'],
  [['x.yaml', '--against', 'y.yaml', '--netns', 'blue'], '--netns has no meaning'],
  [['x.yaml', '--against', '/nowhere/y.conf'], '/nowhere/y.conf: no such file or directory'],
])('%j is a usage error', async (words, message) => {
  expect(await diff(words)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
});
