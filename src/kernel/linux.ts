/**
 * The running Linux kernel, in the process's own network namespace or another.
 * @module
 */
import { closeSync, constants, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errnoName, UnavailableError } from '../errors.js';
import { type NamespaceOptions, namespacePath, openFile } from '../netlink/namespace.js';
import { loadNative, NETLINK_GENERIC } from '../netlink/native.js';
import { openNetlinkSocket } from '../netlink/socket.js';
import type { Kernel } from './kernel.js';

/** Bytes of a file's text between two turns of the event loop. */
const PIECE = 64 * 1024;

/** Which namespace. */
export interface LinuxKernelOptions extends NamespaceOptions {}

/** The running kernel. The process stays in its own namespace whichever is named here. */
export function linuxKernel({ netns }: LinuxKernelOptions = {}): Kernel {
  return {
    socket: () => openNetlinkSocket(NETLINK_GENERIC, netns),
    proc: (name) => readProc(name, netns),
    ticksPerSecond,
  };
}

/**
 * Reads without the thread pool: the kernel makes the text while it is read, so that nothing is waited for, and hands
 * out about a page a call.
 */
async function* readProc(name: string, netns: string | undefined): AsyncGenerator<string> {
  const descriptor = openProc(name, netns);
  try {
    const piece = Buffer.alloc(PIECE);
    for (;;) {
      const length = fill(descriptor, piece);
      if (length > 0) yield piece.toString('latin1', 0, length);
      if (length < PIECE) return;
      await nextTurn();
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Reads until the buffer is full or the file ends. */
function fill(descriptor: number, into: Buffer): number {
  let length = 0;
  while (length < into.length) {
    const count = readSync(descriptor, into, length, into.length - length, null);
    if (count === 0) break;
    length += count;
  }
  return length;
}

function openProc(name: string, netns: string | undefined): number {
  const descriptor = openFile(`/proc/thread-self/net/${name}`, constants.O_RDONLY, netns);
  if (descriptor >= 0) return descriptor;
  const where = netns === undefined ? '' : ` in ${namespacePath(netns)}`;
  throw new UnavailableError(`${procProblem(name, errnoName(descriptor))}${where}`);
}

function procProblem(name: string, code: string): string {
  const hint =
    code === 'ENOENT' && name.startsWith('ip_vs') ? ' (is the ip_vs module loaded? try "modprobe ip_vs")' : '';
  return `/proc/net/${name} cannot be read: ${code}${hint}`;
}

function ticksPerSecond(): number | undefined {
  try {
    return Math.round(1e9 / loadNative().clockTick());
  } catch {
    return undefined;
  }
}
