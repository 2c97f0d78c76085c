import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { useBoth } from './fixture.js';

const MAIN = fileURLToPath(new URL('../../dist/bin/ipvs-ts.cjs', import.meta.url));

const both = useBoth();
const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-desired-'));
afterAll(() => rmSync(directory, { recursive: true }));
const ENV = { ...process.env, IPVS_TS_RUN_DIRECTORY: join(directory, 'run') };

const WANTED = `
pools:
  web: [192.0.2.11, { address: 192.0.2.12, weight: 3 }]
services:
  - service: tcp://192.0.2.100:80
    scheduler: wrr
    forward: nat
    pool: web
`;
const TABLE = [
  '-A -t 192.0.2.100:80 -s wrr',
  '-a -t 192.0.2.100:80 -r 192.0.2.11:80 -m -w 1',
  '-a -t 192.0.2.100:80 -r 192.0.2.12:80 -m -w 3',
  '',
].join('\n');

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function ipvsTs(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', env: ENV });
  return { status, stdout, stderr };
}

describe('diff and apply', () => {
  test('show what is to be done, do it once, and leave alone what is not theirs', async () => {
    const wanted = file('wanted.yaml', WANTED);
    await both.ipvsadm.ok('-A -f 7 -s rr');
    const stays = '  fwmark://7 is not in the file, and stays (--prune deletes it)\n';
    const steps =
      '+ add service tcp://192.0.2.100:80  (wanted, and not there)\n' +
      '+ add destination 192.0.2.11:80 of tcp://192.0.2.100:80  (wanted, and not there)\n' +
      '+ add destination 192.0.2.12:80 of tcp://192.0.2.100:80  (wanted, and not there)\n' +
      stays;
    expect(ipvsTs('diff', wanted)).toEqual({ status: 2, stdout: steps, stderr: '' });
    expect(ipvsTs('apply', '--dry-run', wanted)).toEqual({ status: 0, stdout: steps, stderr: '' });
    expect(await both.ipvsadm.ok('-Sn')).toBe('-A -f 7 -s rr\n');
    expect(ipvsTs('apply', wanted)).toEqual({ status: 0, stdout: steps, stderr: '' });
    expect(await both.ipvsadm.ok('-Sn')).toBe(`${TABLE}-A -f 7 -s rr\n`);
    expect(ipvsTs('diff', wanted)).toEqual({ status: 2, stdout: stays, stderr: '' });
    expect(ipvsTs('diff', '--scope', '192.0.2.0/24', wanted)).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(ipvsTs('apply', '--prune', wanted)).toMatchObject({ status: 0 });
    expect(await both.ipvsadm.ok('-Sn')).toBe(TABLE);
  });

  test('tell a mistake in the file from a difference', async () => {
    const mistake = file('mistake.yaml', 'services:\n  - service: tcp://192.0.2.100:99999\n');
    const message = `ipvs-ts: ${mistake}:2:14: services[0].service: `;
    expect(ipvsTs('diff', mistake)).toMatchObject({ status: 1, stderr: expect.stringContaining(message) });
    expect(ipvsTs('apply', mistake)).toMatchObject({ status: 2, stderr: expect.stringContaining(message) });
    expect(ipvsTs('diff', join(directory, 'nowhere'))).toMatchObject({ status: 1 });
  });
});

test('what export writes makes no difference', async () => {
  await both.ipvsadm.ok('-R', `${TABLE}-A -u [2001:db8::1]:53 -s sh -b sh-port -p 90 -M 64\n`);
  const { stdout, status } = ipvsTs('export');
  expect(status).toBe(0);
  expect(ipvsTs('diff', '--prune', file('export.yaml', stdout))).toEqual({ status: 0, stdout: '', stderr: '' });
});

