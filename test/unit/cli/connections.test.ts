/** `ipvs-ts connections` where it changes the table, on the simulated kernel. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runVerb } from '../../../src/cli/run-verb.js';
import { Ipvs } from '../../../src/ipvs.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'connections-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function director(calls: number): Promise<SimulatedKernel> {
  const kernel = new SimulatedKernel();
  await using ipvs = await Ipvs.open({ kernel });
  await ipvs.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' });
  for (const address of ['198.51.100.1', '198.51.100.2']) {
    await ipvs.addDestination('tcp://192.0.2.1:80', { address, forward: 'dr' });
  }
  for (let port = 1; port <= calls; port++) {
    const client = { address: '203.0.113.7', port };
    kernel.connect({ protocol: 'tcp', client, virtual: { address: '192.0.2.1', port: 80 } }).connection?.send('ACK');
  }
  return kernel;
}

async function run(kernel: SimulatedKernel, ...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const streams = { stdin: Readable.from([]), stdout, stderr };
  const code = await runVerb('connections', args, streams, { streams, open: () => Ipvs.open({ kernel }), env: {} });
  stdout.end();
  stderr.end();
  return { code, out: await text(stdout), err: await text(stderr) };
}

test('--end ends what is selected', async () => {
  const kernel = await director(4);
  const ended = await run(kernel, '--server', '198.51.100.1', '--end', '--yes');
  expect(ended).toEqual({ code: 0, out: 'ended 2 of 2 connections\n', err: '' });
  expect((await run(kernel, '--count')).out).toBe('2\n');
});

test('--move-to moves what is selected, and says what it left', async () => {
  const kernel = await director(2);
  const moved = await run(kernel, '--move-to', '198.51.100.2', '--yes');
  expect(moved).toEqual({ code: 0, out: 'moved 1 of 1 connection\n', err: '' });
  const refused = await run(kernel, '--move-to', '198.51.100.9', '--yes');
  expect(refused.code).toBe(1);
  expect(refused.out).toContain('moved 0 of 2 connections\nleft: 203.0.113.7 port ');
});

test('--save and --restore carry a table over', async () => {
  const file = join(directory, 'connections');
  expect(await run(await director(3), '--save', file)).toEqual({ code: 0, out: '', err: '' });
  expect(await readdir(directory)).toEqual(['connections']);
  const restored = await run(await director(0), '--restore', file, '--json');
  expect(restored.code).toBe(0);
  expect(JSON.parse(restored.out)).toEqual({ saved: 3, restored: 3, expired: 0, present: 0, missing: 0 });
});

test.each([
  [['--end'], 'without a terminal, --end needs --yes'],
  [['--move-to', '198.51.100.2'], 'without a terminal, --move-to needs --yes'],
  [['--end', '--move-to', '198.51.100.2', '--yes'], 'only one of --end, --move-to, --save and --restore'],
  [['--save', '/dev/null', '--client', '203.0.113.7'], '--save takes all connections, not some'],
  [['--restore', '/no/such/file'], 'no such file or directory'],
  [['--save', '/no/such/directory/file'], 'no such file or directory'],
  [['--restore', '/dev/null'], 'too short'],
])('%s is refused and changes nothing', async (args, message) => {
  const kernel = await director(2);
  const { code, out, err } = await run(kernel, ...args);
  expect({ code, out }).toEqual({ code: message === 'too short' ? 1 : 2, out: '' });
  expect(err).toContain(message);
  expect(kernel.connectionCount).toBe(2);
});
