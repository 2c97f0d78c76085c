/**
 * A state file as the source of `keep`: when it is another one, and when it is whole.
 *
 * Watching alone misses much: a bind mount, a file on NFS, a machine without watches left. So it is looked at now and then
 * besides, and what counts is what is found at the path, by whatever way: symbolic links, directories that are swapped.
 * @module
 */
import { createHash } from 'node:crypto';
import { EventEmitter, on } from 'node:events';
import { type FSWatcher, readlinkSync, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DesiredState } from '../config/desired-state.js';
import { type ReadOptions, readStateBytes } from '../config/read.js';
import { LOCK_SH, loadNative } from '../linux/native.js';
import { integer, lazy, parse } from '../model/parse.js';
import type { KeepSource } from './keep.js';

/** How to read the file, and when. */
export interface StateFileSourceOptions extends ReadOptions {
  /**
   * Milliseconds that a file must not have changed before it is read again, 0 to 3600000. Default 2000: a writer may pause. Of a
   * file that was last written longer ago, as by a symbolic link to it, nothing is waited for.
   */
  readonly settle?: number | undefined;
  /** Milliseconds between two looks at the file, besides watching, 100 to 86400000. Default 30000. */
  readonly interval?: number | undefined;
  /** Ends a reading that waits for a lock, with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

const optionsSchema = lazy((z) =>
  z.object({
    settle: integer(0, 3_600_000, ' milliseconds').default(2000),
    interval: integer(100, 86_400_000, ' milliseconds').default(30_000),
  }),
);

/** Milliseconds between an event of the file system and the look: there are several of one change. */
const SOON = 20;
/** Milliseconds between two looks at a file that its writer has locked (flock(2)). */
const LOCK_RETRY = 200;
/** As many as the kernel follows. */
const MOST_LINKS = 40;

const { EAGAIN } = constants.errno;

/** What is at the path. Equal ones need not be read again. */
interface Found {
  /** Device, inode, time, size and content; or why there is none. */
  readonly identity: string;
  /** Milliseconds since 1970 of the last writing. */
  readonly written: number;
  readonly isLocked: boolean;
  /** SHA-256 of the content, in hexadecimal; undefined where it can't be read. */
  readonly hash: string | undefined;
}

/**
 * A state file that is read again whenever it is another one: written anew, renamed over, swapped by a symbolic link or with a
 * directory anywhere on its path. A file that is being written is left alone until it has settled, and for as long as somebody
 * has it locked (flock(2)).
 */
export class StateFileSource implements KeepSource, Disposable {
  readonly changes: AsyncIterable<unknown>;
  readonly #path: string;
  readonly #options: Pick<StateFileSourceOptions, 'signal'> & ReadOptions;
  readonly #settle: number;
  readonly #emitter = new EventEmitter();
  #isClosed = false;
  readonly #interval: NodeJS.Timeout;
  #watchers: FSWatcher[] = [];
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  /** What was read last. */
  #taken: string | undefined;
  #revision: string | undefined;
  /** Whether it is to be read whatever it is. */
  #wanted = false;
  /** What is there now, since when (of `performance.now`). */
  #fresh: { readonly identity: string; readonly since: number } | undefined;

