import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Ipvs } from '../../src/index.js';
import { parseDestination } from '../../src/model/destination.js';
import { parseService } from '../../src/model/service.js';
import { reconcile } from '../../src/reconcile/apply.js';
import { type DrainProgress, drain, resumeDrains } from '../../src/reconcile/drain.js';
import { drainNotes, readDrainSysctls } from '../../src/reconcile/drain-notes.js';
import { type KeepEvent, keep } from '../../src/reconcile/keep.js';
import { readOverrides, stateDirectory } from '../../src/reconcile/overrides.js';
import { type Host, Lan } from '../lab/network.js';

const VIP = '10.0.0.100';
const URL_OF_VIP = `http://${VIP}/`;
const WEB = parseService({ protocol: 'tcp', address: VIP, port: 80, scheduler: 'rr' });
const [RS1, RS2] = ['10.0.0.11', '10.0.0.12'] as const;

/** Answers with its name; `/slow` does not end before somebody asks for `/finish`; `/later` keeps the connection. */
const SERVER = `
  import { createServer } from 'node:http';
  const slow = new Set();
  createServer((request, response) => {
    if (request.url === '/slow') return slow.add(response), response.write('begun\\n');
    if (request.url.startsWith('/later')) return setTimeout(() => response.end('here\\n'), 100);
    if (request.url === '/finish') for (const each of slow) each.end('finished\\n');
    response.setHeader('connection', 'close');
    response.end(process.argv[1] + '\\n');
  }).listen(80, '::', () => console.log('listening'));`;

let lan: Lan;
let client: Host;
let director: Host;
let ipvs: Ipvs;

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
    const server = host.spawn(process.execPath, '--input-type=module', '--eval', SERVER, name);
    if (server.stdout !== null) await once(server.stdout, 'data');
  }
  ipvs = await Ipvs.open({ netns: director.namespacePath });
});
beforeEach(() => become(RS1, RS2));
afterEach(() => ipvs.flush());
afterAll(async () => {
  await ipvs.close();
  await lan[Symbol.asyncDispose]();
});

const tableOf = (...servers: string[]) => ({
  services: [{ service: WEB, destinations: servers.map((address) => parseDestination(WEB, { address })) }],
});

async function become(...servers: string[]): Promise<void> {
  await ipvs.flush();
  await reconcile(ipvs, tableOf(...servers));
}

/** Address and weight of each server, sorted. */
async function weights(): Promise<string[]> {
  const entries = await ipvs.listDestinations(WEB);
  return entries.map(({ destination }) => `${destination.address} ${destination.weight}`).sort();
}

async function activeOf(address: string): Promise<number | undefined> {
  const entries = await ipvs.listDestinations(WEB);
  return entries.find(({ destination }) => destination.address === address)?.activeConnections;
}

/** A download from this server that is under way, and that ends when the server is told so; `ended` is curl's exit code. */
async function download(address: string): Promise<{ ended: Promise<number> }> {
  const other = address === RS1 ? RS2 : RS1;
  await ipvs.updateDestination(WEB, { address: other, weight: 0, forward: 'dr' });
  // A server that comes back within a minute or two has its old connections again.
  const before = (await activeOf(address)) ?? 0;
  const ended = client.exec('curl', '--silent', '--fail', '--max-time', '20', `${URL_OF_VIP}slow`);
  await expect.poll(() => activeOf(address), { timeout: 5000 }).toBe(before + 1);
  await ipvs.updateDestination(WEB, { address: other, forward: 'dr' });
  return { ended: ended.then(({ code }) => code) };
}

const finish = (address: string) => client.httpGet(`http://${address}/finish`);

