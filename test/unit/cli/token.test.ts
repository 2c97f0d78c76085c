import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runVerb } from '../../../src/cli/run-verb.js';
import { TokenFile } from '../../../src/daemon/tokens.js';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-token-'));
  file = join(directory, 'tokens.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

async function ipvsTs(verb: string, ...words: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = Promise.all([text(stdout), text(stderr)]);
  const streams = { stdin: Readable.from(['']), stdout, stderr };
  const open = () => Promise.reject(new Error('no table is needed'));
  const code = await runVerb(verb, words, streams, { streams, open, env: {} });
  stdout.end();
  stderr.end();
  const [out, err] = await output;
  return { code, stdout: out, stderr: err };
}

test('a token is made, listed, and taken back', async () => {
  const made = await ipvsTs('token', 'create', 'anna', '--role', 'operator', '--file', file);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(new TokenFile(file).find(made.stdout.trim())).toEqual({ name: 'anna', role: 'operator' });
  expect((await ipvsTs('token', '--file', file)).stdout).toMatch(/^anna operator since \d{4}-\S+Z\n$/);
  const [listed] = JSON.parse((await ipvsTs('token', 'list', '--json', '--file', file)).stdout);
  expect(listed).toEqual({ name: 'anna', role: 'operator', created: expect.any(Number) });
  expect(await ipvsTs('token', 'revoke', 'anna', '--file', file)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect((await ipvsTs('token', 'list', '--file', file)).stdout).toBe('');
});

test.each([
  [['create', 'anna'], 'create needs --role'],
  [['create', '--role', 'admin'], 'create needs NAME'],
  [['create', 'a b', '--role', 'admin'], 'token: name: must be 1 to 64 letters'],
  [['create', 'anna', '--role', 'root'], '--role must be reader, operator or admin'],
  [['revoke', 'anna'], 'token: name: there is no token "anna"'],
  [['revoke'], 'revoke needs NAME'],
  [['list', 'anna'], 'list takes no NAME'],
  [['create', 'anna', '--role', 'admin', '--json'], '--json goes with list'],
])('token %j is refused', async (words, message) => {
  const { code, stdout, stderr } = await ipvsTs('token', ...words, '--file', file);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});

test.each([
  [['--tls-cert', 'x'], 'go with --listen'],
  [['--listen', '0.0.0.0:8443'], '--listen needs --tls-cert and --tls-key'],
  [['--listen', 'localhost:8443', '--tls-cert', 'x', '--tls-key', 'x'], '--listen must be ADDR:PORT'],
])('serve %j is refused', async (words, message) => {
  const { code, stderr } = await ipvsTs('serve', 'state.yaml', ...words);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
