/**
 * The running Linux kernel, in the process's own network namespace or another.
 * @module
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errnoName, UnavailableError } from '../errors.js';
import {
  AF_NETLINK,
  loadNative,
  type NativeError,
  type NativeSocket,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GENERIC,
  SO_RCVBUFFORCE,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
} from '../netlink/native.js';
import type { Transport } from '../netlink/transport.js';
import type { Kernel } from './kernel.js';

/** Bytes; room for the answers to many requests while nobody reads. */
const RECEIVE_BUFFER = 1024 * 1024;
/** Bytes of a file's text between two turns of the event loop. */
const PIECE = 64 * 1024;

/** Which namespace. */
export interface LinuxKernelOptions {
  /** A name as of `ip netns` (`blue`), or a path (`/run/netns/blue`, `/proc/1234/ns/net`); default: the process's own. */
  readonly netns?: string | undefined;
}

/** The running kernel. The process stays in its own namespace whichever is named here. */
export function linuxKernel({ netns }: LinuxKernelOptions = {}): Kernel {
  const path = netns === undefined || isAbsolute(netns) ? netns : `/run/netns/${netns}`;
  return {
    socket: () => openSocket(path),
    proc: (name) => readProc(name, path),
    ticksPerSecond,
  };
}

function openSocket(netns: string | undefined): Transport {
  const { Socket } = loadNative();
  let socket: NativeSocket;
  try {
    socket = new Socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, netns);
  } catch (cause) {
    throw new UnavailableError(socketProblem(cause as NativeError), { cause });
  }
  // Each of these is a help on kernels and with rights that have it; none is needed.
  socket.setOption(SOL_NETLINK, NETLINK_CAP_ACK, integer(1));
  socket.setOption(SOL_NETLINK, NETLINK_EXT_ACK, integer(1));
  socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, integer(RECEIVE_BUFFER));
  return socket;
}

function socketProblem({ code, syscall, path }: NativeError): string {
  if (path === undefined) return `a netlink socket cannot be opened: ${syscall}: ${code}`;
  const hint = code === 'EPERM' ? ' (entering a namespace needs CAP_SYS_ADMIN)' : '';
  return `the network namespace ${path} cannot be entered: ${syscall}: ${code}${hint}`;
}

/** A C int in the machine's order. */
function integer(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
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

/** /proc/net is the main thread's namespace; /proc/thread-self/net is the caller's. */
function openProc(name: string, netns: string | undefined): number {
  const path = `/proc/thread-self/net/${name}`;
  if (netns === undefined) {
    try {
      return openSync(path, 'r');
    } catch (cause) {
      throw new UnavailableError(procProblem(name, (cause as NodeJS.ErrnoException).code ?? ''), { cause });
    }
  }
  const descriptor = loadNative().openFile(path, netns);
  if (descriptor < 0) throw new UnavailableError(`${procProblem(name, errnoName(descriptor))} in ${netns}`);
  return descriptor;
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