describe('a drain', () => {
  test('lets a download end and removes then; new connections go to the others', async () => {
    const [one, two] = [await download(RS1), await download(RS2)];
    const seen: DrainProgress[] = [];
    const draining = drain(ipvs, WEB, { address: RS1 }, { poll: 50, onProgress: (progress) => seen.push(progress) });
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(3), 5000);
    expect(await client.httpGet(URL_OF_VIP, 4)).toEqual(['rs2', 'rs2', 'rs2', 'rs2']);
    expect(await weights()).toEqual([`${RS1} 0`, `${RS2} 1`]);
    expect(seen.map(({ activeConnections }) => activeConnections)).not.toContain(0);
    await finish(RS1);
    expect(await one.ended).toBe(0);
    expect(await draining.finished).toMatchObject({ outcome: 'idle', removed: true, activeConnections: 0 });
    expect(await weights()).toEqual([`${RS2} 1`]);
    await finish(RS2);
    expect(await two.ended).toBe(0);
  });

  test('removes at its deadline, and cuts nobody else', async () => {
    const [one, two] = [await download(RS1), await download(RS2)];
    const { finished } = drain(ipvs, WEB, { address: RS1 }, { poll: 50, deadline: 300 });
    expect(await finished).toMatchObject({ outcome: 'deadline', removed: true, activeConnections: 1 });
    expect(await weights()).toEqual([`${RS2} 1`]);
    expect(await client.httpGet(URL_OF_VIP, 2)).toEqual(['rs2', 'rs2']);
    await finish(RS2);
    expect(await two.ended).toBe(0);
    // The kernel keeps what it removed for a while: added again, the server has its connection back.
    await reconcile(ipvs, tableOf(RS1, RS2));
    await finish(RS1);
    expect(await one.ended).toBe(0);
  });

  test('cancelled, gives the server its part back; its connections never noticed', async () => {
    const one = await download(RS1);
    const draining = drain(ipvs, WEB, { address: RS1 }, { poll: 50 });
    await expect.poll(weights).toEqual([`${RS1} 0`, `${RS2} 1`]);
    expect(await draining.cancel()).toMatchObject({ outcome: 'cancelled' });
    expect((await client.httpGet(URL_OF_VIP, 4)).sort()).toEqual(['rs1', 'rs1', 'rs2', 'rs2']);
    await finish(RS1);
    expect(await one.ended).toBe(0);
  });

  test('until all connections are gone waits for those that are closing too', async () => {
    await client.httpGet(URL_OF_VIP, 2);
    const seen: number[] = [];
    const onProgress = ({ inactiveConnections }: DrainProgress) => seen.push(inactiveConnections);
    const { finished } = drain(ipvs, WEB, { address: RS1 }, { poll: 50, until: 'all', deadline: 200, onProgress });
    expect(await finished).toMatchObject({ outcome: 'deadline', activeConnections: 0 });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).not.toContain(0);
  });

  test('whose program is killed is gone on with by the next', { timeout: 180_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-drain-'));
    const one = await download(RS1);
    const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
    const program = `
      import { Ipvs } from '${dist}ipvs.js';
      import { drain } from '${dist}reconcile/drain.js';
      const ipvs = await Ipvs.open({ netns: '${director.namespacePath}' });
      const onProgress = () => console.log('looked');
      drain(ipvs, 'tcp://${VIP}:80', { address: '${RS1}' }, { poll: 50, directory: '${directory}', onProgress });`;
    const killed = spawn(process.execPath, ['--input-type=module', '--eval', program]);
    await once(killed.stdout, 'data');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    expect(await weights()).toEqual([`${RS1} 0`, `${RS2} 1`]);
    expect(readOverrides(directory)).toMatchObject([{ kind: 'drain', before: 1, state: 'quiesced' }]);
    const [resumed] = resumeDrains(ipvs, directory);
    await finish(RS1);
    expect(await one.ended).toBe(0);
    expect(await resumed?.finished).toMatchObject({ outcome: 'idle', removed: true });
    expect(readOverrides(directory)).toMatchObject([{ kind: 'drain', state: 'removed' }]);
    rmSync(directory, { recursive: true });
  });

  test('is kept apart by namespace, and knows the sysctls that matter there', async () => {
    expect(stateDirectory({ netns: director.namespacePath })).not.toBe(stateDirectory());
    const netns = { netns: director.namespacePath };
    await director.sysctl({ 'net.ipv4.vs.expire_nodest_conn': 1 });
    const defaults = { expire_quiescent_template: 0, conn_reuse_mode: 1 };
    expect(readDrainSysctls(netns)).toEqual({ ...defaults, expire_nodest_conn: 1 });
    await director.sysctl({ 'net.ipv4.vs.expire_nodest_conn': 0 });
    expect(readDrainSysctls(netns)).toEqual({ ...defaults, expire_nodest_conn: 0 });
  });

  test('of a persistent service does not end while a client that the server knows comes back, as is foretold', async () => {
    const persistent = { ...WEB, persistence: { timeout: 60, netmask: 32 } };
    await reconcile(ipvs, {
      services: [
        {
          ...tableOf(RS1).services[0],
          service: persistent,
          destinations: tableOf(RS1, RS2).services[0]?.destinations ?? [],
        },
      ],
    });
    const netns = { netns: director.namespacePath };
    const [known = ''] = await client.httpGet(URL_OF_VIP);
    const address = known === 'rs1' ? RS1 : RS2;
    expect(drainNotes(persistent, readDrainSysctls(netns)).map(({ sysctl }) => sysctl)).toContain(
      'net.ipv4.vs.expire_quiescent_template',
    );
    const draining = drain(ipvs, WEB, { address }, { poll: 50, until: 'all' });
    await expect.poll(weights).toContain(`${address} 0`);
    expect(await client.httpGet(URL_OF_VIP, 2)).toEqual([known, known]);
    await director.sysctl({ 'net.ipv4.vs.expire_quiescent_template': 1 });
    expect(drainNotes(persistent, readDrainSysctls(netns)).map(({ sysctl }) => sysctl)).toEqual([
      'net.ipv4.vs.expire_nodest_conn',
    ]);
    expect(await client.httpGet(URL_OF_VIP, 2)).not.toContain(known);
    await director.sysctl({ 'net.ipv4.vs.expire_quiescent_template': 0 });
    expect(await draining.cancel()).toMatchObject({ outcome: 'cancelled' });
  });
});

