/**
 * Ways to the table, and what people are told of them.
 * @module
 */
import type { Ipvs } from '../ipvs.js';

/** Those that can change a table, for verbs that /proc is of no use to. */
export const CHANGING = ['netlink', 'sockopt'] as const;

/** What people are told beside a table that did not come from where all is known; undefined where it did, or was not to. */
export function sourceRemark({ source, fallbackReason }: Pick<Ipvs, 'source' | 'fallbackReason'>): string | undefined {
  if (fallbackReason === undefined) return undefined;
  const way = source === 'proc' ? 'from /proc' : 'by socket options, which know IPv4 only';
  return `read ${way}: ${fallbackReason.message}`;
}
