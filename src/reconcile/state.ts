/**
 * The kernel's side of a comparison.
 * @module
 */
import { UnavailableError } from '../errors.js';
import type { CallOptions } from '../model/call-options.js';
import type { DesiredTable } from '../model/desired.js';
import type { NormalDestination } from '../model/destination.js';
import type { NormalService } from '../model/service.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Source, TableService } from '../model/table.js';
import type { TableAccess } from '../model/table-access.js';
import type { Timeouts } from '../model/timeouts.js';

/** A director as it is. A snapshot of the table is one; timeouts and daemons are needed only where they are wanted. */
export interface State {
  /** Default `netlink`. What /proc tells is not enough to compare. */
  readonly source?: Source;
  readonly services: readonly StateService[];
  readonly timeouts?: Timeouts;
  readonly daemons?: readonly NormalSyncDaemon[];
}

/** A service as it is. */
export interface StateService {
  readonly service: NormalService;
  readonly destinations: readonly { readonly destination: NormalDestination }[];
}

/**
 * Reads as much of a director as a desired table is about.
 * @throws {UnavailableError} where only /proc can be read; else as `Ipvs.snapshot`.
 */
export async function readState(
  table: TableAccess,
  desired: DesiredTable,
  options?: CallOptions,
): Promise<State & { readonly services: readonly TableService[] }> {
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
 *
 * @example
 * ```ts
 * const { steps } = plan(stateOf(await loadStateFile('old.yaml')), await loadStateFile('new.yaml'));
 * ```
 */
export function stateOf({ services = [], timeouts, daemons = [] }: DesiredTable): State {
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
  if (source === 'netlink') return;
  throw new UnavailableError('/proc tells no thresholds, flags, engines or tunnels: a comparison needs netlink');
}
