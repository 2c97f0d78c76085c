/**
 * IPVS_*_ATTR_STATS and IPVS_*_ATTR_STATS64 -> {@link Stats}. The two carry the same numbers; kernels before 4.1 have
 * the first alone, with 32 bits where the second has 64.
 * @module
 */
import { type Counters, type Rates, Stats } from '../model/stats.js';
import type { AttributeReader } from '../netlink/attributes.js';
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
} from './constants.js';

/** Reads a STATS64 nest, all of 64 bits. */
export function readStats64(reader: AttributeReader): Stats {
  return readStats(reader, () => reader.u64());
}

/** Reads a STATS nest: 32 bits but for the bytes. */
export function readStats32(reader: AttributeReader): Stats {
  const isBytes = () => reader.type === IPVS_STATS_ATTR_INBYTES || reader.type === IPVS_STATS_ATTR_OUTBYTES;
  return readStats(reader, () => (isBytes() ? reader.u64() : BigInt(reader.u32())));
}

/** A number that is missing is 0; what is unknown (IPVS_STATS_ATTR_PAD and later ones) is skipped. */
function readStats(reader: AttributeReader, value: () => bigint): Stats {
  const counters = { connections: 0n, inPackets: 0n, outPackets: 0n, inBytes: 0n, outBytes: 0n };
  const rates = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
  while (reader.next()) {
    const counter = COUNTER_NAMES[reader.type];
    const rate = RATE_NAMES[reader.type];
    if (counter !== undefined) counters[counter] = value();
    else if (rate !== undefined) rates[rate] = Number(value());
  }
  return new Stats(counters, rates);
}

const COUNTER_NAMES: { readonly [attribute: number]: keyof Counters } = {
  [IPVS_STATS_ATTR_CONNS]: 'connections',
  [IPVS_STATS_ATTR_INPKTS]: 'inPackets',
  [IPVS_STATS_ATTR_OUTPKTS]: 'outPackets',
  [IPVS_STATS_ATTR_INBYTES]: 'inBytes',
  [IPVS_STATS_ATTR_OUTBYTES]: 'outBytes',
};

const RATE_NAMES: { readonly [attribute: number]: keyof Rates } = {
  [IPVS_STATS_ATTR_CPS]: 'connections',
  [IPVS_STATS_ATTR_INPPS]: 'inPackets',
  [IPVS_STATS_ATTR_OUTPPS]: 'outPackets',
  [IPVS_STATS_ATTR_INBPS]: 'inBytes',
  [IPVS_STATS_ATTR_OUTBPS]: 'outBytes',
};
