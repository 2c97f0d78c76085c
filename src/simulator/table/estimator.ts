/**
 * Counting and rates (ip_vs_est.c, Linux 6.1). What is counted shows with the next estimation, every two seconds.
 * @module
 */
import { Counters, type Statistics } from './statistics.js';

/** Milliseconds between estimations. */
export const ESTIMATION_INTERVAL = 2000;

/** Of a rate each second: those of connections and packets, and of bytes, are kept times these. */
const SCALE = 1 << 10;
const BYTE_SCALE = 1 << 5;

/** The counters of one object as packets count (`cpustats`), and its rates before rounding. */
export class Meter {
  readonly counters = new Counters();
  readonly #statistics: Statistics;
  #scaled = new Counters();
  /** What it told last; someone else's is that of ZERO, which starts rates anew. */
  #told: Readonly<Counters> | undefined;

  constructor(statistics: Statistics) {
    this.#statistics = statistics;
  }

  /** Shows what was counted, and lets the rates follow by a quarter. False where nothing changes until more is counted. */
  estimate(): boolean {
    const statistics = this.#statistics;
    const { counters: shown } = statistics;
    const { counters } = this;
    if (statistics.rates !== this.#told) this.#scaled = new Counters();
    const scaled = this.#scaled;
    const half = SCALE / 2;
    scaled.connections = follow(scaled.connections, (counters.connections - shown.connections) * half);
    scaled.inPackets = follow(scaled.inPackets, (counters.inPackets - shown.inPackets) * half);
    scaled.outPackets = follow(scaled.outPackets, (counters.outPackets - shown.outPackets) * half);
    scaled.inBytes = follow(scaled.inBytes, (counters.inBytes - shown.inBytes) * (BYTE_SCALE / 2));
    scaled.outBytes = follow(scaled.outBytes, (counters.outBytes - shown.outBytes) * (BYTE_SCALE / 2));
    Object.assign(shown, counters);
    const rates = new Counters();
    rates.connections = rounded(scaled.connections, SCALE);
    rates.inPackets = rounded(scaled.inPackets, SCALE);
    rates.outPackets = rounded(scaled.outPackets, SCALE);
    rates.inBytes = rounded(scaled.inBytes, BYTE_SCALE);
    rates.outBytes = rounded(scaled.outBytes, BYTE_SCALE);
    statistics.rates = rates;
    this.#told = rates;
    return scaled.connections + scaled.inPackets + scaled.outPackets + scaled.inBytes + scaled.outBytes !== 0;
  }
}

/** By a quarter of the difference, rounded down. */
function follow(average: number, rate: number): number {
  return average + Math.floor((rate - average) / 4);
}

/** A half rounds down. */
function rounded(scaled: number, scale: number): number {
  return Math.floor((scaled + scale / 2 - 1) / scale);
}
