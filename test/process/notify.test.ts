import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AF_UNIX, loadNative, type NativeSocket, SOCK_DGRAM } from '../../src/linux/native.js';
import {
  READY,
  reloading,
  STOPPING,
  type SystemdNotifier,
  statusOf,
  systemdNotifier,
} from '../../src/linux/systemd.js';

const { EAGAIN } = constants.errno;
/** Milliseconds: the lab may be slow. */
const WAIT = { timeout: 10_000 };

let directory: string;
let path: string;
let systemd: NativeSocket;
let notifier: SystemdNotifier | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-notify-'));
  path = join(directory, 'notify');
  systemd = listen(path);
});
afterEach(() => {
  notifier?.close();
  systemd.close();
  rmSync(directory, { recursive: true });
});

/** A socket as systemd has one. `\0` begins a name in the abstract namespace. */
function listen(name: string): NativeSocket {
  const socket = new (loadNative().Socket)(AF_UNIX, SOCK_DGRAM, 0);
  const family = new Uint8Array(Uint16Array.of(AF_UNIX).buffer);
  expect(socket.bind(Buffer.concat([family, Buffer.from(name)]))).toBe(0);
  return socket;
}

/** All that was told and not yet received. */
function received(): string[] {
  const told: string[] = [];
  const into = Buffer.alloc(1024);
  for (;;) {
    const length = systemd.receive(into);
    if (length === -EAGAIN) return told;
    expect(length).toBeGreaterThan(0);
    told.push(into.toString('utf8', 0, length));
  }
}

test('tells systemd at a path', () => {
  notifier = systemdNotifier({ NOTIFY_SOCKET: path });
  notifier?.notify(`${READY}\n${statusOf(' 3 services\nMAINPID=1\n')}`);
  notifier?.notify(STOPPING);
  expect(received()).toEqual(['READY=1\nSTATUS=3 services MAINPID=1', 'STOPPING=1']);
});

test('tells systemd by a name in the abstract namespace', () => {
  const name = `ipvs-ts-notify-${process.pid}`;
  systemd.close();
  systemd = listen(`\0${name}`);
  notifier = systemdNotifier({ NOTIFY_SOCKET: `@${name}` });
  notifier?.notify(READY);
  expect(received()).toEqual(['READY=1']);
});

test('tells since when it reloads, by the clock of /proc/uptime', () => {
  // CLOCK_MONOTONIC stands still while the machine sleeps, and that of the file does not: not later, then.
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1e6;
  const told = [reloading(), reloading()].map((state) => /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(state)?.[1]);
  const [first, second] = told.map(Number);
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(uptime + 1e6);
  expect(second).toBeGreaterThanOrEqual(first ?? Number.NaN);
});

test.each([
  {},
  { NOTIFY_SOCKET: '' },
  { NOTIFY_SOCKET: '/' },
  { NOTIFY_SOCKET: 'notify' },
  { NOTIFY_SOCKET: 'vsock:2:1' },
])('there is nobody to tell with %j', (env) => {
  expect(systemdNotifier(env)).toBeUndefined();
});

test('a name too long for an address is nobody, one that just fits is somebody', () => {
  const name = 'n'.repeat(107);
  expect(systemdNotifier({ NOTIFY_SOCKET: `@${name}n` })).toBeUndefined();
  systemd.close();
  systemd = listen(`\0${name}`);
  notifier = systemdNotifier({ NOTIFY_SOCKET: `@${name}` });
  notifier?.notify(READY);
  expect(received()).toEqual(['READY=1']);
});

test('systemd may be away, and may come back as another', () => {
  notifier = systemdNotifier({ NOTIFY_SOCKET: path });
  systemd.close();
  notifier?.notify('STATUS=nobody listens');
  rmSync(path);
  notifier?.notify('STATUS=nobody is there');
  systemd = listen(path);
  notifier?.notify(READY);
  expect(received()).toEqual(['READY=1']);
});

