/**
 * What `top` shows: one reading of a director.
 * @module
 */
import { UnavailableError } from '../../errors.js';
import type { Ipvs } from '../../ipvs.js';
import type { Rates } from '../../model/stats.js';
import { type Table, type TableService, withoutStats } from '../../model/table.js';
import type { TableAccess } from '../../model/table-access.js';

/** One reading. */
export interface Reading {
  readonly at: Date;
  /** Of `proc` rates of services and real servers are not known. */
  readonly source: Table['source'];
  readonly services: readonly TableService[];
  /** Of the whole director. Absent where its file cannot be read, and where rates stand still. */
  readonly totals?: Rates;
  /** The kernel keeps no statistics: no rate is known. */
  readonly isUncounted?: true;
}

/** A table that knows whether its kernel counts traffic. */
type CountedTable = TableAccess & Pick<Ipvs, 'countsTraffic'>;

/** Reads the table and the totals. */
export async function takeReading(ipvs: CountedTable): Promise<Reading> {
  const [{ source, services }, totals] = await Promise.all([ipvs.snapshot(), readTotals(ipvs)]);
  const at = new Date();
  if (ipvs.countsTraffic() === false) return { at, source, ...withoutStats({ services }), isUncounted: true };
  return { at, source, services, ...(totals && { totals }) };
}

/** A container may have no /proc/net, where netlink tells all the rest. */
async function readTotals(ipvs: TableAccess): Promise<Rates | undefined> {
  try {
    return (await ipvs.totals()).rates;
  } catch (error) {
    if (error instanceof UnavailableError) return undefined;
    throw error;
  }
}
