/**
 * The kernel's side of a comparison.
 * @module
 */
import { InvalidArgumentError, UnavailableError } from '../errors.js';
import type { CallOptions } from '../model/call-options.js';
import { type DesiredTable, parseDesiredTable } from '../model/desired.js';
import { asObject, readList, under } from '../model/fields.js';
import { type NormalSyncDaemon, parseSyncDaemon, type SyncDaemon } from '../model/sync-daemon.js';
import {
  type NormalTableService,
  readWrittenTable,
  SOURCES,
  type Source,
  type TableService,
  type WrittenTable,
} from '../model/table.js';
import type { TableAccess } from '../model/table-access.js';
import { readHeldTimeouts, type Timeouts } from '../model/timeouts.js';

/**
 * A director as it is, as it was read, also if it was JSON meanwhile. A snapshot of the table is one; timeouts and daemons are
 * needed only where they are wanted.
 */
export interface State extends WrittenTable {
  /** Default `netlink`. What /proc tells is not enough to compare. */
  readonly source?: Source | undefined;
  readonly timeouts?: Timeouts | undefined;
  readonly daemons?: readonly SyncDaemon[] | undefined;
}

/** A state that is checked. */
export interface NormalState {
  readonly services: readonly NormalTableService[];
  readonly timeouts?: Timeouts;
  readonly daemons?: readonly NormalSyncDaemon[];
}

/**
 * Checks a state that a program kept.
 * @throws {InvalidArgumentError} with the path of every wrong field.
 * @throws {UnavailableError} for one that was read from /proc.
 */
export function readGivenState(input: State): NormalState {
  const { source = 'netlink', timeouts, daemons } = asObject('state', input) as Partial<State>;
  if (!SOURCES.includes(source)) {
    throw new InvalidArgumentError('state', [{ path: 'source', message: `must be ${SOURCES.join(', ')}` }]);
  }
  refuseProc(source);
  const { services } = readWrittenTable('state', input);
  return {
    services,
    ...(timeouts !== undefined && { timeouts: under('timeouts', () => readHeldTimeouts(timeouts)) }),
    ...(daemons !== undefined && {
      daemons: under('daemons', () => readList('daemons', daemons, (item) => parseSyncDaemon(item as SyncDaemon))),
    }),
  };
}

/**
 * Reads as much of a director as a desired table is about.
 * @throws {UnavailableError} where only /proc can be read; else as `Ipvs.snapshot`.
 */
export async function readState(
  table: TableAccess,
  desired: DesiredTable,
  options?: CallOptions,
): Promise<NormalState & { readonly services: readonly TableService[] }> {
  asObject('desired table', desired);
  refuseProc(table.source);
  const { services, timeouts, daemons } = desired;
  return {
    services: services === undefined ? [] : (await table.snapshot(options)).services,
    ...(timeouts !== undefined && { timeouts: await table.timeouts(options) }),
    ...(daemons !== undefined && { daemons: await table.daemons(options) }),
  };
}

/**
 * The state of a director that had nothing, and was given this table: what to compare another one with where no kernel is at
 * hand. Timeouts that the table does not name are the kernel's own.
 * @throws {InvalidArgumentError} with the path of every wrong field.
 *
 * @example
 * ```ts
 * import { loadStateFile } from 'ipvs-ts/config';
 * import { plan, stateOf } from 'ipvs-ts/reconcile';
 * const { steps } = plan(stateOf(await loadStateFile('old.yaml')), await loadStateFile('new.yaml'));
 * ```
 */
export function stateOf(desired: DesiredTable): NormalState {
  const { services = [], timeouts, daemons = [] } = parseDesiredTable(desired);
  return {
    services: services.map(({ service, destinations }) => ({
      service,
      destinations: destinations.map((destination) => ({ destination })),
    })),
    timeouts: { ...KERNEL_TIMEOUTS, ...timeouts },
    daemons,
  };
}

/** Seconds: tcp_timeouts and udp_timeouts of the kernel (ip_vs_proto_tcp.c, ip_vs_proto_udp.c, Linux 6.1). */
const KERNEL_TIMEOUTS: Timeouts = { tcp: 900, tcpFin: 120, udp: 300 };

/** What is absent from /proc would look like a difference, or hide one. */
export function refuseProc(source: Source = 'netlink'): void {
  if (source !== 'proc') return;
  throw new UnavailableError(
    '/proc tells no thresholds, flags, engines or tunnels: a comparison needs netlink, or sockopt for IPv4',
  );
}
