/**
 * Keeping a table as a file says, health checks included: the file, the monitor and `keep`, joined.
 * @module
 */

import type { DesiredState } from '../config/desired-state.js';
import { HealthMonitor, type HealthMonitorOptions } from '../health/monitor.js';
import type { TableAccess } from '../model/table-access.js';
import { type KeepOptions, keep } from '../reconcile/keep.js';
import { StateFileSource, type StateFileSourceOptions } from '../reconcile/state-file-source.js';

/** What {@link keepFile} takes besides what `keep` does. */
export interface KeepFileOptions
  extends Omit<KeepOptions, 'health'>,
    Pick<StateFileSourceOptions, 'settle' | 'env' | 'onWarning'>,
    Pick<HealthMonitorOptions, 'start' | 'massFailure' | 'run' | 'runHook'> {
  /** The desired state, in YAML or JSON. */
  readonly file: string;
  /** Throws if this program cannot keep what the file says. */
  readonly accept?: ((state: DesiredState) => void) | undefined;
  /** Puts in words why the file can't be read. Default: the error as it is. */
  readonly explain?: ((error: unknown) => unknown) | undefined;
  readonly onHealthEvent?: HealthMonitorOptions['onEvent'];
  /** Called once, before anything is read. */
  readonly onStart?: ((parts: KeepParts) => void) | undefined;
  /** Called with every state that was read and accepted. */
  readonly onRead?: ((state: DesiredState) => void) | undefined;
}

/** What does the work. */
export interface KeepParts {
  readonly source: StateFileSource;
  readonly health: HealthMonitor;
}

/** Keeps the table until the signal. @throws as `keep`. */
export async function keepFile(table: TableAccess, options: KeepFileOptions): Promise<void> {
  const { file, directory, accept, explain, onRead } = options;
  using source = new StateFileSource(file, options);
  using health = new HealthMonitor({ ...options, directory, onEvent: options.onHealthEvent });
  options.onStart?.({ source, health });
  const read = async () => {
    const state = await source.read().catch((error: unknown) => {
      throw explain?.(error) ?? error;
    });
    accept?.(state);
    onRead?.(state);
    return state;
  };
  await keep(table, { changes: source.changes, read }, { ...options, health });
}