test('clients that call without pause see no failure while servers are replaced', { timeout: 180_000 }, async () => {
  // Six requests on a connection: the next one is lost with the server, if that goes meanwhile.
  const call = `curl --silent --fail --max-time 1 '${URL_OF_VIP}later?[1-6]' >/dev/null; echo $?`;
  const codes: string[] = [];
  // By turns: whenever one call ends, the other is in the middle.
  const callers = [0, 0.25].map((wait) =>
    client.spawn('sh', '-c', `sleep ${wait}; for i in $(seq 12); do ${call}; done`),
  );
  for (const { stdout } of callers)
    stdout?.on('data', (lines: Buffer) => codes.push(...String(lines).trim().split('\n')));
  const over = Promise.all(callers.map((caller) => once(caller, 'close')));
  const enough = (count: number) => vi.waitFor(() => expect(codes.length).toBeGreaterThanOrEqual(count), 10_000);
  for (let change = 1; change <= 5; change++) {
    await enough(4 * change - 3);
    const service = { ...WEB, scheduler: change % 2 === 0 ? 'rr' : 'wlc' };
    const destinations = [parseDestination(service, { address: change % 2 === 0 ? RS1 : RS2, weight: change })];
    await reconcile(ipvs, { services: [{ service, destinations }] }, { drain: { poll: 50, deadline: 10_000 } });
    expect(await ipvs.listDestinations(WEB)).toHaveLength(1);
  }
  await over;
  expect(codes).toEqual(Array(24).fill('0'));
});

test('keep repairs what ipvsadm did behind its back, and withdraws what is its own', async () => {
  await ipvs.flush();
  const ending = new AbortController();
  const events: KeepEvent[] = [];
  const scope = { addresses: [VIP] };
  const options = { interval: 100, withdraw: true, prune: true, scope, signal: ending.signal };
  const kept = keep(ipvs, { read: () => tableOf(RS1) }, { ...options, onEvent: (event) => void events.push(event) });
  const seen = (...types: string[]) => vi.waitFor(() => expect(events.map(({ type }) => type)).toEqual(types), 5000);
  await seen('applied', 'ready');
  await director.run('ipvsadm', '-e', '-t', `${VIP}:80`, '-r', RS1, '-g', '-w', '9');
  await seen('applied', 'ready', 'drift');
  expect(await weights()).toEqual([`${RS1} 1`]);
  await director.run('ipvsadm', '-A', '-t', '10.0.0.101:80');
  ending.abort();
  await kept;
  await seen('applied', 'ready', 'drift', 'stopping', 'withdrawn');
  expect(await director.run('ipvsadm', '-Sn')).toBe('-A -t 10.0.0.101:80 -s wlc\n');
});
