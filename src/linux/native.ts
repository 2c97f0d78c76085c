/**
 * The typed face of the native addon (`native/`): sockets that Node itself can't open, and two small things only the
 * kernel knows. Nothing of netlink's messages is known here.
 *
 * Numbers below zero are negative errnos, as in Node's own system errors (`-11` is EAGAIN); name one with
 * `util.getSystemErrorName()`. System calls answer with them, and only a constructor throws; an argument of the wrong
 * type is a TypeError everywhere.
 * @module
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnavailableError } from '../errors.js';

/** Address family of sockets between the processes of one machine. */
export const AF_UNIX = 1;
/** Address family of IPv4 sockets. */
export const AF_INET = 2;
/** Address family of IPv6 sockets. */
export const AF_INET6 = 10;
/** Address family of netlink sockets: `domain` of {@link NativeSocketConstructor}. */
export const AF_NETLINK = 16;
/** Address family of sockets that send and receive whole frames of a device; needs CAP_NET_RAW. */
export const AF_PACKET = 17;
/** Socket type of connections. */
export const SOCK_STREAM = 1;
/** Socket type of datagrams. */
export const SOCK_DGRAM = 2;
/** Socket type of netlink sockets, and of packet sockets whose frames have their link header. */
export const SOCK_RAW = 3;
/** The netlink protocol of links, addresses, routes and rules. */
export const NETLINK_ROUTE = 0;
/** The netlink protocol that carries generic netlink families, IPVS among them. */
export const NETLINK_GENERIC = 16;

/** Level of the options that every socket has. */
export const SOL_SOCKET = 1;
/** Several sockets of one address and port: all of them get what is sent to a group. */
export const SO_REUSEADDR = 2;
/** Size in bytes of the receive buffer, as a 32-bit integer. The kernel doubles it, up to twice net.core.rmem_max. */
export const SO_RCVBUF = 8;
/** The device that a socket uses, by its name with a zero behind it; needs CAP_NET_RAW. */
export const SO_BINDTODEVICE = 25;
/** The mark of a socket's packets, a 32-bit integer; needs CAP_NET_ADMIN. */
export const SO_MARK = 36;
/** The same as SO_RCVBUF without the limit; needs CAP_NET_ADMIN. */
export const SO_RCVBUFFORCE = 33;
/** A number that names the socket's network namespace and is not given to another one before the machine starts again (Linux 5.14). */
export const SO_NETNS_COOKIE = 71;
/** Level of netlink's own options. */
export const SOL_NETLINK = 270;
/** Acknowledgements don't repeat the request (Linux 4.3). */
export const NETLINK_CAP_ACK = 10;
/** Acknowledgements and errors carry the kernel's words (Linux 4.12). */
export const NETLINK_EXT_ACK = 11;

/** A lock that others may share. */
export const LOCK_SH = 1;
/** A lock of one holder. */
export const LOCK_EX = 2;
/** Lets go of a lock. */
export const LOCK_UN = 8;

/**
 * One socket: non-blocking, closed on exec. After {@link NativeSocket.close} every call answers `-EBADF`. A socket that is
 * neither closed nor watched is closed when it is garbage collected.
 */
