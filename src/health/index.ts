/**
 * `import { HealthMonitor } from 'ipvs-ts/health'`: checks of real servers, verdicts, and what follows from them.
 * @module
 */
export {
  type AgentCheck,
  type Check,
  type CheckBase,
  type DnsCheck,
  type ExecCheck,
  type FileCheck,
  type GrpcCheck,
  type HttpBody,
  type HttpCheck,
  type LdapCheck,
  type MysqlCheck,
  type NormalCheck,
  type NormalDnsCheck,
  type NormalExecCheck,
  type NormalGrpcCheck,
  type NormalHttpCheck,
  type NormalLdapCheck,
  type NormalPostgresqlCheck,
  type NormalRadiusCheck,
  type NormalScriptCheck,
  type NormalSipCheck,
  type NormalSmtpCheck,
  type NormalTls,
  type PingCheck,
  type PostgresqlCheck,
  PRESETS,
  parseCheck,
  type RadiusCheck,
  RECORD_TYPES,
  type ScriptCheck,
  type ScriptStep,
  type SipCheck,
  type SmtpCheck,
  type TcpCheck,
  type TimedCheck,
  type TlsOptions,
  type UdpCheck,
  type WithFilled,
} from '../model/check.js';
export {
  type NormalOnFailure,
  type NormalServerHealth,
  type NormalServiceHealth,
  type OnFailure,
  parseHealth,
  type Quorum,
  type ServerHealth,
  type ServiceHealth,
} from '../model/health.js';
export type {
  Hook,
  NormalHook,
  NormalServerNotify,
  NormalServiceNotify,
  ServerNotify,
  ServiceNotify,
} from '../model/hook.js';
export { type CheckOnceOptions, type CheckResult, checkOnce, checkServer } from './check-once.js';
export type { CheckOutcome, Target } from './check-outcome.js';
export { type Clock, machineClock } from './clock.js';
export type { MassFailureRules } from './guard.js';
export type { HookVariables } from './hook-program.js';
export type { HookFailure, HookRunner } from './hooks.js';
export {
  type CheckReport,
  type HealthReport,
  readHealthReport,
  readHealthReports,
  type ServerReport,
  type ServiceReport,
} from './journal.js';
export type { LoadState } from './load.js';
export { type HealthEvent, HealthMonitor, type HealthMonitorOptions } from './monitor.js';
export type { Tier } from './tiers.js';
export type { CheckState } from './verdict.js';
