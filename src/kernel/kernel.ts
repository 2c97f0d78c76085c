/**
 * What {@link Ipvs} stands on: a socket to talk through, and a few text files to read.
 * @module
 */
import type { Transport } from '../netlink/transport.js';

/** A kernel with IPVS, in one network namespace: the running one (`linuxKernel`), or a simulated one. */
export interface Kernel {
  /**
   * Opens a generic netlink socket. Throws `UnavailableError` where that is impossible: no addon for this platform, no
   * such namespace, no right to enter it.
   */
  socket(): Transport;
  /**
   * The text of a file in /proc/net, in pieces: `ip_vs`, `ip_vs_stats`, `ip_vs_conn`, `fib_trie`. Throws
   * `UnavailableError` where there is none.
   */
  proc(name: string): AsyncIterable<string>;
  /** HZ, in which /proc/net/ip_vs counts persistence timeouts; undefined where it cannot be known. */
  ticksPerSecond(): number | undefined;
}
