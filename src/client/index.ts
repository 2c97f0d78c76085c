/**
 * `import { connect } from 'ipvs-ts/daemon'`: a director that `ipvs-ts serve` runs, here or on another host, by its API.
 * @module
 */
export { KeptError, RemoteError } from '../errors.js';
export type {
  DaemonReadiness,
  DaemonState,
  DaemonVersion,
  DocumentResult,
  HistoryRecord,
  PlanJson,
  ValidDocument,
} from '../json/api.js';
export type { ConnectOptions } from './address.js';
export { connect } from './connect.js';
export type { DaemonEvent } from './events.js';
export type {
  DaemonOverrides,
  DesiredDocument,
  DrainWish,
  EndedOverride,
  PutOptions,
  RemoteDirector,
  RemoteMetricsOptions,
  SimulateOptions,
  WeightWish,
} from './remote-director.js';
