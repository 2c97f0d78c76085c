/**
 * What a file says: the table, and the host around it.
 * @module
 */
import type { NormalDesiredTable } from '../model/desired.js';
import type { NormalDirector } from '../model/director.js';
import type { NormalRealServer } from '../model/real-server.js';

/** How a host should be. A section that is absent says nothing: what is there stays. */
export interface DesiredState extends NormalDesiredTable {
  /** What the host needs as a director. */
  readonly director?: NormalDirector;
  /** What the host needs as a real server. */
  readonly realServer?: NormalRealServer;
}
