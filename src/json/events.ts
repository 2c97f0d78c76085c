/**
 * The JSON of what happens while a table is kept: the lines of `keep --json` and the events of `serve`.
 * @module
 */
import type { KeepEvent } from '../reconcile/keep.js';

/** An event of `keep` as plain JSON: errors as their messages. */
export function keepEventJson(event: KeepEvent): Readonly<Record<string, unknown>> {
  const error = 'error' in event ? { error: event.error.message } : {};
  const stand = event.type === 'interrupted' ? { inForce: event.error.inForce, notTried: event.error.notTried } : {};
  return { ...event, ...error, ...stand };
}
