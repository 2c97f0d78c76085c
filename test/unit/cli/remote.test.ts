/** Verbs that ask a running serve, beside the same verbs on the kernel that it serves. */
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';
import { runVerb } from '../../../src/cli/run-verb.js';
import { VERBS } from '../../../src/cli/verbs.js';
import { RemoteDirector } from '../../../src/client/remote-director.js';
import { hasOpenssl } from '../certificate.js';
import { type Daemon, KEY, useDaemon, yaml } from '../daemon/fixture.js';
import { startTcp } from '../daemon/tcp.js';

const context = useDaemon();
const TWO = yaml('10.0.0.1', '10.0.0.2');

async function ipvsTs(verb: string, words: readonly string[], env: NodeJS.ProcessEnv = {}, stdin = '') {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = Promise.all([text(stdout), text(stderr)]);
  const streams = { stdin: Readable.from([stdin]), stdout, stderr };
  const { kernel } = context.daemon;
  const open = async () => (await import('../../../src/ipvs.js')).Ipvs.open({ kernel });
  const code = await runVerb(verb, words, streams, { streams, open, env });
  stdout.end();
  stderr.end();
  const [out, err] = await output;
  return { code, stdout: out, stderr: err };
}

async function started(): Promise<{ daemon: Daemon; api: string[] }> {
  const { daemon } = context;
  daemon.write(TWO);
  await daemon.start();
  for (const port of [1024, 1025, 1026]) {
    const virtual = { address: '192.0.2.1', port: 80 };
    daemon.kernel.connect({ protocol: 'tcp', virtual, client: { address: '198.51.100.1', port } });
  }
  return { daemon, api: ['--api', `unix:${daemon.socket}`] };
}

describe('what is shown is what the kernel there has', () => {
  test.each([
    ['list', []],
    ['list', ['--json']],
    ['settings', []],
    ['settings', ['--json']],
    ['connections', ['--sort', 'client']],
    ['connections', ['--count', '--client', '198.51.100.0/24']],
    ['connections', ['--json', '--server', '10.0.0.1']],
    ['export', []],
    ['top', ['--once']],
  ] as const)('%s %j', async (verb, words) => {
    const { api } = await started();
    const here = await ipvsTs(verb, words);
    const there = await ipvsTs(verb, [...words, ...api]);
    // The time of a reading.
    const timeless = (shown: string) => shown.replace(/\d\d:\d\d:\d\d\.\d+/g, '');
    expect({ ...there, stdout: timeless(there.stdout) }).toEqual({ ...here, stdout: timeless(here.stdout) });
    expect(here.stdout).not.toBe('');
  });

  test('--server with a URL is the same', async () => {
    const { daemon, api } = await started();
    const expected = await ipvsTs('list', api);
    expect(await ipvsTs('list', ['--server', `unix:${daemon.socket}`])).toEqual(expected);
    expect(await ipvsTs('list', [`--server=unix:${daemon.socket}`])).toEqual(expected);
    const some = ['--server', '10.0.0.1', '--count'];
    expect(await ipvsTs('connections', [...some, '--server', `unix:${daemon.socket}`])).toEqual(
      await ipvsTs('connections', some),
    );
  });

  test('health, doctor, version', async () => {
    const { daemon } = context;
    const checked = `services:\n  - service: ${KEY}\n    checks: [{ type: file, path: /nowhere }]\n    destinations: [10.0.0.1]\n`;
    daemon.write(checked);
    await daemon.start();
    const api = ['--api', `unix:${daemon.socket}`];
    await vi.waitFor(async () => expect((await ipvsTs('health', api)).stdout).toContain('down      10.0.0.1:80'));
    expect((await ipvsTs('health', api)).code).toBe(1);
    expect(JSON.parse((await ipvsTs('health', ['--json', ...api])).stdout).servers).toHaveLength(1);
    expect(await ipvsTs('doctor', api)).toEqual({
      code: 0,
      stdout: 'Nothing is wrong with this director.\n',
      stderr: '',
    });
    expect((await ipvsTs('version', api)).stdout).toContain(`IPVS 1.2.1; you are unix:${userInfo().username}, admin`);
  });
});

