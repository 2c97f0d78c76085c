/**
 * Ways to the table, and what people are told of them.
 * @module
 */
import type { RemoteDirector } from '../client/remote-director.js';
import type { Ipvs } from '../ipvs.js';
import { fallbackOf } from './remote.js';

/** Those that can change a table, for verbs that /proc is of no use to. */
export const CHANGING = ['netlink', 'sockopt'] as const;

/** What people are told beside a table that did not come from where all is known; undefined where it did, or was not to. */
export function sourceRemark(table: Ipvs | RemoteDirector): string | undefined {
  const reason = fallbackOf(table);
  if (reason === undefined) return undefined;
  const way = table.source === 'proc' ? 'from /proc' : 'by socket options, which know IPv4 only';
  return `read ${way}: ${reason}`;
}
