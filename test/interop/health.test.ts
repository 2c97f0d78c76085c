/** `keep` with health checks on a real kernel: servers die in every way, come back, and nothing else happens. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { Ipvs } from '../../src/index.js';
import { type Host, Lan } from '../lab/network.js';

const MAIN = fileURLToPath(new URL('../../dist/bin/ipvs-ts.cjs', import.meta.url));
const VIP = '10.0.0.100';
const WEB = { protocol: 'tcp', address: VIP, port: 80 } as const;
const [RS1, RS2, SORRY] = ['10.0.0.11', '10.0.0.12', '10.0.0.13'] as const;
// Starting the command takes seconds in a lab that shares its processor.
const MOMENT = { timeout: 60_000, interval: 50 };
/** Takes connections, and never answers. */
const SILENT =
  "require('net').createServer((socket) => socket.on('error', () => undefined)).listen(80, () => console.log('listening'))";

let lan: Lan;
let client: Host;
let director: Host;
let [rs1, rs2]: Host[] = [];
let ipvs: Ipvs;
let directory: string;
let servers: Map<string, ChildProcess>;
let keeping: ChildProcess | undefined;
let lines: string[];

beforeAll(async () => {
  lan = await Lan.create();
  client = await lan.host('client', '10.0.0.1/24');
  director = await lan.host('director', '10.0.0.2/24', `${VIP}/32`);
  rs1 = await lan.host('rs1', `${RS1}/24`);
  rs2 = await lan.host('rs2', `${RS2}/24`);
  const sorry = await lan.host('sorry', `${SORRY}/24`);
  for (const host of [rs1, rs2, sorry]) await host.acceptVirtualAddress(VIP);
  await sorry.serveHttp();
  ipvs = await Ipvs.open({ netns: director.namespacePath });
});
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-health-'));
  servers = new Map();
  for (const host of [rs1, rs2]) if (host) await serve(host);
});
afterEach(async () => {
  if (keeping) await end(keeping);
  keeping = undefined;
  for (const server of servers.values()) await end(server);
  await ipvs.flush();
  rmSync(directory, { recursive: true });
});
afterAll(async () => {
  await ipvs.close();
  await lan[Symbol.asyncDispose]();
});