  /** @throws {InvalidArgumentError} for options that are none. */
  constructor(path: string, options: StateFileSourceOptions = {}) {
    const { settle, interval } = parse(optionsSchema, 'state file source', options);
    this.#path = path;
    this.#options = options;
    this.#settle = settle;
    this.changes = on(this.#emitter, 'changed');
    this.#watch();
    this.#interval = setInterval(() => this.#lookIn(0), interval).unref();
  }

  /**
   * Reads the file, once nobody has it locked.
   * @throws {ConfigError} with everything that is wrong with it.
   * @throws the error of node:fs where it cannot be read.
   */
  async read(): Promise<DesiredState> {
    for (;;) {
      const { found, bytes } = await examine(this.#path);
      if (found.isLocked) await sleep(LOCK_RETRY, undefined, { signal: this.#options.signal });
      else {
        this.#taken = found.identity;
        this.#revision = found.hash;
        if (bytes instanceof Error) throw bytes;
        return readStateBytes(bytes, this.#path, this.#options);
      }
    }
  }

  /** SHA-256 of what {@link StateFileSource.read} read last, in hexadecimal; undefined before, and where it could not be read. */
  get revision(): string | undefined {
    return this.#revision;
  }

  /** Says that the file is to be read now, settled or not, unless it is locked: whoever says so has written it. */
  reload(): void {
    this.#wanted = true;
    this.#lookIn(0);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearInterval(this.#interval);
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  #lookIn(milliseconds: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }, milliseconds).unref();
  }

  async #look(): Promise<void> {
    // Before the file is looked at: what comes between is seen by the new watchers.
    this.#watch();
    const { found } = await examine(this.#path);
    if (found.identity === this.#taken && !this.#wanted) {
      this.#fresh = undefined;
      return;
    }
    const now = performance.now();
    if (this.#fresh?.identity !== found.identity) this.#fresh = { identity: found.identity, since: now };
    const settled = Math.max(now - this.#fresh.since, Date.now() - found.written);
    if (found.isLocked) this.#lookIn(LOCK_RETRY);
    else if (settled < this.#settle && !this.#wanted) this.#lookIn(this.#settle - settled);
    else {
      this.#wanted = false;
      this.#fresh = undefined;
      this.#taken = found.identity;
      this.#emitter.emit('changed');
    }
  }

  /** Every directory that has a part of the way to the file. What can't be watched is looked at all the same. */
  #watch(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [...directoriesOf(this.#path)].flatMap(([directory, names]) => {
      try {
        const watcher = watch(directory, { persistent: false }, (_, name) => {
          if (name === null || names.has(name)) this.#lookIn(SOON);
        });
        return [watcher.on('error', () => watcher.close())];
      } catch {
        return [];
      }
    });
  }
}

/** The directories on the way to a file, and the names in each that matter; symbolic links are followed. */
function directoriesOf(path: string): Map<string, Set<string>> {
  const directories = new Map<string, Set<string>>();
  const parts = (text: string) => text.split('/').filter((part) => part !== '' && part !== '.');
  let left = parts(resolve(path));
  let at = '/';
  for (let links = 0; links < MOST_LINKS; ) {
    const [name, ...rest] = left;
    if (name === undefined) break;
    left = rest;
    if (name === '..') {
      at = dirname(at);
      continue;
    }
    directories.set(at, (directories.get(at) ?? new Set()).add(name));
    const target = linkTarget(join(at, name));
    if (target === undefined) at = join(at, name);
    else {
      links += 1;
      if (isAbsolute(target)) at = '/';
      left = [...parts(target), ...rest];
    }
  }
  return directories;
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** What is at a path, with its bytes, or why it can't be read. */
async function examine(path: string): Promise<{ found: Found; bytes: Uint8Array | Error }> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const isLocked = isLockedByOthers(file.fd);
    const bytes = await file.readFile();
    const { dev, ino, mtimeNs, mtimeMs, size } = await file.stat({ bigint: true });
    const hash = createHash('sha256').update(bytes).digest('hex');
    const identity = [dev, ino, mtimeNs, size, hash].join();
    return { found: { identity, written: Number(mtimeMs), isLocked, hash }, bytes };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const found = { identity: `${code}`, written: Date.now(), isLocked: false, hash: undefined };
    return { found, bytes: error as Error };
  } finally {
    await file?.close();
  }
}

/** The lock goes with the descriptor. Where the file system has no locks, or this package no addon, nobody has one. */
export function isLockedByOthers(descriptor: number): boolean {
  try {
    return loadNative().flock(descriptor, LOCK_SH) === -EAGAIN;
  } catch {
    return false;
  }
}