describe('what is changed', () => {
  test('connections are ended', async () => {
    const { daemon, api } = await started();
    const ended = await ipvsTs('connections', ['--end', '--yes', '--client', '198.51.100.1', ...api]);
    expect(ended).toMatchObject({ code: 0, stdout: 'ended 3 of 3 connections\n' });
    expect((await daemon.ipvs.listConnections()).filter(({ state }) => state === 'SYN_RECV')).toEqual([]);
    expect((await ipvsTs('connections', ['--save', '-', ...api])).stderr).toContain('--api has no meaning with --save');
  });

  test('weights and overrides', async () => {
    const { daemon, api } = await started();
    expect(await ipvsTs('weight', [KEY, '10.0.0.1', '5', '--reason', 'disk', ...api])).toMatchObject({
      code: 0,
      stderr: '',
    });
    await vi.waitFor(async () => expect(await daemon.servers()).toBe('10.0.0.1 5, 10.0.0.2 1'));
    expect((await ipvsTs('overrides', api)).stdout).toMatch(
      /10\.0\.0\.1:80 of tcp:\/\/192\.0\.2\.1:80: weight 5, by .*: disk\n/,
    );
    expect((await ipvsTs('weight', [KEY, '10.0.0.1', '--reset', ...api])).stdout).toContain('ended, ');
    expect(await ipvsTs('weight', [KEY, '10.0.0.1', '--reset', ...api])).toMatchObject({ code: 1 });
    expect((await ipvsTs('weight', [KEY, '10.0.0.9', '5', ...api])).stderr).toContain('there is no such real server');
    await ipvsTs('weight', [KEY, '10.0.0.2', '50%', ...api]);
    expect((await ipvsTs('overrides', ['clear', ...api])).stdout).toContain(': ended\n');
    expect(JSON.parse((await ipvsTs('overrides', ['--json', ...api])).stdout).overrides).toEqual([]);
  });

  test('a drain is waited for', async () => {
    const { daemon, api } = await started();
    await daemon.ipvs.endConnections({});
    const words = ['--service', KEY, '--server', '10.0.0.1', '--poll', '0.02', ...api];
    const drained = await ipvsTs('drain', words);
    expect(drained).toMatchObject({ code: 0, stderr: '' });
    expect(drained.stdout).toMatch(/^10\.0\.0\.1:80 of tcp:\/\/192\.0\.2\.1:80: drained, removed after \d+\.\d s\n$/);
    expect(await daemon.servers()).toBe('10.0.0.2 1');
    expect((await ipvsTs('drain', ['--resume', ...api])).stderr).toContain('--resume has no meaning with --api');
  });

  test("diff and apply: the file takes the place of the director's", async () => {
    const { daemon, api } = await started();
    const file = join(daemon.root, 'next.yaml');
    writeFileSync(file, yaml('10.0.0.1', '10.0.0.2', '10.0.0.3'));
    const line = `+ add destination 10.0.0.3:80 of ${KEY}  `;
    const diff = await ipvsTs('diff', [file, ...api]);
    expect(diff.code).toBe(2);
    expect(diff.stdout).toContain(line.trimEnd());
    const planned = await ipvsTs('apply', [file, '--dry-run', ...api]);
    const before = (await daemon.etag()).replaceAll('"', '');
    expect(planned).toEqual({ code: 0, stdout: diff.stdout, stderr: `this replaces revision ${before}\n` });
    expect(daemon.text).toBe(TWO);
    expect(await ipvsTs('apply', [file, '--reason', 'more', ...api])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: diff.stdout,
    });
    expect(await daemon.servers()).toBe('10.0.0.1 1, 10.0.0.2 1, 10.0.0.3 1');
    expect((await daemon.ask('GET', '/v1/history')).json[0]).toMatchObject({ reason: 'more' });
    // Who planned before must look again.
    writeFileSync(file, yaml('10.0.0.1'));
    expect(await ipvsTs('apply', [file, '--revision', before, ...api])).toEqual({
      code: 1,
      stdout: '',
      stderr: "ipvs-ts: apply: somebody else has changed the director's file meanwhile; nothing was changed\n",
    });
    expect(await daemon.servers()).toBe('10.0.0.1 1, 10.0.0.2 1, 10.0.0.3 1');
    expect((await ipvsTs('apply', [file, '--revision', 'x', ...api])).stderr).toContain('must be 64 hexadecimal');
    expect((await ipvsTs('apply', [file, '--revision', before])).stderr).toContain('--revision goes with --api');
    writeFileSync(file, 'services:\n  - service: web\n');
    const bad = await ipvsTs('apply', [file, ...api]);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain('document:2:');
    expect((await ipvsTs('apply', [file, '--prune', ...api])).stderr).toContain('--prune has no meaning with --api');
    expect((await ipvsTs('apply', [file, '--reason', 'x'])).stderr).toContain('--reason goes with --api');
  });
});

