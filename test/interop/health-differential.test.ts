/**
 * Our health checks beside keepalived's and ldirectord's: two directors for the same real servers, one of them theirs, like
 * settings, the same faults at the same time, and clients that count what fails.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { Ipvs } from '../../src/index.js';
import { type Host, Lan } from '../lab/network.js';
import type { Counts } from '../lab/steady-client.mjs';

const MAIN = fileURLToPath(new URL('../../dist/bin/ipvs-ts.cjs', import.meta.url));
const CLIENT = fileURLToPath(new URL('../lab/steady-client.mjs', import.meta.url));

/** Milliseconds between two requests to each director. */
const PAUSE = 100;
/** Milliseconds. Less than TCP needs to send a packet again. */
const PATIENCE = 500;
const MOMENT = { timeout: 60_000, interval: 50 };
/** Milliseconds in which both must have seen a fault and what came of it. */
const SEEN = { timeout: 30_000, interval: 50 };

type Side = 'ours' | 'theirs';
const SIDES = ['ours', 'theirs'] as const;
const VIPS = { ours: '10.0.0.100', theirs: '10.0.0.101' };
const [RS1, RS2, SORRY] = ['10.0.0.11', '10.0.0.12', '10.0.0.13'] as const;
const ALL = `${RS1}, ${RS2}`;

interface Peer {
  readonly name: 'keepalived' | 'ldirectord';
  /** Its file for a VIP. */
  file(vip: string): string;
  /** Its words, given the path of its file and a directory of its own. */
  words(file: string, directory: string): string[];
}

const KEEPALIVED: Peer = {
  name: 'keepalived',
  file: (vip) => `virtual_server ${vip} 80 {
  delay_loop 1
  lb_algo rr
  lb_kind DR
  protocol TCP
  sorry_server ${SORRY} 80
${[RS1, RS2]
  .map(
    (server) => `  real_server ${server} 80 {
    TCP_CHECK {
      connect_timeout 1
      retry 1
      delay_before_retry 1
    }
  }
`,
  )
  .join('')}}
`,
  words: (file, directory) => [
    'keepalived',
    '--dont-fork',
    '--log-console',
    '--check',
    ...['-p', join(directory, 'pid'), '-c', join(directory, 'checkers.pid'), '-f', file],
  ],
};

const LDIRECTORD: Peer = {
  name: 'ldirectord',
  file: (vip) => `checktimeout = 1
checkinterval = 1
checkcount = 2
quiescent = no
virtual = ${vip}:80
\tscheduler = rr
\tchecktype = connect
\tprotocol = tcp
\tfallback = ${SORRY}:80 gate
\treal = ${RS1}:80 gate
\treal = ${RS2}:80 gate
`,
  // In the foreground. Without PERLIO it executes itself again.
  words: (file) => ['env', 'PERLIO=perlio', 'ldirectord', '-d', file, 'start'],
};

/** Not a moment between two commands of ldirectord's, which changes the table step by step. */
function isSettled(servers: string): boolean {
  return servers !== '' && (servers === SORRY || !servers.includes(SORRY));
}

