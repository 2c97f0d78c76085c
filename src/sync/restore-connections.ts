/**
 * Putting saved connections back into a table.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../model/connection.js';
import type { ChangeConnectionsOptions } from '../model/connection-changes.js';
import type { SyncChannel } from './channel.js';
import { entryName, rowName } from './entries.js';
import type { SavedConnections } from './saved-connections.js';

/** Milliseconds for the whole unless the options say otherwise: a million connections take some seconds. */
const TIMEOUT = 60_000;
/** Milliseconds until a look at the table. */
const SOON = 50;

/** What became of saved connections, by the table as it is afterwards. */
export interface RestoredConnections {
  /** How many the file has. */
  readonly saved: number;
  /** How many were put into the table. */
  readonly restored: number;
  /** How many would have ended by now, by the time since they were saved. */
  readonly expired: number;
  /** How many the table had already; they were left as they are. */
  readonly present: number;
  /** How many the kernel did not take. */
  readonly missing: number;
}

/**
 * Puts connections into the table with the time that they have left. Those that the table has stay as they are: they are newer.
 * @param now milliseconds since 1970
 */
export async function restoreConnections(
  { rows, channel }: { readonly rows: () => AsyncIterable<Connection>; readonly channel: SyncChannel },
  saved: SavedConnections,
  now: number,
  { signal, timeout = TIMEOUT, onProgress }: ChangeConnectionsOptions = {},
): Promise<RestoredConnections> {
  const deadline = performance.now() + timeout;
  const age = Math.max(0, Math.floor((now - saved.savedAt.getTime()) / 1000));
  const missing = await namesOf(saved, age);
  const alive = missing.size;
  for await (const row of rows()) missing.delete(rowName(row));
  const wanted = missing.size;
  while (missing.size > 0) {
    for (const connections of saved.messages()) {
      const lost = connections.filter((entry) => entry.timeout > age && missing.has(entryName(entry)));
      const entries = lost.map((entry) => ({ ...entry, timeout: entry.timeout - age }));
      await channel.send(1, entries, signal);
    }
    await sleep(SOON, undefined, signal && { signal });
    for await (const row of rows()) missing.delete(rowName(row));
    onProgress?.({ done: wanted - missing.size, total: wanted });
    if (performance.now() >= deadline) break;
  }
  return {
    saved: saved.count,
    restored: wanted - missing.size,
    expired: saved.count - alive,
    present: alive - wanted,
    missing: missing.size,
  };
}

/** The names of the connections that have time left. */
async function namesOf(saved: SavedConnections, age: number): Promise<Set<string>> {
  const names = new Set<string>();
  for (const connections of saved.messages()) {
    for (const entry of connections) if (entry.timeout > age) names.add(entryName(entry));
  }
  return names;
}
