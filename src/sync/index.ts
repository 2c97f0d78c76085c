/**
 * `import { watchSync } from 'ipvs-ts/sync'`: the messages by which a director tells others of its connections.
 * @module
 */
export {
  readSyncMessage,
  type SequenceShift,
  type SyncConnection,
  type SyncMessage,
  writeSyncMessage,
} from './message.js';
export { type WatchedSync, type WatchSyncOptions, watchSync } from './watch.js';
