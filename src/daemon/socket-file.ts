/**
 * The unix socket of the API: who may connect, and whose it is.
 * @module
 */
import { chmodSync, chownSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { InvalidArgumentError, UnavailableError } from '../errors.js';
import { Lock } from '../linux/lock.js';
import { fileProblem, makeDirectory, runDirectory } from '../linux/state-directory.js';

/** Bytes of a path that the kernel takes (unix(7)), without the NUL. */
const LONGEST = 107;

/** Who may connect. */
export interface SocketOptions {
  readonly path: string;
  /** A group, by name or number, whose members may connect; undefined: only this user and root. */
  readonly group: string | undefined;
  /** This program, for whoever wants the same socket. */
  readonly program: string;
}

/**
 * Lets a server listen at a path. The socket of a program that has died is taken over.
 * @returns what lets go of the path.
 * @throws {LockedError} if another of these programs has it, and names that.
 * @throws {InvalidArgumentError} for a path or a group that is none.
 * @throws {UnavailableError} if the path is no socket, has another program behind it, or can't be written.
 */
export async function listenAt(server: Server, { path, group, program }: SocketOptions): Promise<Disposable> {
  if (path === '' || path.includes('\0') || Buffer.byteLength(path) > LONGEST) {
    throw new InvalidArgumentError('socket', [{ path: '', message: `must be a path of 1 to ${LONGEST} bytes` }]);
  }
  const owner = group === undefined ? undefined : groupNumber(group);
  makeDirectory(dirname(path));
  const lock = await Lock.take(`${path}.lock`, { what: `the socket ${path}`, program });
  try {
    await removeStale(path);
    await listen(server, path);
    open(path, owner);
    return lock;
  } catch (error) {
    server.close();
    lock[Symbol.dispose]();
    throw error;
  }
}

/** The lock says that none of ours is alive: a program of another kind may be. */
async function removeStale(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) throw new UnavailableError(`${path} is there, and is no socket`);
  if (await answers(path)) throw new UnavailableError(`${path} is the socket of another program that runs`);
  rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const end = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.on('connect', () => end(true)).on('error', ({ code }: NodeJS.ErrnoException) => end(code === 'EAGAIN'));
  });
}

/** The socket is made within this call, and for its owner alone. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) => reject(fileProblem('made', path, cause));
    server.once('error', failed);
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', failed);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** The directory of ours lets nobody else through: members of the group must come as far as the socket. */
function open(path: string, group: number | undefined): void {
  try {
    if (group === undefined) return chmodSync(path, 0o600);
    const user = process.getuid?.() ?? 0;
    chownSync(path, user, group);
    chmodSync(path, 0o660);
    const directory = dirname(path);
    if (directory !== runDirectory()) return;
    chownSync(directory, user, group);
    chmodSync(directory, 0o710);
  } catch (cause) {
    throw fileProblem('given to the group', path, cause);
  }
}

/** By number, or as /etc/group has it. @throws {InvalidArgumentError} */
function groupNumber(group: string): number {
  if (/^\d{1,10}$/.test(group)) return Number(group);
  const lines = readFileSync('/etc/group', 'utf8').split('\n');
  const [, , number] = lines.map((line) => line.split(':')).find(([name]) => name === group) ?? [];
  if (number !== undefined) return Number(number);
  throw new InvalidArgumentError('socket', [{ path: 'group', message: `"${group}" is no group of /etc/group` }]);
}
