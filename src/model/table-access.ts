/**
 * What serves a table: the seam between those who read and change one, and wherever it is.
 * @module
 */
import type { CallOptions } from './call-options.js';
import type { Change, ChangeFailure } from './change.js';
import type { Connection } from './connection.js';
import type { ChangeConnectionsOptions, ChangedConnections } from './connection-changes.js';
import type { ConnectionFilter } from './connection-filter.js';
import type { DestinationEntry } from './destination.js';
import type { ServiceEntry } from './service.js';
import type { ServiceKey, ServiceKeyText } from './service-key.js';
import type { Stats } from './stats.js';
import type { NormalSyncDaemon } from './sync-daemon.js';
import type { Info, Source, Table } from './table.js';
import type { Timeouts } from './timeouts.js';

/**
 * The table of one director, and what belongs to it. `Ipvs` is one; a test or another program may bring its own, and hand it
 * to all that works on tables: `reconcile`, `keep`, `drain`, `ramp`.
 *
 * Reading and changing throw as the methods of the same name of `Ipvs` do: `KernelError` with the kernel's code where it
 * refuses, `InvalidArgumentError` before anything is sent where a value is wrong, `UnavailableError` where the source cannot
 * do it, `ClosedError` once closed.
 */
export interface TableAccess {
  /** Where what is read comes from. With `proc` nothing can be changed, and what is not known is absent. */
  readonly source: Source;

  /** Every service with its destinations at one moment. */
  snapshot(options?: CallOptions): Promise<Table>;
  /** One service; undefined where there is none of this key. */
  getService(key: ServiceKey | ServiceKeyText, options?: CallOptions): Promise<ServiceEntry | undefined>;
  /** Every service. */
  listServices(options?: CallOptions): Promise<ServiceEntry[]>;
  /** The real servers of a service; empty also where there is no such service. */
  listDestinations(key: ServiceKey | ServiceKeyText, options?: CallOptions): Promise<DestinationEntry[]>;

  /** Version of IPVS and size of its connection table. */
  info(options?: CallOptions): Promise<Info>;
  /** The director's own counters and rates. */
  totals(options?: CallOptions): Promise<Stats>;
  /** How long idle connections are kept, in seconds. */
  timeouts(options?: CallOptions): Promise<Timeouts>;
  /** The sync daemons that run. */
  daemons(options?: CallOptions): Promise<NormalSyncDaemon[]>;

  /** Makes one change. */
  apply(change: Change, options?: CallOptions): Promise<void>;
  /**
   * Makes many changes, in their order. What is refused does not stop the others, and is given back in order; an empty list
   * says that all is done.
   */
  applyAll(changes: readonly Change[], options?: CallOptions): Promise<ChangeFailure[]>;

  /** The connection table, row by row. */
  connections(filter?: ConnectionFilter): AsyncIterable<Connection>;
  /** The whole connection table, or the part of it that is wanted. */
  listConnections(filter?: ConnectionFilter): Promise<Connection[]>;
  /** Takes the connections that a filter matches out of the table; an empty filter matches all. */
  endConnections(filter: ConnectionFilter, options?: ChangeConnectionsOptions): Promise<ChangedConnections>;
}
