/**
 * IPVS_*_ATTR_STATS and IPVS_*_ATTR_STATS64 -> {@link Stats}. The two carry the same numbers; kernels before 4.1 have
 * the first alone, with 32 bits where the second has 64.
 * @module
 */
import { Stats } from '../model/stats.js';
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

/**
 * Reads one of the nests at these places of the reader, STATS64 if there is one; undefined without either. Reading both
 * would take twice the time.
 */
export function readEitherStats(
  reader: AttributeReader,
  stats64: number | undefined,
  stats32: number | undefined,
): Stats | undefined {
  const place = stats64 ?? stats32;
  if (place === undefined) return undefined;
  reader.back(place);
  return stats64 === undefined ? readStats32(reader.nested('STATS')) : readStats64(reader.nested('STATS64'));
}

/** Reads a STATS64 nest, all of 64 bits. */
export function readStats64(reader: AttributeReader): Stats {
  return readStats(reader, true);
}

/** Reads a STATS nest: 32 bits but for the bytes. */
export function readStats32(reader: AttributeReader): Stats {
  return readStats(reader, false);
}

/** A number that is missing is 0; what is unknown (IPVS_STATS_ATTR_PAD and later ones) is skipped. */
function readStats(reader: AttributeReader, isWide: boolean): Stats {
  let connections = 0n;
  let inPackets = 0n;
  let outPackets = 0n;
  let inBytes = 0n;
  let outBytes = 0n;
  const rates = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
  while (reader.next()) {
    switch (reader.type) {
      case IPVS_STATS_ATTR_CONNS:
        connections = isWide ? reader.u64() : BigInt(reader.u32());
        break;
      case IPVS_STATS_ATTR_INPKTS:
        inPackets = isWide ? reader.u64() : BigInt(reader.u32());
        break;
      case IPVS_STATS_ATTR_OUTPKTS:
        outPackets = isWide ? reader.u64() : BigInt(reader.u32());
        break;
      case IPVS_STATS_ATTR_INBYTES:
        inBytes = reader.u64();
        break;
      case IPVS_STATS_ATTR_OUTBYTES:
        outBytes = reader.u64();
        break;
      case IPVS_STATS_ATTR_CPS:
        rates.connections = isWide ? reader.u64Number() : reader.u32();
        break;
      case IPVS_STATS_ATTR_INPPS:
        rates.inPackets = isWide ? reader.u64Number() : reader.u32();
        break;
      case IPVS_STATS_ATTR_OUTPPS:
        rates.outPackets = isWide ? reader.u64Number() : reader.u32();
        break;
      case IPVS_STATS_ATTR_INBPS:
        rates.inBytes = isWide ? reader.u64Number() : reader.u32();
        break;
      case IPVS_STATS_ATTR_OUTBPS:
        rates.outBytes = isWide ? reader.u64Number() : reader.u32();
        break;
    }
  }
  return new Stats({ connections, inPackets, outPackets, inBytes, outBytes }, rates, isWide ? undefined : 32);
}
