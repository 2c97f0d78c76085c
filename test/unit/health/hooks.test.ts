import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runHook } from '../../../src/health/hook-program.js';
import { type HookFailure, type HookRunner, Hooks } from '../../../src/health/hooks.js';
import { fifoLine, type News } from '../../../src/health/notify-fifo.js';
import { accountIds } from '../../../src/linux/user.js';
import { parseServiceKey } from '../../../src/model/service-key.js';

const SERVICE = parseServiceKey('tcp://192.0.2.1:80');
const SERVER = { address: '10.0.0.11', port: 80 };
const NEVER = new AbortController().signal;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-hooks-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const hook = (script: string, timeout = 5000) => ({ command: ['/bin/sh', '-c', script], timeout });
const news = (isUp: boolean, service = SERVICE, reason = 'refused'): News => ({
  service,
  server: SERVER,
  isUp,
  reason,
});

describe('the program of a hook', () => {
  test('has what happened in its environment, and no shell of ours', async () => {
    const path = join(directory, 'out');
    const variables = { NOTIFY_EVENT: 'down', NOTIFY_REASON: '$(touch /nowhere) "x"' };
    expect(await runHook(hook(`printf '%s %s' "$NOTIFY_EVENT" "$NOTIFY_REASON" > ${path}`), variables, NEVER)).toBe(
      undefined,
    );
    expect(readFileSync(path, 'utf8')).toBe('down $(touch /nowhere) "x"');
  });

  test.each<[string, string[], string]>([
    ['its exit code, with its last words', ['/bin/sh', '-c', 'echo no route >&2; exit 3'], 'exit code 3: "no route"'],
    ['the signal that ended it', ['/bin/sh', '-c', 'kill -9 $$'], 'ended by SIGKILL'],
    ['that it is not there', ['/nowhere/told'], 'there is no program /nowhere/told'],
    ['that it is no program', ['/etc/passwd'], '/etc/passwd may not be run'],
  ])('fails with %s', async (_, command, reason) => {
    expect(await runHook({ command, timeout: 5000 }, {}, NEVER)).toBe(reason);
  });

  test('is killed with its group when its time is over', async () => {
    const path = join(directory, 'child');
    const script = `sleep 60 & echo $! > ${path}; wait`;
    const begun = performance.now();
    expect(await runHook(hook(script, 300), {}, NEVER)).toBe('no end within 300 ms: killed');
    expect(performance.now() - begun).toBeLessThan(3000);
    const child = Number(readFileSync(path, 'utf8'));
    // A zombie until its parent looks is as good as gone.
    await vi.waitFor(() => expect(isRunning(child)).toBe(false));
  });

  test('that holds its errors open in the background keeps nobody waiting', async () => {
    const begun = performance.now();
    expect(await runHook(hook('sleep 5 & exit 1'), {}, NEVER)).toBe('exit code 1');
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  test.skipIf(process.getuid?.() !== 0)('runs as another user', async () => {
    const path = join(directory, 'who');
    writeFileSync(path, '', { mode: 0o666 });
    execFileSync('chmod', ['777', directory, path]);
    const whoami = { ...hook(`id -un > ${path}; id -G >> ${path}`), user: 'nobody' };
    expect(await runHook(whoami, {}, NEVER)).toBe(undefined);
    expect(readFileSync(path, 'utf8')).toBe(`nobody\n${accountIds('nobody', undefined).gid}\n`);
  });

  test('says that there is no such user', async () => {
    expect(await runHook({ ...hook('true'), user: 'no-such-user' }, {}, NEVER)).toBe('there is no user no-such-user');
    expect(await runHook({ ...hook('true'), group: 'no-such-group' }, {}, NEVER)).toBe(
      'there is no group no-such-group',
    );
  });
});

test('users and groups by name or number', () => {
  expect(accountIds('root', undefined)).toEqual({ uid: 0, gid: 0 });
  expect(accountIds('0', 'daemon')).toMatchObject({ uid: 0, gid: expect.any(Number) });
  expect(accountIds(undefined, 'root')).toEqual({ gid: 0 });
  expect(accountIds('54321', undefined)).toEqual({ uid: 54321, gid: 54321 });
});

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

describe('hooks', () => {
  /** Programs that end when the test says so. */
  function running() {
    const begun: { event: string; service: string; end: (why?: string) => void }[] = [];
    const run: HookRunner = (_, { NOTIFY_EVENT = '', NOTIFY_SERVICE = '' }) =>
      new Promise((resolve) => begun.push({ event: NOTIFY_EVENT, service: NOTIFY_SERVICE, end: resolve }));
    const failures: HookFailure[] = [];
    return { begun, failures, hooks: new Hooks(run, (failure) => failures.push(failure)) };
  }
  const both = { up: hook('up'), down: hook('down'), quorumDown: hook('quorum') };

  test('of one service run one after the other, those of others beside them', async () => {
    const { begun, hooks } = running();
    const other = parseServiceKey('tcp://192.0.2.2:80');
    hooks.tell(news(false), both);
    hooks.tell(news(true), both);
    hooks.tell(news(false, other), both);
    expect(begun.map(({ event, service }) => `${event} ${service}`)).toEqual([
      'down tcp://192.0.2.1:80',
      'down tcp://192.0.2.2:80',
    ]);
    begun[0]?.end();
    await sleep(0);
    expect(begun.at(-1)).toMatchObject({ event: 'up', service: 'tcp://192.0.2.1:80' });
  });

  test('that fail are told, and the next one runs', async () => {
    const { begun, failures, hooks } = running();
    hooks.tell({ service: SERVICE, isUp: false, reason: 'too few' }, both);
    hooks.tell(news(true), both);
    begun[0]?.end('exit code 1');
    await sleep(0);
    expect(failures).toEqual([
      { service: 'tcp://192.0.2.1:80', event: 'quorum-down', hook: '/bin/sh -c quorum', reason: 'exit code 1' },
    ]);
    expect(begun).toHaveLength(2);
  });

  test('do not wait without bounds: the oldest are not run, and told', () => {
    const { begun, failures, hooks } = running();
    for (let count = 0; count < 1003; count++) hooks.tell(news(count % 2 === 0), both);
    expect(begun).toHaveLength(1);
    expect(failures).toHaveLength(2);
    expect(failures[0]).toMatchObject({ event: 'down', server: '10.0.0.11:80', reason: 'not run: 1000 others wait' });
  });

  test('eight run at a time', () => {
    const { begun, hooks } = running();
    for (let host = 1; host <= 20; host++) hooks.tell(news(true, parseServiceKey(`tcp://192.0.2.${host}:80`)), both);
    expect(begun).toHaveLength(8);
  });

  test('that are not there run nothing', () => {
    const { begun, hooks } = running();
    hooks.tell(news(true), { down: hook('down') });
    hooks.tell({ service: SERVICE, isUp: true, reason: '' }, both);
    expect(begun).toEqual([]);
  });

  test('a program that runs is killed in the end, and nothing more is told', async () => {
    const failures: HookFailure[] = [];
    const path = join(directory, 'pid');
    const hooks = new Hooks(runHook, (failure) => failures.push(failure));
    hooks.tell(news(true), { up: hook(`echo $$ > ${path}; exec sleep 60`) });
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).not.toBe(''));
    hooks[Symbol.dispose]();
    await vi.waitFor(() => expect(isRunning(Number(readFileSync(path, 'utf8')))).toBe(false));
    expect(failures).toEqual([]);
  });
});

