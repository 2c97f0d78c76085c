/**
 * What `top` shows: one reading of a director.
 * @module
 */
import { UnavailableError } from '../../errors.js';
import type { Ipvs } from '../../ipvs.js';
import type { Rates } from '../../model/stats.js';
import type { Table, TableService } from '../../model/table.js';

/** One reading. */
export interface Reading {
  readonly at: Date;
  /** Of `proc` rates of services and real servers are not known. */
  readonly source: Table['source'];
  readonly services: readonly TableService[];
  /** Of the whole director. Absent where its file cannot be read. */
  readonly totals?: Rates;
}

/** Reads the table and the totals. */
export async function takeReading(ipvs: Ipvs): Promise<Reading> {
  const [{ source, services }, totals] = await Promise.all([ipvs.snapshot(), readTotals(ipvs)]);
  return { at: new Date(), source, services, ...(totals && { totals }) };
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