describe.each([KEEPALIVED, LDIRECTORD])('beside $name', (peer) => {
  let lan: Lan;
  let client: Host;
  let servers: Record<'rs1' | 'rs2', Host>;
  const directors: Partial<Record<Side, Host>> = {};
  const tables: Partial<Record<Side, Ipvs>> = {};
  const processes = new Map<string, ChildProcess>();
  const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-differential-'));
  const output: string[] = [];

  beforeAll(async () => {
    lan = await Lan.create();
    client = await lan.host('client', '10.0.0.1/24');
    for (const side of SIDES) {
      const host = await lan.host(side, side === 'ours' ? '10.0.0.2/24' : '10.0.0.3/24', `${VIPS[side]}/32`);
      directors[side] = host;
      tables[side] = await Ipvs.open({ netns: host.namespacePath });
    }
    servers = { rs1: await lan.host('rs1', `${RS1}/24`), rs2: await lan.host('rs2', `${RS2}/24`) };
    const sorry = await lan.host('sorry', `${SORRY}/24`);
    for (const host of [servers.rs1, servers.rs2, sorry])
      for (const side of SIDES) await host.acceptVirtualAddress(VIPS[side]);
    await sorry.serveHttp();
    for (const name of ['rs1', 'rs2'] as const) await serve(name);
    startPeer();
    await startOurs();
  });
  afterAll(async () => {
    for (const table of Object.values(tables)) await table.close();
    await lan[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  async function serve(name: 'rs1' | 'rs2'): Promise<void> {
    processes.set(name, await servers[name].serveHttp());
  }

  async function kill(name: 'rs1' | 'rs2'): Promise<void> {
    const server = processes.get(name);
    if (server === undefined) return;
    const exit = once(server, 'exit');
    server.kill('SIGKILL');
    await exit;
  }

  function start(side: Side, ...words: string[]): void {
    const child = directors[side]?.spawn('sh', '-c', 'exec "$@" 2>&1', 'sh', ...words);
    if (child?.stdout) createInterface({ input: child.stdout }).on('line', (line) => output.push(`${side}: ${line}`));
  }

  function startPeer(): void {
    const file = join(directory, 'theirs.conf');
    writeFileSync(file, peer.file(VIPS.theirs));
    start('theirs', ...peer.words(file, directory));
  }

  /** What `import` makes of the peer's file. */
  async function startOurs(): Promise<void> {
    const theirs = join(directory, 'ours.conf');
    writeFileSync(theirs, peer.file(VIPS.ours));
    const imported = await client.run(process.execPath, MAIN, 'import', '--format', peer.name, theirs);
    const file = join(directory, 'ours.yaml');
    writeFileSync(file, imported);
    start('ours', 'env', `IPVS_TS_RUN_DIRECTORY=${directory}`, process.execPath, MAIN, 'keep', file, '--settle', '0.1');
  }

  /** The servers that take new connections, sorted. */
  async function serving(side: Side): Promise<string> {
    const entries = await tables[side]?.snapshot();
    const destinations = entries?.services.flatMap((service) => service.destinations) ?? [];
    return destinations
      .filter(({ destination }) => destination.weight > 0)
      .map(({ destination }) => destination.address)
      .toSorted()
      .join(', ');
  }
  const serves = (side: Side, servers: string) => expect.poll(() => serving(side), MOMENT).toBe(servers);

  /** What is served by from now on until both have come to the end, one after the other. */
  async function transitions(end: string, fault: () => Promise<unknown>): Promise<Record<Side, string[]>> {
    const seen: Record<Side, string[]> = { ours: [], theirs: [] };
    const look = async (side: Side) => {
      const now = await serving(side);
      if (now !== seen[side].at(-1)) seen[side].push(now);
      return now;
    };
    await Promise.all(SIDES.map(look));
    await fault();
    await Promise.all(SIDES.map((side) => expect.poll(() => look(side), SEEN).toBe(end)));
    return seen;
  }

  test('the same servers leave and come back, and no more requests fail', { timeout: 300_000 }, async () => {
    onTestFailed(() => console.error(output.join('\n')));
    await Promise.all(SIDES.map((side) => serves(side, ALL)));
    const urls = { ours: `http://${VIPS.ours}/`, theirs: `http://${VIPS.theirs}/` };
    const steady = client.spawn(process.execPath, CLIENT, String(PAUSE), String(PATIENCE), urls.ours, urls.theirs);
    let counts: Record<string, Counts> = {};
    if (steady.stdout) {
      createInterface({ input: steady.stdout }).on('line', (line) => {
        counts = JSON.parse(line);
      });
    }
    await expect.poll(() => counts[urls.ours]?.answered ?? 0, MOMENT).toBeGreaterThan(20);
    const before = structuredClone(counts);
    const link = (state: string) => servers.rs2.ip(`link set eth0 ${state}`);
    const steps: [end: string, fault: () => Promise<unknown>][] = [
      [RS2, () => kill('rs1')],
      [SORRY, () => kill('rs2')],
      [RS1, () => serve('rs1')],
      [ALL, () => serve('rs2')],
      [RS1, () => link('down')],
      [ALL, () => link('up')],
      [RS2, () => kill('rs1')],
      [ALL, () => serve('rs1')],
    ];
    for (const [end, fault] of steps) {
      const { ours, theirs } = await transitions(end, fault);
      expect(ours).toEqual(theirs.filter(isSettled));
      await sleep(1000);
    }
    const exit = once(steady, 'exit');
    steady.kill('SIGTERM');
    await exit;
    const failed = (side: Side) => (counts[urls[side]]?.failed ?? 0) - (before[urls[side]]?.failed ?? 0);
    console.info(`failed requests beside ${peer.name}: ours ${failed('ours')}, theirs ${failed('theirs')}`);
    expect(failed('theirs')).toBeGreaterThan(0);
    // With the same times both find a fault as fast, give or take the phase of their checks.
    expect(failed('ours')).toBeLessThanOrEqual(1.5 * failed('theirs') + 5);
  });
});