describe('while its queue is full', () => {
  const room = Number(readFileSync('/proc/sys/net/unix/max_dgram_qlen', 'utf8'));
  const states = Array.from({ length: room + 5 }, (_, index) => `STATUS=${index}`);

  test('states wait, and come in their order', async () => {
    notifier = systemdNotifier({ NOTIFY_SOCKET: path });
    for (const state of states) notifier?.notify(state);
    const told = received();
    expect(told.length).toBeLessThan(states.length);
    await vi.waitFor(() => expect(told.push(...received())).toBe(states.length), WAIT);
    expect(told).toEqual(states);
  });

  test('and until it is closed: then what waits is forgotten', async () => {
    notifier = systemdNotifier({ NOTIFY_SOCKET: path });
    for (const state of states) notifier?.notify(state);
    notifier?.close();
    const told = received();
    // Its next try would come before that of one that begins to wait now.
    const other = systemdNotifier({ NOTIFY_SOCKET: path });
    for (const state of states) other?.notify(state);
    received();
    const after: string[] = [];
    await vi.waitFor(() => expect(after.push(...received())).toBeGreaterThan(0), WAIT);
    other?.close();
    expect(after).toEqual(states.slice(-after.length));
    expect(told).toEqual(states.slice(0, told.length));
  });
});

describe('the watchdog', () => {
  test.each([undefined, String(process.pid)])('has signs of life twice in its time (WATCHDOG_PID %s)', async (pid) => {
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '100000', ...(pid !== undefined && { WATCHDOG_PID: pid }) };
    const begun = performance.now();
    notifier = systemdNotifier(env);
    const told: string[] = [];
    await vi.waitFor(() => expect(told.push(...received())).toBeGreaterThanOrEqual(3), WAIT);
    expect(performance.now() - begun).toBeGreaterThan(140);
    expect(new Set(told)).toEqual(new Set(['WATCHDOG=1']));
  });

  test.each([{}, { WATCHDOG_USEC: '0' }, { WATCHDOG_USEC: 'often' }, { WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' }])(
    'wants none with %j',
    async (env) => {
      notifier = systemdNotifier({ NOTIFY_SOCKET: path, ...env });
      // Longer than any sign of life could take.
      const other = systemdNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '60000' });
      await vi.waitFor(() => expect(received()).toEqual(['WATCHDOG=1']), { ...WAIT, interval: 40 });
      other?.close();
    },
  );

  test('has none without progress, and the status says why', async () => {
    const progress = { stall: undefined as string | undefined, sentence: '3 services' };
    notifier = systemdNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '40000' }, progress);
    await vi.waitFor(() => expect(received()).toContain('WATCHDOG=1\nSTATUS=3 services'), WAIT);
    progress.stall = 'no look\nfor 90 s';
    received();
    const told: string[] = [];
    await vi.waitFor(() => expect(told.push(...received())).toBeGreaterThanOrEqual(3), WAIT);
    expect(new Set(told.slice(1))).toEqual(new Set(['STATUS=no progress: no look for 90 s']));
    progress.stall = undefined;
    await vi.waitFor(() => expect(received()).toContain('WATCHDOG=1\nSTATUS=3 services'), WAIT);
  });

  test('has none after the end', async () => {
    const ended = systemdNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '10000' });
    await vi.waitFor(() => expect(received()).not.toEqual([]), WAIT);
    ended?.close();
    notifier = systemdNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '100000' });
    received();
    const told: string[] = [];
    await vi.waitFor(() => expect(told.push(...received())).toBeGreaterThan(0), WAIT);
    expect(told).toEqual(['WATCHDOG=1']);
  });
});

test('a process is not held open, by the watchdog or by what waits', () => {
  const module = fileURLToPath(new URL('../../dist/linux/systemd.js', import.meta.url));
  const program = `
    import { systemdNotifier } from '${module}';
    const systemd = systemdNotifier();
    for (let count = 0; count < 1000; count++) systemd.notify('STATUS=' + count);`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: '60000000' },
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(received()[0]).toBe('STATUS=0');
});
