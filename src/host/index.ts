/**
 * `import { apply, planDirector, planRealServer, revert } from 'ipvs-ts/host'`: what a director and a real server need around
 * the table, as plans that can be looked at, carried out, checked and taken back.
 * @module
 */
export { HostApplyError, type HostApplyFailure } from '../errors.js';
export type { Director, Mode } from '../model/director.js';
export type { RealServer } from '../model/real-server.js';
export { announce, type NeighbourOptions, type WhoHasOptions, whoHas } from '../neighbours/neighbour-probe.js';
export { type ApplyOptions, type ApplyResult, apply } from './apply.js';
export { directorPlan, planDirector } from './director-plan.js';
export type { MasqueradeState } from './masquerade.js';
export { checkPlan, type HostPlan, type Obstacle, type PlannedStep, type Role } from './plan.js';
export { planRealServer, realServerPlan } from './real-server-plan.js';
export {
  type AppliedStep,
  type HostRecord,
  readRecord,
  recordPath,
  type SysctlChange,
  type SysctlValue,
} from './record.js';
export { type RevertOptions, type RevertResult, revert } from './revert.js';
export { type HostState, type HostStateOptions, readHostState } from './state.js';
export type {
  AddressStep,
  HostStep,
  HostStepId,
  HostStepWords,
  LinkUpStep,
  MasqueradeStep,
  MasqueradeTool,
  RouteStep,
  SysctlStep,
} from './step.js';
