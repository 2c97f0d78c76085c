/**
 * Sockets in a network namespace: any, and netlink's, which are what a connection stands on.
 * @module
 */
import { UnavailableError } from '../errors.js';
import { namespacePath, namespaceProblem } from './namespace.js';
import {
  AF_NETLINK,
  AF_PACKET,
  loadNative,
  type NativeError,
  type NativeSocket,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  SO_RCVBUFFORCE,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
} from './native.js';
import type { Transport } from './transport.js';

/** Bytes; room for the answers to many requests while nobody reads. */
const RECEIVE_BUFFER = 1024 * 1024;

/**
 * A netlink socket of a protocol (`NETLINK_GENERIC`, `NETLINK_ROUTE`).
 * @throws {UnavailableError} if it can't be had: no addon, no such namespace, no right to enter it.
 */
export function openNetlinkSocket(protocol: number, netns?: string): Transport {
  const socket = openSocket({ what: 'a netlink socket', domain: AF_NETLINK, type: SOCK_RAW, protocol, netns });
  // Each of these is a help on kernels and with rights that have it; none is needed.
  socket.setOption(SOL_NETLINK, NETLINK_CAP_ACK, integer(1));
  socket.setOption(SOL_NETLINK, NETLINK_EXT_ACK, integer(1));
  socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, integer(RECEIVE_BUFFER));
  return socket;
}

/** Which socket: what socket(2) takes, where, and its name for errors. */
export interface SocketOptions {
  /** With its article: `a netlink socket`. */
  readonly what: string;
  readonly domain: number;
  readonly type: number;
  readonly protocol: number;
  /** As in `NamespaceOptions`. */
  readonly netns?: string | undefined;
}

/**
 * A socket of any kind.
 * @throws {UnavailableError} if it can't be had: no addon, no right to it, no such namespace, no right to enter it.
 */
export function openSocket(options: SocketOptions): NativeSocket {
  const { Socket } = loadNative();
  const { domain, type, protocol, netns } = options;
  try {
    return new Socket(domain, type, protocol, namespacePath(netns));
  } catch (cause) {
    throw new UnavailableError(socketProblem(options, cause as NativeError), { cause });
  }
}

function socketProblem({ what, domain }: SocketOptions, error: NativeError): string {
  if (error.path !== undefined) return namespaceProblem(error.path, error);
  const hint = error.code === 'EPERM' && domain === AF_PACKET ? ' (packet sockets need CAP_NET_RAW)' : '';
  return `${what} cannot be opened: ${error.syscall}: ${error.code}${hint}`;
}

/** A C int in the machine's order. */
function integer(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
