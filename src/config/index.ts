/**
 * `import { loadStateFile } from 'ipvs-ts/config'`: files that say how a director's table, and the host around it, should be.
 * @module
 */
export { ConfigError, type ConfigIssue } from '../errors.js';
export type { DesiredService, DesiredTable, NormalDesiredService, NormalDesiredTable } from '../model/desired.js';
export type { DesiredState } from './desired-state.js';
export type { Environment } from './environment.js';
export { loadStateFile, parseStateFile, parseStateText, type ReadOptions } from './read.js';
export { type StateFile, type StateFileCheck, type StateFileHook, stateFileJsonSchema } from './schema.js';
export { desiredServices, formatStateFile } from './write.js';
