/**
 * All undo journals of a network namespace: where they are, and the lock under which they and the host are changed.
 * @module
 */
import { lstatSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Lock } from '../linux/lock.js';
import { fileProblem, makeDirectory, runDirectory, stateFilesIn } from '../linux/state-directory.js';
import { readJournal } from './journal.js';
import type { HostRecord } from './record.js';
import { type Role, shortDigest } from './setup.js';

/** A journal, and what it says. */
export interface KnownJournal {
  readonly path: string;
  readonly record: HostRecord;
}

/** Milliseconds; another program is done in less, unless it was stopped. */
const LOCK_WAIT = 10_000;

/** How long to wait for another program that changes the host. */
export interface LockWaitOptions {
  /** Milliseconds to wait for another program that changes this host; default 10,000. */
  readonly timeout?: number | undefined;
  /** Ends it between two steps with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** The journals of one namespace. They are in memory: a machine that starts again has nothing to take back. */
export class Journals {
  readonly directory: string;
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
    this.directory = join(runDirectory(), `host-${namespace}`);
  }

  /**
   * One program at a time changes a host.
   * @throws {LockedError} with the one that does, after the wait.
   */
  lock({ timeout = LOCK_WAIT, signal }: LockWaitOptions): Promise<Lock> {
    return Lock.take(join(this.directory, 'lock'), { what: 'the set-up of this host', wait: timeout, signal });
  }

  /** The file of a set-up's journal, unless another one was named for it. */
  pathOf(role: Role, name: string): string {
    return join(this.directory, `${role}-${shortDigest(name)}.jsonl`);
  }

  /** Every journal that is there, also those in files that were named. */
  all(): KnownJournal[] {
    return stateFilesIn(this.directory, '.jsonl').flatMap((name) => {
      const entry = join(this.directory, name);
      const record = readJournal(entry);
      return record?.namespace === this.#namespace ? [{ path: realpathSync(entry), record }] : [];
    });
  }

  /** Lets the journal in a file elsewhere be found with the others. */
  remember(path: string): void {
    const link = this.#linkTo(path);
    makeDirectory(this.directory);
    try {
      if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(resolve(path), link);
    } catch (cause) {
      throw fileProblem('made', link, cause);
    }
  }

  /** A journal that was removed. */
  forget(path: string): void {
    rmSync(this.#linkTo(path), { force: true });
  }

  #linkTo(path: string): string {
    return join(this.directory, `at-${shortDigest(resolve(path))}.jsonl`);
  }
}
