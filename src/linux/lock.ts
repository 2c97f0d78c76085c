/**
 * Locks of one owner, as files that say who it is. The kernel holds them (flock(2)) for as long as the process lives: one that
 * was killed holds nothing, whatever its file says.
 * @module
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoName, LockedError, type LockHolder } from '../errors.js';
import { LOCK_EX, LOCK_SH, LOCK_UN, loadNative } from './native.js';
import { fileProblem, makeDirectory } from './state-directory.js';

const { EAGAIN } = constants.errno;

/** How to take a lock. */
export interface LockOptions {
  /** What is locked, for errors: `the table of network namespace net-1`. */
  readonly what: string;
  /** The program that takes it, for whoever comes later. Default: the name of this process's script. */
  readonly program?: string | undefined;
  /** What else others are to know, as JSON. */
  readonly about?: unknown;
  /** Milliseconds to wait for another holder. Default 0: whoever comes second is refused. */
  readonly wait?: number | undefined;
  /** Ends the wait with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds between two tries. */
const RETRY = 10;
/** {@link lockHolder} has the lock itself for some microseconds: one try says too little. */
const LEAST_TRIES = 3;

/** A lock that is held, until it is disposed of or the process ends. */
export class Lock implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  #held = true;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  /**
   * Takes the lock at this path. Its file is made where there is none, and stays when the lock is let go of: to remove it
   * would give two programs a file each.
   * @throws {LockedError} if somebody else holds it.
   * @throws {UnavailableError} if the file can't be written, or without the addon.
   */
  static async take(path: string, options: LockOptions): Promise<Lock> {
    const { what, program = basename(process.argv[1] ?? process.execPath), about, wait = 0, signal } = options;
    makeDirectory(dirname(path));
    const end = performance.now() + wait;
    for (let tries = 1; ; tries++) {
      const descriptor = lockedFile(path);
      if (descriptor !== undefined) {
        const holder: LockHolder = { pid: process.pid, program, since: new Date().toISOString(), about };
        ftruncateSync(descriptor);
        writeSync(descriptor, `${JSON.stringify(holder)}\n`, 0);
        return new Lock(path, descriptor);
      }
      if (tries >= LEAST_TRIES && performance.now() >= end) throw new LockedError(what, holderIn(path));
      await sleep(RETRY, undefined, { signal });
    }
  }

  [Symbol.dispose](): void {
    if (!this.#held) return;
    this.#held = false;
    ftruncateSync(this.#descriptor);
    closeSync(this.#descriptor);
  }
}

/** A descriptor of the file that stands at the path, locked; undefined while somebody else has it. */
function lockedFile(path: string): number | undefined {
  const descriptor = open(path, 'a+');
  try {
    // Whoever clears the directory away takes the name from under a lock: then the file at the path is another one.
    if (tryLock(descriptor, path, LOCK_EX) && isAt(path, descriptor)) return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  closeSync(descriptor);
  return undefined;
}

function isAt(path: string, descriptor: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  const ours = fstatSync(descriptor);
  return there?.ino === ours.ino && there.dev === ours.dev;
}

function open(path: string, flags: string): number {
  try {
    return openSync(path, flags, 0o600);
  } catch (cause) {
    throw fileProblem('opened', path, cause);
  }
}

function tryLock(descriptor: number, path: string, operation: number): boolean {
  const result = loadNative().flock(descriptor, operation);
  if (result === 0) return true;
  if (result === -EAGAIN) return false;
  throw fileProblem('locked', path, { code: errnoName(result) });
}

/**
 * Who holds the lock at this path; undefined if nobody does.
 * @throws {UnavailableError} if that can't be found out.
 */
export function lockHolder(path: string): LockHolder | undefined {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const descriptor = open(path, 'r');
  try {
    if (!tryLock(descriptor, path, LOCK_SH)) return holderIn(path);
    loadNative().flock(descriptor, LOCK_UN);
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** Pid 0 where the holder has not said yet who it is. */
function holderIn(path: string): LockHolder {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LockHolder;
  } catch {
    return { pid: 0, program: 'unknown', since: new Date().toISOString() };
  }
}
