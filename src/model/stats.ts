/**
 * Statistics of a service, of a destination, or of the whole director.
 * @module
 */

/** Averages over the last few seconds, as the kernel's estimator makes them every 2 s. They stand still as {@link Stats} do. */
export interface Rates {
  /** New connections a second. */
  readonly connections: number;
  /** Packets a second from clients. */
  readonly inPackets: number;
  /** Packets a second from real servers; 0 for DR and TUN, whose answers do not pass the director. */
  readonly outPackets: number;
  /** Bytes a second from clients. */
  readonly inBytes: number;
  /** Bytes a second from real servers. */
  readonly outBytes: number;
}

/** The counters since the service or destination was made, or since the last `zero`. */
export interface Counters {
  readonly connections: bigint;
  readonly inPackets: bigint;
  readonly outPackets: bigint;
  readonly inBytes: bigint;
  readonly outBytes: bigint;
}

/**
 * Counters and rates, as the kernel's estimator last brought them up to date, which it does every 2 s. With the sysctl
 * net.ipv4.vs.run_estimation=0 it does not, and all of them stand still, counters as well as rates (Linux 6.1 to 7.3): what
 * traffic there is is then unknown, not zero. `Ipvs.countsTraffic()` tells.
 *
 * `JSON.stringify` gives the counters as strings, since they may pass 2^53.
 */
export class Stats implements Counters {
  readonly connections: bigint;
  readonly inPackets: bigint;
  readonly outPackets: bigint;
  readonly inBytes: bigint;
  readonly outBytes: bigint;
  readonly rates: Rates;
  /**
   * 32 where the source tells the low 32 bits only: `connections`, `inPackets` and `outPackets` start again at 0 after
   * 4294967295, and rates are told modulo 4294967296. So are those of the source `sockopt`, and of Linux before 4.1. Absent: 64 bits.
   */
  declare readonly counterBits?: 32;

  constructor(counters: Counters, rates: Rates, counterBits?: 32) {
    this.connections = counters.connections;
    this.inPackets = counters.inPackets;
    this.outPackets = counters.outPackets;
    this.inBytes = counters.inBytes;
    this.outBytes = counters.outBytes;
    this.rates = rates;
    if (counterBits !== undefined) this.counterBits = counterBits;
  }

  /** The form for `JSON.stringify`: counters as decimal strings, rates as numbers. */
  toJSON(): { [Name in keyof Counters]: string } & { rates: Rates; counterBits?: 32 } {
    return {
      connections: String(this.connections),
      inPackets: String(this.inPackets),
      outPackets: String(this.outPackets),
      inBytes: String(this.inBytes),
      outBytes: String(this.outBytes),
      rates: this.rates,
      ...(this.counterBits !== undefined && { counterBits: this.counterBits }),
    };
  }
}