test.each<[string, News, string]>([
  ['a server', news(true), 'RS [10.0.0.11]:tcp:80 [192.0.2.1]:tcp:80 UP\n'],
  [
    'a server over IPv6',
    {
      service: parseServiceKey('udp://[2001:db8::1]:53'),
      server: { address: '2001:db8::11', port: 53 },
      isUp: false,
      reason: '',
    },
    'RS [2001:db8::11]:udp:53 [2001:db8::1]:udp:53 DOWN\n',
  ],
  ['a server of a mark', news(false, parseServiceKey('fwmark://5')), 'RS [10.0.0.11]:none:80 FWM 5 DOWN\n'],
  ['a quorum', { service: SERVICE, isUp: true, reason: '' }, 'VS [192.0.2.1]:tcp:80 UP\n'],
  ['a quorum of a mark', { service: parseServiceKey('fwmark://5'), isUp: false, reason: '' }, 'VS FWM 5 DOWN\n'],
])('the line of %s', (_, given, line) => {
  expect(fifoLine(given)).toBe(line);
});

describe('a FIFO', () => {
  const failures: HookFailure[] = [];
  let hooks: Hooks;
  let path: string;
  beforeEach(() => {
    failures.length = 0;
    hooks = new Hooks(
      async () => undefined,
      (failure) => failures.push(failure),
    );
    path = join(directory, 'events');
  });
  afterEach(() => hooks[Symbol.dispose]());

  /** What waits in it. */
  function read(): string {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(1 << 20);
    try {
      return buffer.toString('utf8', 0, readSync(descriptor, buffer));
    } catch {
      return '';
    } finally {
      closeSync(descriptor);
    }
  }

  test('is made for its owner alone, and gets all lines in their order', async () => {
    hooks.tell(news(false), { fifo: path });
    hooks.tell({ service: SERVICE, isUp: false, reason: '' }, { fifo: path });
    await vi.waitFor(() => expect(existsSync(path)).toBe(true));
    await sleep(20);
    expect(statSync(path).isFIFO()).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(read()).toBe('RS [10.0.0.11]:tcp:80 [192.0.2.1]:tcp:80 DOWN\nVS [192.0.2.1]:tcp:80 DOWN\n');
    expect(failures).toEqual([]);
  });

  test('that nobody reads blocks nothing: what has no room is told', async () => {
    execFileSync('mkfifo', [path]);
    hooks.tell(news(false), { fifo: path });
    await sleep(20);
    const begun = performance.now();
    for (let count = 0; count < 2000; count++) hooks.tell(news(true), { fifo: path });
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(failures.length).toBeGreaterThan(300);
    expect(failures[0]).toMatchObject({ event: 'up', hook: path, reason: 'it is full: nobody reads it' });
    const lines = read().split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.length + failures.length).toBe(2001);
    expect(new Set(lines.slice(1))).toEqual(new Set(['RS [10.0.0.11]:tcp:80 [192.0.2.1]:tcp:80 UP']));
  });

  test('that is a file, or cannot be made, is told, and left alone', async () => {
    writeFileSync(path, 'mine');
    hooks.tell(news(false), { fifo: path });
    await vi.waitFor(() => expect(failures).toHaveLength(1));
    expect(failures[0]).toMatchObject({ reason: 'it is no FIFO' });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    hooks.tell(news(false), { fifo: join(directory, 'nowhere', 'events') });
    await vi.waitFor(() => expect(failures).toHaveLength(2));
    expect(failures[1]?.reason).toMatch(/^it cannot be made: mkfifo: /);
  });
});
