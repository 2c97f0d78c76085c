/**
 * `import { reconcile, drain, keep } from 'ipvs-ts/reconcile'`: from the table as it is to the table that is wanted, without
 * dropping a connection.
 * @module
 */
export { LockedError, type LockHolder, ReconcileError, type ReconcileFailure } from '../errors.js';
export {
  type DesiredService,
  type DesiredTable,
  type NormalDesiredService,
  type NormalDesiredTable,
  parseDesiredTable,
} from '../model/desired.js';
export {
  type ApplyDrain,
  type ApplyPlanOptions,
  type ApplyProgress,
  applyPlan,
  type ReconcileOptions,
  reconcile,
} from './apply.js';
export {
  type Drain,
  type DrainOptions,
  type DrainOutcome,
  type DrainProgress,
  type DrainResult,
  type DrainSettings,
  drain,
  resumeDrains,
} from './drain.js';
export { type DrainNote, type DrainSysctls, drainNotes, readDrainSysctls } from './drain-notes.js';
export type { EndingEvent } from './endings.js';
export { effective, type Verdict, type Wishes } from './intent.js';
export {
  type HealthWishes,
  type KeepEvent,
  type KeepHealth,
  type KeepLook,
  type KeepOptions,
  type KeepSource,
  keep,
} from './keep.js';
export { type ClaimOptions, claimServices, keeperOf, keepersOf } from './keepers.js';
export {
  type DrainOverride,
  type DrainState,
  type DrainUntil,
  type Override,
  type OverrideBase,
  overrideText,
  type ServerName,
  serverName,
  type WeightOverride,
} from './override.js';
export { readOverrides, stateDirectory } from './overrides.js';
export { type Plan, type PlanOptions, plan, STAGES, type Stage, type Step } from './plan.js';
export { type RampOptions, type RampOutcome, type RampProgress, ramp } from './ramp.js';
export { parseScope, type Scope, scopeMatcher } from './scope.js';
export { type NormalState, readState, type State, stateOf } from './state.js';
export { StateFileSource, type StateFileSourceOptions } from './state-file-source.js';
export {
  type GiveBackOptions,
  type GivenBack,
  giveBack,
  type OverrideResult,
  type OverrideWeightOptions,
  overrideWeight,
} from './weight.js';
