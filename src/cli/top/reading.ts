/**
 * What `top` shows: one reading of a director.
 * @module
 */
import { UnavailableError } from '../../errors.js';
import type { HealthReport } from '../../health/journal.js';
import type { Ipvs } from '../../ipvs.js';
import type { Rates } from '../../model/stats.js';
import { type Table, type TableService, withoutStats } from '../../model/table.js';

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

/** Reads the table, the totals, and what health checks found (`readHealth`). */
export async function takeReading(ipvs: Ipvs, readHealth: () => Reading['health']): Promise<Reading> {
  const [{ source, services }, totals] = await Promise.all([ipvs.snapshot(), readTotals(ipvs)]);
  const [at, checked] = [new Date(), known(readHealth)];
  const health = checked && { health: checked };
  if (ipvs.countsTraffic() === false)
    return { at, source, ...withoutStats({ services }), isUncounted: true, ...health };
  return { at, source, services, ...(totals && { totals }), ...health };
}

function known(read: () => Reading['health']): Reading['health'] {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnavailableError) return undefined;
    throw error;
  }
}

/** A container may have no /proc/net, where netlink tells all the rest. */
async function readTotals(ipvs: Ipvs): Promise<Rates | undefined> {
  try {
    return (await ipvs.totals()).rates;
  } catch (error) {
    if (error instanceof UnavailableError) return undefined;
    throw error;
  }
}