export interface NativeSocket {
  /** bind(2) to a `struct sockaddr` in the machine's byte order. 0 or a negative errno. */
  bind(address: Uint8Array): number;
  /**
   * connect(2) to a `struct sockaddr` in the machine's byte order: where {@link NativeSocket.send} sends to. 0 or a negative
   * errno; for a socket of datagrams it is done at once.
   */
  connect(address: Uint8Array): number;
  /** setsockopt(2). 0 or a negative errno. */
  setOption(level: number, name: number, value: Uint8Array): number;
  /** getsockopt(2): writes the value into `into`, and answers with its length in bytes, or a negative errno. */
  getOption(level: number, name: number, into: Uint8Array): number;
  /**
   * SO_ATTACH_FILTER: which datagrams are queued at all, by a program of classic BPF (`struct sock_filter`, 8 bytes an
   * instruction, in the machine's byte order; at most 4096 of them). 0 or a negative errno.
   */
  setFilter(program: Uint8Array): number;
  /** getsockname(2): the `struct sockaddr`, which for netlink holds the port id. Throws a {@link NativeError}. */
  localAddress(): Uint8Array;
  /** send(2), never blocking: the number of bytes, or a negative errno. Netlink's kernel side answers before it returns. */
  send(data: Uint8Array): number;
  /**
   * recv(2), never blocking: the datagram's whole length, which is more than `into.length` if it was cut off, or a
   * negative errno: EAGAIN when there is nothing, ENOBUFS once when the kernel had to drop something.
   */
  receive(into: Uint8Array): number;
  /**
   * recvmmsg(2), never blocking: as many datagrams as there are, at most as many as `lengths` has places (and 16), each into
   * its equal share of `into`. Sets their lengths, as {@link NativeSocket.receive} tells them. Returns how many there were,
   * or a negative errno; one that comes after the first datagram is told by the next call.
   */
  receiveMany(into: Uint8Array, lengths: Int32Array): number;
  /**
   * Calls back whenever there is something to receive, until {@link NativeSocket.unwatch}; holds the process open
   * meanwhile. `overrun` says that datagrams were dropped: the next `receive` says ENOBUFS, what is queued follows. The
   * callback must receive until EAGAIN, or it is called again at once. A second call replaces the callback. 0 or a
   * negative errno.
   */
  watch(onReadable: (overrun: boolean) => void): number;
  /** Stops calling back and lets the process end. Allowed at any time, also in the callback. */
  unwatch(): void;
  /** Closes the socket. Allowed at any time, also in the callback, and twice. */
  close(): void;
}

/**
 * socket(2). `netnsPath` names the network namespace to make it in (`/run/netns/NAME`, `/proc/PID/ns/net`); the calling
 * process stays in its own. Throws a {@link NativeError}.
 */
export type NativeSocketConstructor = new (
  domain: number,
  type: number,
  protocol: number,
  netnsPath?: string,
) => NativeSocket;

/**
 * Many sockets behind one descriptor of epoll(7), by their numbers: non-blocking, closed on exec, and closed with the set. A
 * number that is none of the set's is answered with `-EBADF`.
 */
export interface NativeSocketSet {
  /**
   * socket(2), bind(2) and connect(2), never waiting: a new socket's number, or a negative errno. Addresses are a `struct sockaddr`
   * in the machine's byte order. `mark` is SO_MARK (0: none), `device` SO_BINDTODEVICE (empty: none); they need CAP_NET_ADMIN and
   * CAP_NET_RAW. `type` is SOCK_STREAM unless it is given; a socket of datagrams is not connected.
   */
  connect(address: Uint8Array, source?: Uint8Array, mark?: number, device?: string, type?: number): number;
  /**
   * Whose state has changed since it was asked last: pairs of a socket's number and 0, or a negative errno of the socket. At most
   * 64 pairs, and half as many as `into` has places; how many there are. A connection has come about, bytes came, the other side
   * ended: each is told once, and whoever wants bytes must receive until EAGAIN.
   */
  ready(into: Int32Array): number;
  /** Whether a socket is connected to itself: both of its ends have one address and port. */
  isOwnPeer(socket: number): boolean;
  /** send(2), never blocking: the number of bytes, or a negative errno. */
  send(socket: number, data: Uint8Array): number;
  /** recv(2), never blocking: the number of bytes, 0 at the end of the connection, or a negative errno. */
  receive(socket: number, into: Uint8Array): number;
  /** Gives a socket away: it belongs to the caller, who closes it. Its number. */
  release(socket: number): number;
  /** Closes a socket; with `reset` the other side is told by a reset, so that neither has anything to wait for. */
  close(socket: number, reset: boolean): number;
  /** Calls back whenever {@link NativeSocketSet.ready} has something to tell. 0 or a negative errno. */
  watch(onReady: () => void): number;
  /** Whether watching holds the process open: at first it does. */
  hold(hold: boolean): void;
  /** Closes all sockets, and the set. */
  end(): void;
}

/**
 * What {@link NativeSocketConstructor}, {@link NativeSocket.localAddress} and {@link Native.openFile} throw: made like
 * Node's system errors.
 */
export interface NativeError extends Error {
  /** The errno's name: `EPERM`. */
  readonly code: string;
  /** The errno, negative. */
  readonly errno: number;
  /** What failed. `pthread_create` is for want of the short-lived thread that enters a namespace. */
  readonly syscall: 'open' | 'setns' | 'socket' | 'getsockname' | 'pthread_create' | 'epoll_create1';
  /** The namespace's file, if the namespace could not be entered. */
  readonly path?: string;
}