test.each(['keepalived', 'ldirectord', 'lvs.cf', 'ipvsctl', 'rules'])(
  'what export writes for %s comes back by import',
  async (format) => {
    await both.ipvsadm.ok(
      '-R',
      `${TABLE}-A -t 192.0.2.101:80 -s rr\n-a -t 192.0.2.101:80 -r 192.0.2.13:80 -m -w 1 -x 9\n`,
    );
    const exported = ipvsTs('export', '--format', format);
    expect(exported.status).toBe(0);
    const told = ['lvs.cf', 'ipvsctl'].includes(format);
    expect(exported.stderr.includes('not exported: 192.0.2.13:80 of tcp://192.0.2.101:80: ')).toBe(told);
    const imported = ipvsTs('import', '--format', format, file(`exported.${format}`, exported.stdout));
    const state = file(`${format}.yaml`, imported.stdout);
    const difference = ipvsTs('diff', '--prune', state);
    if (told)
      expect(difference.stdout).toMatch(/^~ update destination 192\.0\.2\.13:80 of tcp:\/\/192\.0\.2\.101:80 .*\n$/);
    else expect(difference).toMatchObject({ status: 0, stdout: '' });
  },
);

test('drain takes an idle server out, and says so', async () => {
  await both.ipvsadm.ok('-R', TABLE);
  const words = ['--service', 'tcp://192.0.2.100:80', '--server', '192.0.2.11', '--poll', '0.05'];
  expect(ipvsTs('drain', ...words)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^192\.0\.2\.11:80 of tcp:\/\/192\.0\.2\.100:80: no connections left .*, removed\n$/),
    stderr: expect.stringContaining('net.ipv4.vs.expire_nodest_conn: '),
  });
  expect(await both.ipvsadm.ok('-Sn')).not.toContain('192.0.2.11');
  expect(ipvsTs('drain', ...words)).toMatchObject({
    status: 1,
    stdout: '192.0.2.11:80 of tcp://192.0.2.100:80: there is no such real server; nothing was changed\n',
  });
  const override = /^override: 192\.0\.2\.11:80 of tcp:\/\/192\.0\.2\.100:80: drained, removed, by /;
  expect(ipvsTs('diff', file('drained.yaml', WANTED))).toMatchObject({
    status: 0,
    stdout: '',
    stderr: expect.stringMatching(override),
  });
  expect(ipvsTs('overrides', 'clear')).toMatchObject({ status: 0, stdout: expect.stringMatching(/: ended\n$/) });
  expect(ipvsTs('diff', file('drained.yaml', WANTED))).toMatchObject({ status: 2, stderr: '' });
});

test('keep applies, mends, reads anew, refuses a broken file, and withdraws', async () => {
  const path = file('kept.yaml', WANTED);
  const child = spawn(
    process.execPath,
    [MAIN, 'keep', path, '--interval', '0.2', '--settle', '0.1', '--withdraw', '--json'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: ENV,
    },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<{ type: string; error?: string }> => JSON.parse((await lines.next()).value ?? '{}');
  expect(await next()).toMatchObject({ type: 'applied' });
  expect(await next()).toMatchObject({ type: 'ready' });
  expect(await both.ipvsadm.ok('-Sn')).toBe(TABLE);

  await both.ipvsadm.ok('-D -t 192.0.2.100:80');
  expect(await next()).toMatchObject({ type: 'drift' });
  expect(await both.ipvsadm.ok('-Sn')).toBe(TABLE);

  writeFileSync(path, WANTED.replace('wrr', 'rr'));
  expect(await next()).toMatchObject({ type: 'reloading' });
  expect(await next()).toMatchObject({ type: 'applied' });
  expect(await both.ipvsadm.ok('-Sn')).toBe(TABLE.replace('wrr', 'rr'));

  writeFileSync(path, 'services: [');
  expect(await next()).toMatchObject({ type: 'reloading' });
  expect(await next()).toMatchObject({ type: 'bad-source', error: expect.stringContaining('kept.yaml:') });
  expect(await both.ipvsadm.ok('-Sn')).toBe(TABLE.replace('wrr', 'rr'));

  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await next()).toMatchObject({ type: 'stopping' });
  expect(await next()).toMatchObject({ type: 'withdrawn' });
  expect(await ended).toEqual([0, null]);
  expect(await both.ipvsadm.ok('-Sn')).toBe('');
});
