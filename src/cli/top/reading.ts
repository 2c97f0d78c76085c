/**
 * What `top` shows: one reading of a director.
 * @module
 */
import { UnavailableError } from '../../errors.js';
import type { HealthReport } from '../../health/journal.js';
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
  /** What health checks found. Absent where nobody checks, or where this user may not know it. */
  readonly health?: Pick<HealthReport, 'services' | 'servers'>;
}

/** A table that knows whether its kernel counts traffic. */
type CountedTable = TableAccess & Pick<Ipvs, 'countsTraffic'>;

/** Reads the table, the totals, and what health checks found (`readHealth`). */
export async function takeReading(ipvs: CountedTable, readHealth: ReadHealth): Promise<Reading> {
  const [{ source, services }, totals] = await Promise.all([ipvs.snapshot(), readTotals(ipvs)]);
  const [at, checked] = [new Date(), await known(readHealth)];
  const health = checked && { health: checked };
  if (ipvs.countsTraffic() === false)
    return { at, source, ...withoutStats({ services }), isUncounted: true, ...health };
  return { at, source, services, ...(totals && { totals }), ...health };
}

type ReadHealth = () => Promise<Reading['health']> | Reading['health'];

async function known(read: ReadHealth): Promise<Reading['health']> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UnavailableError) return undefined;
    throw error;
  }
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
