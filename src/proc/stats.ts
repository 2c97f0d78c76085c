/**
 * /proc/net/ip_vs_stats: the director's totals, which no netlink command tells (kernel: ip_vs_stats_show in ip_vs_ctl.c).
 * @module
 */
import { ProtocolError } from '../errors.js';
import { Stats } from '../model/stats.js';
import { lines } from './lines.js';

/** Reads the two rows of numbers, both hexadecimal: the counters, and the rates per second. */
export async function readProcStats(chunks: AsyncIterable<string>): Promise<Stats> {
  const rows: bigint[][] = [];
  for await (const batch of lines(chunks)) for (const line of batch) if (ROW.test(line)) rows.push(numbers(line));
  const [counters, rates] = rows;
  if (counters === undefined || rates === undefined) throw new ProtocolError('/proc/net/ip_vs_stats: no numbers in it');
  return new Stats(named(counters), mapNumbers(named(rates)));
}

const ROW = /^\s*[0-9A-F]+(\s+[0-9A-F]+){4}\s*$/;

function numbers(line: string): bigint[] {
  return line
    .trim()
    .split(/\s+/)
    .map((digits) => BigInt(`0x${digits}`));
}

function named([connections = 0n, inPackets = 0n, outPackets = 0n, inBytes = 0n, outBytes = 0n]: bigint[]) {
  return { connections, inPackets, outPackets, inBytes, outBytes };
}

function mapNumbers({ connections, inPackets, outPackets, inBytes, outBytes }: ReturnType<typeof named>) {
  return {
    connections: Number(connections),
    inPackets: Number(inPackets),
    outPackets: Number(outPackets),
    inBytes: Number(inBytes),
    outBytes: Number(outBytes),
  };
}