/** What the addon exports. */
export interface Native {
  readonly Socket: NativeSocketConstructor;
  /** Throws a {@link NativeError} for want of a descriptor. */
  readonly SocketSet: new () => NativeSocketSet;
  /**
   * open(2) of a file that exists, with O_CLOEXEC: a descriptor, which the caller closes (`fs.closeSync`), or a negative
   * errno. `flags` is O_RDONLY, O_WRONLY or O_RDWR of `fs.constants`, and what goes with them but O_CREAT. With
   * `netnsPath` it is opened by a thread inside that network namespace, so that `/proc/thread-self/net/...` and
   * `/proc/sys/net/...` are that namespace's files, and stay so for the descriptor's life. Throws a {@link NativeError} if
   * the namespace can't be entered.
   */
  openFile(path: string, flags: number, netnsPath?: string): number;
  /**
   * flock(2), never waiting: {@link LOCK_SH}, {@link LOCK_EX} or {@link LOCK_UN} on an open file. 0, or a negative errno:
   * EAGAIN while another descriptor has a lock that this one does not go with.
   */
  flock(descriptor: number, operation: number): number;
  /**
   * SO_PEERCRED of a unix socket by its descriptor: who connected, as process id, user and group, in the first three places of `into`.
   * User and group are numbers of 32 bits without a sign. 0, or a negative errno.
   */
  peerCredentials(descriptor: number, into: Int32Array): number;
  /**
   * The length of the kernel's clock tick (jiffy) in nanoseconds: 4,000,000 where CONFIG_HZ is 250. Some files in /proc
   * give times in ticks, and no unprivileged file tells their length.
   */
  clockTick(): number;
}

/** The part of node-gyp-build (which has no types) that is used: the addon of the package in a directory. */
type NodeGypBuild = (packageRoot: string) => unknown;

let loaded: Native | undefined;

/**
 * Loads the addon, at the first call: a local build (`build/Release`), else the package's prebuilt one (`prebuilds`).
 * The directory that holds these is the package's own, or the one that `IPVS_TS_PREBUILD` names.
 * @throws {UnavailableError} if there is none for this platform, or it can't be loaded.
 */
export function loadNative(): Native {
  loaded ??= load();
  return loaded;
}

/** Whether the addon was loaded: what failed before that has nothing to do with the kernel. */
export function isNativeLoaded(): boolean {
  return loaded !== undefined;
}

function load(): Native {
  if (process.platform !== 'linux') {
    throw new UnavailableError(
      `IPVS is part of the Linux kernel, and this is ${process.platform}: only what needs no kernel can be used here, ` +
        'such as the simulated kernel (ipvs-ts/simulator), files (ipvs-ts/formats, ipvs-ts/config) and plans',
    );
  }
  const require = createRequire(import.meta.url);
  const root = packageRoot();
  try {
    return fromUsualPlace(require, root) ?? ((require('node-gyp-build') as NodeGypBuild)(root) as Native);
  } catch (cause) {
    const { IPVS_TS_PREBUILD: where = root } = process.env;
    throw new UnavailableError(
      `the native addon could not be loaded from build/Release or prebuilds/${process.platform}-${process.arch} ` +
        `in ${where}; to build it, run "npx ipvs-ts-build" (in a checkout: "npm run build:native")`,
      { cause },
    );
  }
}

/** This code runs from src/, from dist/ and from compiled tests, at various depths. */
function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'binding.gyp'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new UnavailableError('the native addon is missing: there is no binding.gyp');
    directory = parent;
  }
  return directory;
}

/**
 * Where the addon nearly always is. node-gyp-build looks there as well, but loads itself and lists directories for it: 12 ms
 * against 1.3 (the least of 15 runs each, Node 20), of a command that takes 75. What it alone knows is left to it: its
 * variables, and prebuilt addons for one libc or processor.
 */
function fromUsualPlace(require: NodeJS.Require, root: string): Native | undefined {
  if (process.env['IPVS_TS_PREBUILD'] !== undefined || process.env['PREBUILDS_ONLY']) return undefined;
  const places = ['build/Release/ipvs.node', `prebuilds/${process.platform}-${process.arch}/ipvs-ts.node`];
  const file = places.map((place) => join(root, place)).find((path) => existsSync(path));
  return file === undefined ? undefined : require(file);
}
