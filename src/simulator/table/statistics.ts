/**
 * What IPVS counts about a service, a destination, or all traffic (struct ip_vs_stats): counters that only grow, the point
 * that ZERO took them for zero, and rates.
 * @module
 */
import {
  IPVS_STATS_ATTR_CONNS,
  IPVS_STATS_ATTR_CPS,
  IPVS_STATS_ATTR_INBPS,
  IPVS_STATS_ATTR_INBYTES,
  IPVS_STATS_ATTR_INPKTS,
  IPVS_STATS_ATTR_INPPS,
  IPVS_STATS_ATTR_OUTBPS,
  IPVS_STATS_ATTR_OUTBYTES,
  IPVS_STATS_ATTR_OUTPKTS,
  IPVS_STATS_ATTR_OUTPPS,
} from '../../kernel/constants.js';
import type { AttributeWriter } from '../../netlink/attributes.js';
import { type Padding, writeU64 } from '../netlink/u64.js';

const IPVS_STATS_ATTR_PAD = 11;

/** 64-bit counters as numbers: exact to 2^53, which is 9 petabytes. */
export class Counters {
  connections = 0;
  inPackets = 0;
  outPackets = 0;
  inBytes = 0;
  outBytes = 0;
}

const NOTHING: Readonly<Counters> = Object.freeze(new Counters());

/** Counters and rates of one object. */
export class Statistics {
  /** Since the object is there. */
  readonly counters = new Counters();
  /** Each second: connections, packets, bytes; whole numbers. Whoever estimates them puts others in their place. */
  rates: Readonly<Counters> = NOTHING;
  #zero: Readonly<Counters> = NOTHING;

  /** What is told: since the last {@link zero}. */
  get shown(): Readonly<Counters> {
    const { counters } = this;
    const zero = this.#zero;
    if (zero === NOTHING) return counters;
    const shown = new Counters();
    shown.connections = counters.connections - zero.connections;
    shown.inPackets = counters.inPackets - zero.inPackets;
    shown.outPackets = counters.outPackets - zero.outPackets;
    shown.inBytes = counters.inBytes - zero.inBytes;
    shown.outBytes = counters.outBytes - zero.outBytes;
    return shown;
  }

  /** Starts anew what is shown; the counters themselves go on. */
  zero(): void {
    this.#zero = Object.assign(new Counters(), this.counters);
    this.rates = NOTHING;
  }
}

/** Appends both nests, as ip_vs_genl_fill_stats and ip_vs_genl_fill_stats64 do. */
export function writeStatistics(
  writer: AttributeWriter,
  [type32, type64]: readonly [number, number],
  statistics: Statistics,
  padding: Padding,
): void {
  const { shown, rates } = statistics;
  const wide = (type: number, value: number) => writeU64(writer, type, value, IPVS_STATS_ATTR_PAD, padding);
  // A DataView takes the low 32 bits, as the kernel does.
  const narrow = (type: number, value: number) => writer.u32(type, value);
  writeNest(writer, type32, shown, rates, narrow, wide);
  writeNest(writer, type64, shown, rates, wide, wide);
}

type Write = (type: number, value: number) => void;

function writeNest(
  writer: AttributeWriter,
  type: number,
  shown: Readonly<Counters>,
  rates: Readonly<Counters>,
  count: Write,
  bytes: Write,
): void {
  const start = writer.beginNest(type);
  count(IPVS_STATS_ATTR_CONNS, shown.connections);
  count(IPVS_STATS_ATTR_INPKTS, shown.inPackets);
  count(IPVS_STATS_ATTR_OUTPKTS, shown.outPackets);
  bytes(IPVS_STATS_ATTR_INBYTES, shown.inBytes);
  bytes(IPVS_STATS_ATTR_OUTBYTES, shown.outBytes);
  count(IPVS_STATS_ATTR_CPS, rates.connections);
  count(IPVS_STATS_ATTR_INPPS, rates.inPackets);
  count(IPVS_STATS_ATTR_OUTPPS, rates.outPackets);
  count(IPVS_STATS_ATTR_INBPS, rates.inBytes);
  count(IPVS_STATS_ATTR_OUTBPS, rates.outBytes);
  writer.endNest(start);
}
