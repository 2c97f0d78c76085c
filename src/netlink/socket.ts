/**
 * Netlink sockets in a network namespace: what a connection stands on.
 * @module
 */
import {
  AF_NETLINK,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  SO_RCVBUFFORCE,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
} from '../linux/native.js';
import { openSocket } from '../linux/socket.js';
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

/** A C int in the machine's order. */
function integer(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
