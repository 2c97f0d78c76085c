import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LockedError, UnavailableError } from '../../../src/errors.js';
import { Lock, lockHolder } from '../../../src/linux/lock.js';
import { namespaceIdentity } from '../../../src/linux/namespace-identity.js';
import {
  persistentDirectory,
  readStateText,
  removeStateFile,
  runDirectory,
  stateFilesIn,
  writeStateText,
} from '../../../src/linux/state-directory.js';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-lock-'));
  path = join(directory, 'deep', 'x.lock');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('a lock', () => {
  test('has one owner, and says who', async () => {
    const before = Date.now();
    const lock = await Lock.take(path, { what: 'the table', program: 'ipvs-ts keep a.yaml', about: { scope: ['x'] } });
    const error = await Lock.take(path, { what: 'the table' }).then(undefined, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(LockedError);
    const { holder, message } = error as LockedError;
    expect(holder).toMatchObject({ pid: process.pid, program: 'ipvs-ts keep a.yaml', about: { scope: ['x'] } });
    expect(Date.parse(holder.since)).toBeGreaterThanOrEqual(before);
    expect(message).toBe(`the table is locked by ipvs-ts keep a.yaml (pid ${process.pid}) since ${holder.since}`);
    expect(lockHolder(path)).toEqual(holder);
    lock[Symbol.dispose]();
    lock[Symbol.dispose]();
    expect(lockHolder(path)).toBeUndefined();
    (await Lock.take(path, { what: 'the table' }))[Symbol.dispose]();
  });

  test('is waited for, as long as is asked for', async () => {
    const first = await Lock.take(path, { what: 'x' });
    setTimeout(() => first[Symbol.dispose](), 60);
    using _second = await Lock.take(path, { what: 'x', wait: 5000 });
    const ending = new AbortController();
    const third = Lock.take(path, { what: 'x', wait: 60_000, signal: ending.signal });
    ending.abort();
    await expect(third).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('of a program that was killed is free, whatever its file says', async () => {
    using _made = await Lock.take(path, { what: 'x' });
    _made[Symbol.dispose]();
    // flock(1) is somebody else's program, and the same lock.
    const other = spawn('flock', ['--exclusive', '--no-fork', path, 'sleep', '60']);
    await expect.poll(() => lockHolder(path)).toMatchObject({ pid: 0 });
    writeFileSync(path, JSON.stringify({ pid: other.pid, program: 'other', since: '2026-01-01T00:00:00Z' }));
    await expect(Lock.take(path, { what: 'x' })).rejects.toMatchObject({ holder: { pid: other.pid } });
    other.kill('SIGKILL');
    using _taken = await Lock.take(path, { what: 'x', wait: 5000 });
    expect(lockHolder(path)).toMatchObject({ pid: process.pid });
  });

  test('is not taken on a file that is not at its path any more', async () => {
    using _first = await Lock.take(path, { what: 'x' });
    rmSync(join(directory, 'deep'), { recursive: true });
    using _second = await Lock.take(path, { what: 'x' });
    expect(statSync(path).size).toBeGreaterThan(0);
  });

  test('that cannot be had says why', async () => {
    await expect(Lock.take('/dev/null/none/x.lock', { what: 'x' })).rejects.toThrow(UnavailableError);
    expect(lockHolder(join(directory, 'none'))).toBeUndefined();
  });
});

describe('a state file', () => {
  test('is written whole, for its owner alone, and leaves nothing beside it', () => {
    const file = join(directory, 'deep', 'a.json');
    expect(readStateText(file)).toBeUndefined();
    expect(stateFilesIn(join(directory, 'deep'), '.json')).toEqual([]);
    writeStateText(file, 'one');
    writeStateText(file, 'two');
    expect(readStateText(file)).toBe('two');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'deep')).mode & 0o777).toBe(0o700);
    writeFileSync(`${file}.1234.unfinished`, 'half');
    expect(stateFilesIn(join(directory, 'deep'), '.json')).toEqual(['a.json']);
    removeStateFile(file);
    removeStateFile(file);
    removeStateFile(join(directory, 'none', 'a.json'));
    expect(readdirSync(join(directory, 'deep'))).toEqual(['a.json.1234.unfinished']);
  });

  test('that cannot be written leaves the old one, and says what to do', () => {
    expect(() => writeStateText('/dev/null/none/a.json', 'x')).toThrow(/^\/dev\/null\/none cannot be made: ENOTDIR/);
    expect(() => writeStateText('/sys/kernel/a.json', 'x')).toThrow(/needs root, or another directory \(IPVS_TS_RUN_/);
    const file = join(directory, 'a.json');
    writeStateText(file, 'one');
    chmodSync(file, 0o400);
    writeStateText(file, 'two');
    expect(readFileSync(file, 'utf8')).toBe('two');
  });

  test('is where the environment says', () => {
    expect([runDirectory({}), persistentDirectory({})]).toEqual(['/run/ipvs-ts', '/var/lib/ipvs-ts']);
    const env = { IPVS_TS_RUN_DIRECTORY: '/a', IPVS_TS_STATE_DIRECTORY: '/b' };
    expect([runDirectory(env), persistentDirectory(env)]).toEqual(['/a', '/b']);
  });
});

test('a namespace has one identity, however it is named', () => {
  expect(namespaceIdentity()).toMatch(/^(net|inode)-[1-9]\d*$/);
  expect(namespaceIdentity({ netns: `/proc/${process.pid}/ns/net` })).toBe(namespaceIdentity());
  expect(() => namespaceIdentity({ netns: 'no-such-namespace' })).toThrow(UnavailableError);
});
