/**
 * What becomes of connections that are ended or moved.
 * @module
 */
import type { CallOptions } from './call-options.js';
import type { Connection } from './connection.js';

/** How a change of connections goes on. */
export interface ConnectionsProgress {
  /** Connections that the table no longer has as they were. */
  readonly done: number;
  /** All that were matched. */
  readonly total: number;
}

/** How to change connections. */
export interface ChangeConnectionsOptions extends CallOptions {
  /** Called after each look at the table. */
  readonly onProgress?: ((progress: ConnectionsProgress) => void) | undefined;
}

/** A connection that could not be changed. */
export interface LeftConnection {
  readonly connection: Connection;
  readonly why: string;
}

/** What became of the connections that were matched, by the table as it is afterwards. */
export interface ChangedConnections {
  /** How many the filter matched. */
  readonly matched: number;
  /** How many were ended or moved. */
  readonly changed: number;
  /** The others. */
  readonly left: readonly LeftConnection[];
}