test('apply refuses when the file changes between its plan and its change', async () => {
  const { daemon, api } = await started();
  const file = join(daemon.root, 'next.yaml');
  writeFileSync(file, yaml('10.0.0.1', '10.0.0.2', '10.0.0.3'));
  const put = RemoteDirector.prototype.putDesired;
  const spy = vi.spyOn(RemoteDirector.prototype, 'putDesired').mockImplementation(async function (
    this: RemoteDirector,
    ...args
  ) {
    const result = await put.apply(this, args);
    if (args[1]?.dryRun) daemon.write(yaml('10.0.0.2'));
    return result;
  });
  try {
    const { code, stdout, stderr } = await ipvsTs('apply', [file, ...api]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('nothing was changed')]);
    expect(stdout).toContain('+ add destination 10.0.0.3:80');
    expect(daemon.text).toBe(yaml('10.0.0.2'));
  } finally {
    spy.mockRestore();
  }
});

test('simulate asks about the table of the director, and about a file in its place', async () => {
  const { daemon, api } = await started();
  const traffic = ['--rate', '100', '--seconds', '2', '--json'];
  const there = await ipvsTs('simulate', [...traffic, ...api]);
  expect(there).toEqual(await ipvsTs('simulate', ['--live', ...traffic]));
  expect(there.code).toBe(0);
  const file = join(daemon.root, 'next.yaml');
  writeFileSync(file, yaml('10.0.0.2', '10.0.0.3'));
  const changed = await ipvsTs('simulate', [file, ...traffic, ...api]);
  const same = await ipvsTs('simulate', ['--remove', '10.0.0.1', '--add', '10.0.0.3', ...traffic, ...api]);
  const byServer = (text: string) =>
    JSON.parse(text)[0].servers.map((each: { address: string; weight: number }) => `${each.address} ${each.weight}`);
  expect(byServer(changed.stdout).sort()).toEqual(['10.0.0.1 0', '10.0.0.2 1', '10.0.0.3 1']);
  expect(byServer(same.stdout).sort()).toEqual(['10.0.0.1 0', '10.0.0.2 1', '10.0.0.3 1']);
  expect(daemon.text).toBe(TWO);
  expect((await ipvsTs('simulate', [file, '--add', '10.0.0.9', ...api])).code).toBe(2);
  expect((await ipvsTs('simulate', ['--live', ...api])).stderr).toContain('--live has no meaning with --api');
});

describe('what is refused', () => {
  test('a verb that asks no director says why', async () => {
    const { api } = await started();
    const without = VERBS.filter(({ options }) => !('api' in options)).map(({ name }) => name);
    expect(without).toContain('keep');
    for (const verb of without) {
      const { code, stderr } = await ipvsTs(verb, api);
      expect([code, stderr], verb).toEqual([
        2,
        expect.stringMatching(/takes no --api: (it|tokens|the director|"export") /),
      ]);
    }
  });

  test('a namespace of another host, an address that is none, nobody there', async () => {
    const { daemon, api } = await started();
    expect(await ipvsTs('list', ['--netns', 'x', ...api])).toMatchObject({ code: 2 });
    expect((await ipvsTs('list', ['--api', 'ftp://x'])).stderr).toContain('url: must be unix:');
    expect((await ipvsTs('list', ['--api', 'https://127.0.0.1:1'])).stderr).toContain('token: is required');
    await daemon.end();
    expect(await ipvsTs('list', api)).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOENT') });
  });
});

test.skipIf(!hasOpenssl)('by TCP, with token and authority of the environment', async () => {
  context.daemon.write(TWO);
  const there = await startTcp(context.daemon);
  const api = ['--api', `https://127.0.0.1:${there.port}`];
  const env = { IPVS_TS_TOKEN: there.tokens.reader, IPVS_TS_CA: there.certificate.certFile };
  expect(await ipvsTs('list', api, env)).toEqual(await ipvsTs('list', []));
  expect((await ipvsTs('version', api, env)).stdout).toContain('you are rita, reader');
  const refused = await ipvsTs('weight', [KEY, '10.0.0.1', '5', ...api], env);
  expect(refused).toMatchObject({ code: 1, stderr: 'ipvs-ts: needs the role operator; rita is reader\n' });
  expect((await ipvsTs('list', api, { ...env, IPVS_TS_CA: '/nowhere' })).stderr).toContain('/nowhere: ');
});
