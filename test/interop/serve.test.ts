/** `serve` on a real kernel: the API changes the table while clients call, and a killed daemon goes on where it was. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Ipvs } from '../../src/index.js';
import { type Host, Lan } from '../lab/network.js';
import type { Counts } from '../lab/steady-client.mjs';

const MAIN = fileURLToPath(new URL('../../dist/bin/ipvs-ts.cjs', import.meta.url));
const STEADY_CLIENT = fileURLToPath(new URL('../lab/steady-client.mjs', import.meta.url));
const VIP = '10.0.0.100';
const WEB = { protocol: 'tcp', address: VIP, port: 80 } as const;
const [RS1, RS2] = ['10.0.0.11', '10.0.0.12'] as const;
// Starting the command takes seconds in a lab that shares its processor.
const MOMENT = { timeout: 60_000, interval: 20 };

let lan: Lan;
let client: Host;
let director: Host;
let ipvs: Ipvs;
let directory: string;
let daemon: ChildProcess;
let lines: string[];

beforeAll(async () => {
  lan = await Lan.create();
  client = await lan.host('client', '10.0.0.1/24');
  director = await lan.host('director', '10.0.0.2/24', `${VIP}/32`);
  for (const [name, address] of [
    ['rs1', RS1],
    ['rs2', RS2],
  ] as const) {
    const host = await lan.host(name, `${address}/24`);
    await host.acceptVirtualAddress(VIP);
    await host.serveHttp();
  }
  ipvs = await Ipvs.open({ netns: director.namespacePath });
});
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-serve-'));
  writeFileSync(file(), yaml(RS1));
  await start();
});
afterEach(async () => {
  await end('SIGKILL');
  await ipvs.flush();
  rmSync(directory, { recursive: true });
});
afterAll(async () => {
  await ipvs.close();
  await lan[Symbol.asyncDispose]();
});

const file = () => join(directory, 's.yaml');
const socketPath = () => join(directory, 'api.sock');
const yaml = (...servers: string[]) =>
  `version: 1\nservices:\n  - service: tcp://${VIP}:80\n    scheduler: rr\n    destinations: [${servers.join(', ')}]\n`;

async function start(): Promise<void> {
  const env = { ...process.env, IPVS_TS_RUN_DIRECTORY: directory, IPVS_TS_STATE_DIRECTORY: join(directory, 'state') };
  const words = ['serve', file(), '--socket', socketPath(), '--netns', director.namespacePath];
  daemon = spawn(process.execPath, [MAIN, ...words, '--interval', '0.5', '--settle', '0.1', '--drain', '10'], { env });
  lines = [];
  for (const stream of [daemon.stdout, daemon.stderr])
    if (stream) createInterface({ input: stream }).on('line', (line) => lines.push(line));
  await expect.poll(() => lines.join('\n'), MOMENT).toContain('ready');
}

async function end(signal: NodeJS.Signals): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const exit = once(daemon, 'exit');
  daemon.kill(signal);
  await exit;
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Reply> {
  const asked = request({ socketPath: socketPath(), method, path, headers });
  asked.end(body);
  const [answer] = await once(asked, 'response');
  let text = '';
  for await (const piece of answer.setEncoding('utf8')) text += piece;
  return { status: answer.statusCode, headers: answer.headers, text };
}

/** Address and weight of each server, sorted. */
async function table(): Promise<string> {
  const entries = await ipvs.listDestinations(WEB);
  return entries
    .map(({ destination }) => `${destination.address} ${destination.weight}`)
    .sort()
    .join(', ');
}

const etag = async () => String((await ask('GET', '/v1/desired')).headers.etag);

test('a document that is put is in force, a bad one and an old one are not', async () => {
  expect(await table()).toBe(`${RS1} 1`);
  expect((await ask('GET', '/readyz')).status).toBe(200);
  expect((await ask('PUT', '/v1/desired', {}, yaml(RS1, RS2))).status).toBe(428);
  const before = await etag();
  const bad = await ask('PUT', '/v1/desired', { 'if-match': before }, yaml('10.0.0.300'));
  expect([bad.status, JSON.parse(bad.text).errors[0].path]).toEqual([422, 'services[0].destinations[0]']);
  expect(await table()).toBe(`${RS1} 1`);
  const put = await ask('PUT', '/v1/desired', { 'if-match': before }, yaml(RS1, RS2));
  expect(put.status).toBe(200);
  expect(await table()).toBe(`${RS1} 1, ${RS2} 1`);
  expect(readFileSync(file(), 'utf8')).toBe(yaml(RS1, RS2));
  expect((await ask('PUT', '/v1/desired', { 'if-match': before }, yaml(RS1))).status).toBe(412);
  expect(await table()).toBe(`${RS1} 1, ${RS2} 1`);
});

test('no request fails while the API changes the table and the daemon is killed', { timeout: 300_000 }, async () => {
  const url = `http://${VIP}/`;
  const steady = client.spawn(process.execPath, STEADY_CLIENT, '50', '5000', url);
  let counts: Record<string, Counts> = {};
  if (steady.stdout) {
    createInterface({ input: steady.stdout }).on('line', (line) => {
      counts = JSON.parse(line);
    });
  }
  const more = async () => {
    const before = counts[url]?.answered ?? 0;
    await expect.poll(() => counts[url]?.answered ?? 0, MOMENT).toBeGreaterThan(before + 20);
  };
  await more();
  for (const servers of [[RS1, RS2], [RS2], [RS1, RS2], [RS1]]) {
    const put = await ask('PUT', '/v1/desired', { 'if-match': await etag() }, yaml(...servers));
    expect(put.status).toBe(200);
    await more();
  }
  await end('SIGKILL');
  await more();
  await start();
  await more();
  const exit = once(steady, 'exit');
  steady.kill('SIGTERM');
  await exit;
  expect(counts[url]?.reasons).toEqual({});
  await expect.poll(table, MOMENT).toBe(`${RS1} 1`);
});

test('a weight that was set outlives a kill -9', async () => {
  const path = `/v1/overrides/${encodeURIComponent(`tcp://${VIP}:80`)}/${RS1}/weight`;
  const set = await ask('PUT', path, { 'if-none-match': '*', 'content-type': 'application/json' }, '{"weight":5}');
  expect([set.status, set.text]).toEqual([200, expect.any(String)]);
  await expect.poll(table, MOMENT).toBe(`${RS1} 5`);
  await end('SIGKILL');
  await start();
  expect(await table()).toBe(`${RS1} 5`);
  expect(JSON.parse((await ask('GET', '/v1/overrides')).text).overrides).toHaveLength(1);
});

test('drift is mended, counted and told', async () => {
  await ipvs.deleteService(WEB);
  await expect.poll(table, MOMENT).toBe(`${RS1} 1`);
  const { text } = await ask('GET', '/metrics');
  expect(text).toMatch(/^ipvs_reconcile_drift_total [1-9]/m);
  expect(text).toMatch(
    /^ipvs_destination_effective_weight\{service="tcp:\/\/10.0.0.100:80",destination="10.0.0.11:80"\} 1$/m,
  );
});
