import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { runVerb } from '../../../src/cli/run-verb.js';
import { Ipvs } from '../../../src/ipvs.js';
import { useDaemon, yaml } from '../daemon/fixture.js';
import { parseMetrics } from '../metrics/parse-metrics.js';

const context = useDaemon();

async function metrics(...words: string[]) {
  const streams = { stdin: Readable.from(['']), stdout: new PassThrough(), stderr: new PassThrough() };
  const output = Promise.all([text(streams.stdout), text(streams.stderr)]);
  const { kernel } = context.daemon;
  const code = await runVerb('metrics', words, streams, { streams, open: () => Ipvs.open({ kernel }), env: {} });
  streams.stdout.end();
  streams.stderr.end();
  const [stdout, stderr] = await output;
  return { code, stdout, stderr };
}

const sample = (page: string, name: string, format: 'prometheus' | 'openmetrics' = 'prometheus') =>
  parseMetrics(page, format).get(name)?.samples[0]?.value;

async function started() {
  const { daemon } = context;
  daemon.write(yaml('10.0.0.1', '10.0.0.2'));
  await daemon.start();
  return { daemon, api: ['--api', `unix:${daemon.socket}`] };
}

test('the page of this host, and of a director', async () => {
  const { api } = await started();
  for (const words of [[], api]) {
    const { code, stdout, stderr } = await metrics(...words);
    expect([code, stderr]).toEqual([0, '']);
    expect(sample(stdout, 'ipvs_destinations')).toBe('2');
    // What the loop did only the director knows.
    expect(stdout.includes('ipvs_reconcile_')).toBe(words.length > 0);
    const open = await metrics('--format', 'openmetrics', ...words);
    expect(open.stdout.endsWith('# EOF\n')).toBe(true);
    expect(sample(open.stdout, 'ipvs_services', 'openmetrics')).toBe('1');
    expect((await metrics('--names', 'node_exporter', ...words)).stdout).toContain('node_ipvs_connections_total');
    expect((await metrics('--top', '0', ...words)).stdout).toContain('service="other"');
  }
});

test('a file is written whole, for all to read, and stays if something fails', async () => {
  const { daemon, api } = await started();
  const file = join(daemon.root, 'ipvs.prom');
  writeFileSync(file, 'old', { mode: 0o600 });
  const before = process.umask(0o077);
  try {
    expect(await metrics('--output', file)).toEqual({ code: 0, stdout: '', stderr: '' });
  } finally {
    process.umask(before);
  }
  expect(statSync(file).mode & 0o777).toBe(0o644);
  const written = readFileSync(file, 'utf8');
  expect(sample(written, 'ipvs_services')).toBe('1');
  await daemon.end();
  expect((await metrics('--output', file, ...api)).code).toBe(1);
  expect(readFileSync(file, 'utf8')).toBe(written);
  expect((await metrics('--output', join(daemon.root, 'none', 'ipvs.prom'))).stderr).toContain('no such file');
  expect(readdirSync(daemon.root).filter((name) => name.includes('unfinished'))).toEqual([]);
});

test.each([
  [['--top', 'x'], '--top must be a number'],
  [['--format', 'json'], '--format must be prometheus or openmetrics'],
  [['--netns', 'blue', '--api', 'unix:/x'], '--netns has no meaning with --api'],
])('%j is refused', async (words, message) => {
  const { code, stderr } = await metrics(...words);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
