/** keep and drain side by side on a real kernel: in one process, in two, and killed in between. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Ipvs } from '../../src/index.js';
import { drain } from '../../src/reconcile/drain.js';
import { type KeepEvent, keep } from '../../src/reconcile/keep.js';
import { readOverrides } from '../../src/reconcile/overrides.js';
import { StateFileSource } from '../../src/reconcile/state-file-source.js';
import { type Host, Lan } from '../lab/network.js';
import { succeed } from '../lab/process.js';

const MAIN = fileURLToPath(new URL('../../dist/bin/ipvs-ts.cjs', import.meta.url));
const VIP = '10.0.0.100';
const WEB = { protocol: 'tcp', address: VIP, port: 80 } as const;
const [RS1, RS2] = ['10.0.0.11', '10.0.0.12'] as const;
/** Holds every connection that it gets. */
const SERVER = "require('net').createServer((socket) => socket.resume()).listen(80, () => console.log('listening'))";
/** Connects, and goes when it is killed. */
const CLIENT = `require('net').connect(80, '${VIP}', () => console.log('connected'))`;
// Starting the command takes seconds in a lab that shares its processor.
const MOMENT = { timeout: 60_000, interval: 20 };

let lan: Lan;
let client: Host;
let director: Host;
let ipvs: Ipvs;
let directory: string;
let children: ChildProcess[];

beforeAll(async () => {
  lan = await Lan.create();
  client = await lan.host('client', '10.0.0.1/24');
  director = await lan.host('director', '10.0.0.2/24', `${VIP}/32`);
  const server = await lan.host('rs1', `${RS1}/24`);
  await server.acceptVirtualAddress(VIP);
  const { stdout } = server.spawn(process.execPath, '--eval', SERVER);
  if (stdout !== null) await once(stdout, 'data');
  ipvs = await Ipvs.open({ netns: director.namespacePath });
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-keep-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) await end(child, 'SIGKILL');
  await ipvs.flush();
  rmSync(directory, { recursive: true });
});
afterAll(async () => {
  await ipvs.close();
  await lan[Symbol.asyncDispose]();
});

const path = (name = 's.yaml') => join(directory, name);
const yaml = (...servers: string[]) =>
  `services:\n  - service: tcp://${VIP}:80\n    destinations: [${servers.join(', ')}]\n`;
const BOTH = yaml(`{ address: ${RS1}, weight: 7 }`, RS2);

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

/** The command, with the director's table and overrides of this test. */
function ipvsTs(...words: string[]) {
  const env = { ...process.env, IPVS_TS_RUN_DIRECTORY: directory };
  const child = spawn(process.execPath, [MAIN, ...words, '--netns', director.namespacePath], { env });
  children.push(child);
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, text: lines.join('\n') }));
  return { child, lines, ended, says: (text: string) => expect.poll(() => lines.join('\n'), MOMENT).toContain(text) };
}

const keeping = async (...words: string[]) => {
  const started = ipvsTs('keep', path(), '--interval', '0.3', '--settle', '0.1', ...words);
  await started.says('ready');
  return started;
};
const draining = (...words: string[]) =>
  ipvsTs('drain', '--service', `tcp://${VIP}:80`, '--server', RS1, '--poll', '0.1', ...words);

/** Address and weight of each server, sorted. */
async function table(): Promise<string> {
  const entries = await ipvs.listDestinations(WEB);
  return entries
    .map(({ destination }) => `${destination.address} ${destination.weight}`)
    .sort()
    .join(', ');
}
const becomes = (text: string) => expect.poll(table, MOMENT).toBe(text);

/** A connection to the first server. */
async function connected(): Promise<ChildProcess> {
  const child = client.spawn(process.execPath, '--eval', CLIENT);
  children.push(child);
  if (child.stdout !== null) await once(child.stdout, 'data');
  return child;
}

/** What is written down of the drain; undefined where nothing is. */
function drainState(): string | undefined {
  const [own] = readdirSync(directory).filter((name) => /^(net|inode)-/.test(name));
  const [override] = own === undefined ? [] : readOverrides(path(own));
  return override?.kind === 'drain' ? override.state : undefined;
}

