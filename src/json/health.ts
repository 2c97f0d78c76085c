/**
 * The JSON of `health --json` and of `GET /v1/health`.
 * @module
 */
import type { HealthReport } from '../health/journal.js';

/** A report without what only a program that is started again needs: the state and the load of each check, by its key. */
export function healthJson({
  states: _states,
  loads: _loads,
  ...shown
}: HealthReport): Omit<HealthReport, 'states' | 'loads'> {
  return shown;
}
