/**
 * `ipvs-ts/health`: checks of real servers, verdicts, and what follows from them.
 * @module
 */
export type {
  Check,
  CheckBase,
  HttpBody,
  HttpCheck,
  NormalCheck,
  NormalHttpCheck,
  NormalTls,
  TcpCheck,
  TlsOptions,
} from '../model/check.js';
export { parseCheck } from '../model/check.js';
export {
  type NormalServiceHealth,
  type OnFailure,
  parseHealth,
  type Quorum,
  type ServiceHealth,
} from '../model/health.js';
export { type CheckOnceOptions, type CheckResult, checkOnce } from './check-once.js';
export { type Clock, machineClock } from './clock.js';
export type { MassFailureRules } from './guard.js';
export {
  type CheckReport,
  type HealthReport,
  readHealthReport,
  type ServerReport,
  type ServiceReport,
} from './journal.js';
export { type HealthEvent, HealthMonitor, type HealthMonitorOptions } from './monitor.js';
export type { Outcome, Target } from './probe.js';
export { runCheck } from './run-check.js';
export type { Tier } from './tiers.js';
export { type CheckState, judge, type VerdictRules } from './verdict.js';
