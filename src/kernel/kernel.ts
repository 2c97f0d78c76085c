/**
 * What {@link Ipvs} stands on: a socket to talk through, and a few text files to read.
 * @module
 */
import type { Transport } from '../netlink/transport.js';

/** Sends datagrams until it is disposed of. */
export interface DatagramSender extends Disposable {
  /** Throws `KernelError`: `EAGAIN` where the send buffer is full. */
  send(datagram: Uint8Array): void;
}

/** A socket whose options are commands: the interface that IPVS had before netlink. */
export interface OptionSocket {
  /** setsockopt(2) at the level of IP. 0 or a negative errno; -ENOPROTOOPT where nobody knows the option. */
  set(option: number, value: Uint8Array): number;
  /** getsockopt(2) at the level of IP: reads `value`, and writes into it. Its length in bytes or a negative errno. */
  get(option: number, value: Uint8Array): number;
  close(): void;
}

/** A network device that was made for a while; it is gone once disposed of. */
export interface TemporaryDevice extends AsyncDisposable {
  readonly name: string;
}

/** The part of a kernel's network that sync messages need. */
export interface KernelNetwork {
  /**
   * Makes a device that leads nowhere, switched on, or takes over the one of this name. Throws `KernelError` where that is
   * refused.
   * @param mtu bytes, 68 to 65535
   */
  isolatedDevice(name: string, mtu: number): Promise<TemporaryDevice>;
  /**
   * Sends to the members of a multicast group that are on this host, as if the datagrams had come in on the device; no other
   * host sees them.
   */
  groupSender(group: {
    readonly address: string;
    readonly port: number;
    readonly device: string;
  }): Promise<DatagramSender>;
}

/** A kernel with IPVS, in one network namespace: the running one (`linuxKernel`), or a simulated one. */
export interface Kernel {
  /**
   * Opens a generic netlink socket. Throws `UnavailableError` where that is impossible: no addon for this platform, no
   * such namespace, no right to enter it.
   */
  socket(): Transport;
  /**
   * Opens an IPv4 socket whose options are commands; throws as {@link Kernel.socket}. Absent where there is no such interface.
   */
  options?(): OptionSocket;
  /**
   * The text of a file in /proc/net, in pieces: `ip_vs`, `ip_vs_stats`, `ip_vs_status`, `ip_vs_conn`, `fib_trie`. Throws
   * `UnavailableError` where there is none.
   */
  proc(name: string): AsyncIterable<string>;
  /** HZ, in which /proc/net/ip_vs counts persistence timeouts; undefined where it cannot be known. */
  ticksPerSecond(): number | undefined;
  /**
   * The text of a sysctl, `net.ipv4.vs.run_estimation`; undefined where there is none of that name. Throws an `IpvsError` where it
   * can't be read. Absent where no sysctl is known.
   */
  sysctl?(name: string): string | undefined;
  /** Absent where connections cannot be ended, moved or put back. */
  readonly network?: KernelNetwork;
}
