/**
 * The lowest seam: datagrams to and from a kernel. The real one is a netlink socket; the simulator is another.
 * @module
 */

/** Errnos that a transport returns and the connection knows what to do with (asm-generic/errno.h). */
export const EAGAIN = 11;
export const ENOBUFS = 105;

/** A non-blocking datagram socket to the kernel. Numbers below zero are errnos. */
export interface Transport {
  /** Sends one datagram whole. Returns its length or a negative errno. */
  send(datagram: Uint8Array): number;
  /**
   * Receives one datagram. Returns its length, which is more than `into` holds where it was cut short, or a negative
   * errno: -EAGAIN when there is none, -ENOBUFS once after the kernel had to drop datagrams.
   */
  receive(into: Uint8Array): number;
  /** Calls back whenever there may be something to receive, until {@link unwatch}. Holds the process open meanwhile. */
  watch(onReadable: () => void): void;
  unwatch(): void;
  /** Idempotent. */
  close(): void;
}
