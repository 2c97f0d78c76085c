/**
 * The running Linux kernel, in the process's own network namespace or another.
 * @module
 */
import { closeSync, constants, read, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { errnoName, UnavailableError } from '../errors.js';
import { IPPROTO_IP } from '../linux/inet-socket.js';
import { type NamespaceOptions, namespacePath, openFile } from '../linux/namespace.js';
import { AF_INET, loadNative, NETLINK_GENERIC, SOCK_DGRAM } from '../linux/native.js';
import { openSocket } from '../linux/socket.js';
import { readSysctl } from '../linux/sysctl.js';
import { TIME_SLICE } from '../linux/time-slice.js';
import { openNetlinkSocket } from '../netlink/socket.js';
import type { Kernel, OptionSocket } from './kernel.js';
import { linuxNetwork } from './linux-network.js';

/** Bytes that are asked for. The kernel hands out about a page a call (seq_read_iter in fs/seq_file.c); pages go up to this. */
const PIECE = 64 * 1024;
/**
 * Milliseconds for a page, read and worked off, after which the next one is read in another thread: with TIME_SLICE, the loop is
 * held for 10 ms at most.
 */
const SLOW = 6;

/** Which namespace. */
export interface LinuxKernelOptions extends NamespaceOptions {}

/**
 * The running kernel. The process stays in its own namespace whichever is named here.
 *
 * @example
 * ```ts
 * import { Ipvs, linuxKernel } from 'ipvs-ts';
 * await using ipvs = await Ipvs.open({ kernel: linuxKernel({ netns: 'blue' }) });
 * ```
 */
export function linuxKernel({ netns }: LinuxKernelOptions = {}): Kernel {
  return {
    socket: () => openNetlinkSocket(NETLINK_GENERIC, netns),
    options: () => openOptions(netns),
    proc: (name) => readProc(name, netns),
    ticksPerSecond,
    sysctl: (name) => readSysctl(name, { netns }),
    network: linuxNetwork(netns),
  };
}

/** Of UDP: the options belong to IP, and ipvsadm's raw socket needs CAP_NET_RAW besides. */
function openOptions(netns: string | undefined): OptionSocket {
  const socket = openSocket({ what: 'an IPv4 socket', domain: AF_INET, type: SOCK_DGRAM, protocol: 0, netns });
  return {
    set: (option, value) => socket.setOption(IPPROTO_IP, option, value),
    get: (option, value) => socket.getOption(IPPROTO_IP, option, value),
    close: () => socket.close(),
  };
}

/**
 * Most files are read without the thread pool: the kernel makes the text while it is read, so that nothing is waited for,
 * and to go to another thread and back costs more than to make a page. But it looks for the place where it left off from
 * the start of the table, call by call (ip_vs_conn_array in ip_vs_conn.c): far down a long connection table that is
 * what takes the time, and another thread's.
 */
async function* readProc(name: string, netns: string | undefined): AsyncGenerator<string> {
  const descriptor = openProc(name, netns);
  try {
    const piece = Buffer.alloc(PIECE);
    let isSlow = false;
    let turn = performance.now();
    let last = turn;
    for (;;) {
      const length = isSlow ? (await readAside(descriptor, { buffer: piece })).bytesRead : readSync(descriptor, piece);
      if (length === 0) return;
      yield piece.toString('latin1', 0, length);
      const now = performance.now();
      isSlow = now - last > SLOW;
      last = now;
      if (now - turn < TIME_SLICE) continue;
      await nextTurn();
      turn = performance.now();
    }
  } finally {
    closeSync(descriptor);
  }
}

/** In the thread pool. */
const readAside = promisify(read);

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