async function serve(host: Host): Promise<void> {
  servers.set(host.name, await host.serveHttp());
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** The process of a host's HTTP server dies. */
async function kill(host: Host | undefined): Promise<void> {
  const server = servers.get(host?.name ?? '');
  if (server !== undefined) await end(server);
}

function file(more = '', checks = '{ type: tcp, interval: 1s, timeout: 1s, fall: 2, rise: 1 }'): string {
  const path = join(directory, 'director.yaml');
  writeFileSync(
    path,
    `version: 1
services:
  - service: tcp://${VIP}:80
    scheduler: rr
    checks: [${checks}]
    onFailure: { quiesce: true, removeAfter: never }
    sorry: ${SORRY}
    destinations: [${RS1}, ${RS2}]
${more}`,
  );
  return path;
}

/** The command, with verdicts of this test alone: those of the one before are not older than ten intervals. */
const command = (...words: string[]) => [`IPVS_TS_RUN_DIRECTORY=${directory}`, process.execPath, MAIN, ...words];

async function keep(path: string): Promise<void> {
  lines = [];
  onTestFailed(() => console.error(lines.join('\n')));
  keeping = director.spawn('env', ...command('keep', path, '--settle', '0.1'));
  if (keeping.stdout) createInterface({ input: keeping.stdout }).on('line', (line) => lines.push(line));
  await says('ready');
}

const says = (text: string) => expect.poll(() => lines.join('\n'), MOMENT).toContain(text);

/** Address and weight of each server, sorted. */
async function table(): Promise<string> {
  const entries = await ipvs.listDestinations(WEB);
  return entries
    .map(({ destination }) => `${destination.address} ${destination.weight}`)
    .sort()
    .join(', ');
}
const becomes = (text: string) => expect.poll(table, MOMENT).toBe(text);

const BOTH = `${RS1} 1, ${RS2} 1`;

describe('the smallest form', () => {
  test('a server that dies leaves, all that die bring the sorry server, and they come back', async () => {
    await keep(file());
    expect(await table()).toBe(BOTH);
    await kill(rs1);
    await becomes(`${RS1} 0, ${RS2} 1`);
    expect(await client.httpGet(`http://${VIP}/`, 4)).toEqual(['rs2', 'rs2', 'rs2', 'rs2']);
    await says(`down: ${RS1}:80 of tcp://${VIP}:80: connection refused`);
    await kill(rs2);
    await becomes(`${RS1} 0, ${RS2} 0, ${SORRY} 1`);
    expect(await client.httpGet(`http://${VIP}/`, 2)).toEqual(['sorry', 'sorry']);
    const health = await director.exec('env', ...command('health'));
    expect(health.code).toBe(1);
    expect(health.stdout).toContain(`tcp://${VIP}:80: too few real servers are up: the sorry server serves`);
    expect(health.stdout).toContain(`  down      ${RS1}:80 (weight 0)`);
    if (rs1) await serve(rs1);
    await becomes(`${RS1} 1, ${RS2} 0`);
    expect(await client.httpGet(`http://${VIP}/`, 2)).toEqual(['rs1', 'rs1']);
    if (rs2) await serve(rs2);
    await becomes(BOTH);
    expect(lines.filter((line) => line.startsWith('drift'))).toEqual([]);
  });

  test('a host that is gone leaves by the timeout', async () => {
    await keep(file());
    await rs1?.ip('link set eth0 down');
    await becomes(`${RS1} 0, ${RS2} 1`);
    await rs1?.ip('link set eth0 up');
    await becomes(BOTH);
  });

  test('a server that only takes connections passes by TCP, and fails by HTTP', async () => {
    await kill(rs1);
    const silent = rs1?.spawn(process.execPath, '--eval', SILENT);
    if (silent?.stdout) await once(silent.stdout, 'data');
    if (silent) servers.set('rs1', silent);
    await keep(file());
    expect(await table()).toBe(BOTH);
    file('', '{ type: http, interval: 1s, timeout: 500ms, fall: 2, rise: 1 }');
    await becomes(`${RS1} 0, ${RS2} 1`);
    await says(`${RS1}:80 of tcp://${VIP}:80: no answer within 500 ms`);
  });

  test('a program that stands still for ten seconds takes nobody out', async () => {
    await keep(file());
    const { pid = 0 } = keeping ?? {};
    process.kill(pid, 'SIGSTOP');
    await sleep(10_000);
    process.kill(pid, 'SIGCONT');
    await sleep(4000);
    expect(await table()).toBe(BOTH);
    expect(lines.filter((line) => line.startsWith('down'))).toEqual([]);
  });

  test('a program that is started again goes on with what it knew', async () => {
    await kill(rs1);
    const path = file();
    await keep(path);
    expect(await table()).toBe(`${RS1} 0, ${RS2} 1`);
    if (keeping) await end(keeping);
    await keep(path);
    expect(lines.filter((line) => line.startsWith('down') || line.startsWith('up'))).toEqual([]);
    expect(await table()).toBe(`${RS1} 0, ${RS2} 1`);
  });
});

test('check runs every check once, and says so in its exit code', async () => {
  const path = file();
  const good = await director.exec(process.execPath, MAIN, 'check', path);
  expect([good.code, good.stderr]).toEqual([0, '']);
  expect(good.stdout).toMatch(new RegExp(`^SERVER +CHECK +RESULT +TIME +REASON\n${RS1}:80 +tcp +passed`));
  await kill(rs2);
  const bad = await director.exec(process.execPath, MAIN, 'check', path, '--json');
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.stdout)).toMatchObject([
    { server: `${RS1}:80`, check: 'tcp', result: 'passed' },
    { server: `${RS2}:80`, check: 'tcp', result: 'failed', reason: 'connection refused' },
  ]);
});
