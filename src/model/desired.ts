/**
 * What a director's table should be.
 * @module
 */
import type { NormalDestination } from './destination.js';
import type { NormalService } from './service.js';
import type { NormalSyncDaemon } from './sync-daemon.js';
import type { Timeouts } from './timeouts.js';

/** A service that is wanted, with all its real servers. */
export interface DesiredService {
  readonly service: NormalService;
  readonly destinations: readonly NormalDestination[];
}

/**
 * What is wanted. A section that is absent says nothing about its subject, which stays as it is; an empty one says that there
 * is to be none. Values are in their one form, as `parseService` and its like give them.
 */
export interface DesiredTable {
  readonly services?: readonly DesiredService[];
  /** The timeouts that matter, in seconds; the others stay. */
  readonly timeouts?: Partial<Timeouts>;
  /** Every sync daemon that is to run. What one leaves out is the kernel's default. */
  readonly daemons?: readonly NormalSyncDaemon[];
}
