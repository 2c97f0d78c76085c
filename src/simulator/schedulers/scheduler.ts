/**
 * What the schedulers of the simulated kernel see and do; `registry.ts` has them by name.
 *
 * A scheduler is told what the kernel's modules (net/netfilter/ipvs/ip_vs_*.c) are told, at the same moments, and names the
 * real server they would name. Where kernels differ, they do as Linux 6.1 on a 64-bit little-endian machine does.
 *
 * @module
 */
import type { Family } from '../../address/ip.js';

/**
 * A real server as a scheduler sees it; the simulated kernel's destination is one. The kernel changes it, schedulers only
 * read. One that was deleted and comes back from the trash is the same object again: lblc and lblcr remember it.
 */
export interface ScheduledDestination {
  /** May differ from its service's: with tunnels, IPv4 carries IPv6 and the other way round. */
  readonly family: Family;
  /** 4 or 16 bytes, in network order. */
  readonly address: Uint8Array;
  /** 0 to 65535, as the table has it. */
  readonly port: number;
  /** 0 to 2147483647; 0: quiesced, gets no new connections. */
  weight: number;
  /**
   * `last_weight`, by which mh builds its table, so that quiescing moves nobody else: the weight it was added with, then the
   * last one other than 0 (`__ip_vs_update_dest` of ip_vs_ctl.c, since 4.18).
   */
  lastWeight: number;
  /** Those that the protocol calls active; 0 to 2147483647. */
  activeConnections: number;
  /** All others; 0 to 2147483647. */
  inactiveConnections: number;
  /** `IP_VS_DEST_F_OVERLOAD`: it reached its upper threshold, and is not yet below the lower one. */
  overloaded: boolean;
}

/** What is scheduled: the first packet of a connection. */
export interface ScheduledPacket {
  readonly family: Family;
  /** The number of the IP protocol: 6 is TCP, 17 UDP, 132 SCTP. */
  readonly protocol: number;
  /** 4 or 16 bytes, in network order; so is {@link destination}. */
  readonly source: Uint8Array;
  readonly sourcePort: number;
  readonly destination: Uint8Array;
  readonly destinationPort: number;
  /** The firewall mark. No scheduler looks at it. */
  readonly mark?: number;
}

/** A virtual service as its scheduler sees it. */
export interface ScheduledService {
  /**
   * In the order of the kernel's list, which is the other way round from the order they were added in: the newest is the
   * first (`list_add_rcu` in `__ip_vs_update_dest`). A destination is here for as long as it has `IP_VS_DEST_F_AVAILABLE`.
   */
  readonly destinations: readonly ScheduledDestination[];
  readonly family: Family;
  /** `IP_VS_SVC_F_SCHED1` to `3` as the bits 1, 2 and 4. Read with every packet, so they may change. */
  readonly flags: number;
}

/** What schedulers need besides packets. */
export interface SchedulerEnvironment {
  /** Milliseconds from any origin; never goes back. */
  now(): number;
  /** A number from 0 to 4294967295, all equally likely. */
  random(): number;
  /** The sysctl `net.ipv4.vs.lblc_expiration`, in ms; 24 hours by default. Read whenever it is needed. */
  readonly lblcExpiration?: number;
  /** The sysctl `net.ipv4.vs.lblcr_expiration`, in ms; 24 hours by default. Read whenever it is needed. */
  readonly lblcrExpiration?: number;
}

/** The scheduler of one service, made when the service gets it and gone when the service gets another. */
export interface Scheduler {
  /** A destination was put at the head of the service's list: the kernel's `add_dest`. */
  addDestination(destination: ScheduledDestination): void;
  /** A destination was taken out of the service's list: the kernel's `del_dest`. */
  deleteDestination(destination: ScheduledDestination): void;
  /** A destination was edited, whatever of it: the kernel's `upd_dest`. */
  updateDestination(destination: ScheduledDestination): void;
  /** The real server for a new connection; `undefined` if there is none. Counting it is the caller's work. */
  schedule(packet: ScheduledPacket): ScheduledDestination | undefined;
}

/** Makes the scheduler of a service, which may have destinations already. */
export type SchedulerFactory = (service: ScheduledService, environment: SchedulerEnvironment) => Scheduler;
