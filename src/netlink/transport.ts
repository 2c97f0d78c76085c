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
   * Receives one datagram or more, at most as many as `lengths` has places, each into its equal share of `into`. Sets their
   * lengths, which are more than the share where they were cut short. Returns how many, or a negative errno: -EAGAIN when
   * there is none, -ENOBUFS once after the kernel had to drop datagrams.
   */
  receiveMany(into: Uint8Array, lengths: Int32Array): number;
  /** Calls back whenever there may be something to receive, until {@link unwatch}. Holds the process open meanwhile. */
  watch(onReadable: () => void): void;
  unwatch(): void;
  /** Idempotent. */
  close(): void;
}
