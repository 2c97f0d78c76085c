/**
 * What metrics are made of, and how they are to be written.
 * @module
 */
import type { HealthReport } from '../health/journal.js';
import type { CallOptions } from '../model/call-options.js';
import type { NormalDesiredTable } from '../model/desired.js';
import type { Counters } from '../model/stats.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Info, Table } from '../model/table.js';
import type { TableAccess } from '../model/table-access.js';
import type { Timeouts } from '../model/timeouts.js';
import type { Override } from '../reconcile/override.js';
import type { HealthCounts } from './health-counters.js';
import type { KeepCounts } from './keep-counters.js';
import type { MetricsFormat } from './text.js';

/** The work of the program that checks, at this moment. */
export interface CheckerLoad {
  /** Milliseconds that its event loop is late by. */
  readonly lag?: number | undefined;
  /** Runs of checks that are under way. */
  readonly running?: number | undefined;
  /** Runs that are due and wait for others to end. */
  readonly waiting?: number | undefined;
}

/** What metrics are made of. What is absent is not known, and has no metrics: never zeros. */
export interface MetricsInput {
  /** As `Ipvs.snapshot` gives it. */
  readonly table: Pick<Table, 'services'>;
  /** As `Ipvs.countsTraffic` tells. Where it is false no counter is written, for all of them stand still. */
  readonly countsTraffic?: boolean | undefined;
  /** The director's own counters, as `Ipvs.totals` gives them. */
  readonly totals?: Counters | undefined;
  /** As `Ipvs.info` gives it. */
  readonly info?: Info | undefined;
  /** As `Ipvs.timeouts` gives them, in seconds. */
  readonly timeouts?: Timeouts | undefined;
  /** As `Ipvs.daemons` gives them. */
  readonly daemons?: readonly NormalSyncDaemon[] | undefined;
  /** The table that is wanted: the weights that the file says. */
  readonly desired?: Pick<NormalDesiredTable, 'services'> | undefined;
  /** Those in force, as `readOverrides` gives them. */
  readonly overrides?: readonly Pick<Override, 'kind'>[] | undefined;
  /** As `HealthMonitor.report` or `readHealthReport` gives it. */
  readonly health?: Omit<HealthReport, 'states'> | undefined;
  readonly checker?: CheckerLoad | undefined;
  /** Of a {@link HealthCounters}. */
  readonly healthCounts?: HealthCounts | undefined;
  /** Of a {@link KeepCounters}. */
  readonly keep?: KeepCounts | undefined;
}

/** How metrics are written. */
export interface MetricsOptions {
  /** Default `prometheus`: the text format 0.0.4, which every reader knows. */
  readonly format?: MetricsFormat | undefined;
  /**
   * `node_exporter` writes the table as the ipvs collector of node_exporter does, with its names and labels, and no counters of
   * single services. Default `ipvs`.
   */
  readonly names?: 'ipvs' | 'node_exporter' | undefined;
  /**
   * So many services with most traffic are written, 0 to 1000000. With the default names the others are summed up as service
   * `other`, whose counters fall when a service leaves it, which looks like a restart. Where traffic is not known, connections
   * decide. Default: all services.
   */
  readonly top?: number | undefined;
  /** Names of services by their keys (`tcp://192.0.2.1:80`): they stand in a label `name`. Default: none. */
  readonly serviceNames?: ReadonlyMap<string, string> | Readonly<Record<string, string>> | undefined;
}

/**
 * Reads all that a table tells of itself: what {@link MetricsInput} has of a kernel. What cannot be read without rights is
 * absent.
 * @throws {InterruptedError} if the table changed during each reading.
 *
 * @example
 * ```ts
 * import { formatMetrics, readMetrics } from 'ipvs-ts/metrics';
 * const page = formatMetrics(await readMetrics(ipvs), { serviceNames: { 'tcp://192.0.2.1:80': 'web' } });
 * ```
 */
export async function readMetrics(
  table: Pick<TableAccess, 'source' | 'snapshot' | 'totals' | 'info' | 'timeouts' | 'daemons'> & {
    countsTraffic?(): boolean | undefined;
  },
  options: CallOptions = {},
): Promise<MetricsInput> {
  const read = { table: await table.snapshot(options), countsTraffic: table.countsTraffic?.() };
  const [totals, info] = [await table.totals(options), await table.info(options)];
  if (table.source === 'proc') return { ...read, totals, info };
  return { ...read, totals, info, timeouts: await table.timeouts(options), daemons: await table.daemons(options) };
}