describe('keep and drain, two processes', () => {
  test('work together, and the server stays away until it is given back', { timeout: 300_000 }, async () => {
    writeFileSync(path(), yaml(RS1));
    const keeper = await keeping();
    const connection = await connected();
    writeFileSync(path(), BOTH);
    await becomes(`${RS1} 7, ${RS2} 1`);
    const drainer = draining('--reason', 'new disk');
    await becomes(`${RS1} 0, ${RS2} 1`);
    // Others' changes are mended, and the drain goes on.
    await director.run('ipvsadm', '-e', '-t', `${VIP}:80`, '-r', RS1, '-g', '-w', '9');
    await keeper.says('drift: update destination 10.0.0.11:80');
    await becomes(`${RS1} 0, ${RS2} 1`);
    expect((await ipvsTs('overrides').ended).text).toMatch(
      /kept by ipvs-ts keep .*\n10\.0\.0\.11:80 of .*: draining, by .*: new disk$/,
    );
    await end(connection, 'SIGKILL');
    expect(await drainer.ended).toMatchObject({ code: 0, text: expect.stringContaining('no connections left') });
    await becomes(`${RS2} 1`);
    expect(await ipvsTs('weight', `tcp://${VIP}:80`, RS1, '--reset').ended).toMatchObject({ code: 0 });
    await becomes(`${RS1} 7, ${RS2} 1`);
    expect(keeper.lines.filter((line) => /^(refused|failed|bad-source)/.test(line))).toEqual([]);
  });

  test.each([
    ['begun', 'drain'],
    ['quiesced', 'both'],
    ['quiesced', 'keep'],
    ['removing', 'both'],
  ] as const)(
    'killed when the drain is %s (%s) and started again, come to the same end',
    { timeout: 300_000 },
    async (state, victim) => {
      writeFileSync(path(), yaml(RS1));
      const keeper = await keeping();
      const connection = await connected();
      writeFileSync(path(), BOTH);
      await becomes(`${RS1} 7, ${RS2} 1`);
      const drainer = draining();
      const order = ['begun', 'quiesced', 'removing', 'removed'];
      const reached = () => order.indexOf(drainState() ?? '') >= order.indexOf(state);
      if (state === 'removing') {
        await becomes(`${RS1} 0, ${RS2} 1`);
        await end(connection, 'SIGKILL');
      }
      await expect.poll(reached, { timeout: 60_000, interval: 2 }).toBe(true);
      if (victim !== 'keep') await end(drainer.child, 'SIGKILL');
      if (victim !== 'drain') await end(keeper.child, 'SIGKILL');
      if (victim !== 'drain') await keeping();
      await end(connection, 'SIGKILL');
      if (victim === 'keep') expect(await drainer.ended).toMatchObject({ code: 0 });
      else expect((await ipvsTs('drain', '--resume').ended).code).toBe(0);
      await becomes(`${RS2} 1`);
      expect(drainState()).toBe('removed');
    },
  );

  test('a second keep of the same services is refused by name, one of others is not', {
    timeout: 300_000,
  }, async () => {
    writeFileSync(path(), yaml(RS1));
    const first = await keeping('--scope', VIP);
    const second = await ipvsTs('keep', path()).ended;
    expect(second.code).toBe(1);
    expect(second.text).toContain(`the table is locked by ipvs-ts keep ${path()} (pid ${first.child.pid}) since `);
    writeFileSync(path('other.yaml'), yaml(RS1).replaceAll(VIP, '10.0.0.101'));
    const other = ipvsTs('keep', path('other.yaml'), '--scope', '10.0.0.101');
    await other.says('ready');
    await end(first.child, 'SIGKILL');
    await end(other.child, 'SIGTERM');
    await keeping();
  });

  test('SIGTERM while a server drains leaves it with weight 0 and says so; the next keep goes on', {
    timeout: 180_000,
  }, async () => {
    writeFileSync(path(), yaml(RS1));
    const keeper = await keeping('--drain', '60');
    const connection = await connected();
    writeFileSync(path(), yaml(RS2));
    await becomes(`${RS1} 0, ${RS2} 1`);
    await end(keeper.child, 'SIGTERM');
    await keeper.says(`stopping: ${RS1}:80 of tcp://${VIP}:80 keeps weight 0`);
    expect(await table()).toBe(`${RS1} 0, ${RS2} 1`);
    await keeping('--drain', '60');
    expect(await table()).toBe(`${RS1} 0, ${RS2} 1`);
    await end(connection, 'SIGKILL');
    await becomes(`${RS2} 1`);
  });
});

test('a weight of an operator ends by itself', { timeout: 300_000 }, async () => {
  writeFileSync(path(), BOTH);
  await keeping();
  await ipvsTs('weight', `tcp://${VIP}:80`, RS1, '50%', '--for', '3', '--reason', 'hot').ended;
  await becomes(`${RS1} 4, ${RS2} 1`);
  await becomes(`${RS1} 7, ${RS2} 1`);
});

test('keep and drain in one process', { timeout: 300_000 }, async () => {
  writeFileSync(path(), BOTH);
  const ending = new AbortController();
  const events: KeepEvent[] = [];
  using source = new StateFileSource(path());
  const kept = keep(ipvs, source, {
    directory,
    interval: 100,
    signal: ending.signal,
    onEvent: (event) => void events.push(event),
  });
  await becomes(`${RS1} 7, ${RS2} 1`);
  const { finished } = drain(ipvs, WEB, { address: RS1 }, { directory, poll: 50 });
  expect(await finished).toMatchObject({ outcome: 'idle', removed: true });
  await becomes(`${RS2} 1`);
  ending.abort();
  await kept;
  expect(events.map(({ type }) => type).filter((type) => type !== 'override')).toEqual([
    'applied',
    'ready',
    'stopping',
  ]);
});

test('keep follows its file by symbolic links, swapped directories and bind mounts', { timeout: 300_000 }, async () => {
  const old = (name: string, address: string) => {
    writeFileSync(path(name), yaml(address));
    utimesSync(path(name), 1e9, 1e9);
  };
  for (const name of ['..1', '..2', 'new']) mkdirSync(path(name));
  old('..1/s.yaml', '10.0.1.1');
  old('..2/s.yaml', '10.0.1.2');
  symlinkSync('..1', path('..data'));
  symlinkSync('..data/s.yaml', path());
  await keeping();
  expect(await table()).toBe('10.0.1.1 1');
  symlinkSync('..2', path('..data_tmp'));
  renameSync(path('..data_tmp'), path('..data'));
  await becomes('10.0.1.2 1');
  old('new/s.yaml', '10.0.1.3');
  renameSync(path('..2'), path('gone'));
  renameSync(path('new'), path('..2'));
  await becomes('10.0.1.3 1');
  old('mounted.yaml', '10.0.1.4');
  await succeed('mount', ['--bind', path('mounted.yaml'), path('..2/s.yaml')]);
  await becomes('10.0.1.4 1');
  await succeed('umount', [path('..2/s.yaml')]);
  await becomes('10.0.1.3 1');
});
