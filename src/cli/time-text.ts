/** `2026-11-27T20:41:00Z`. @module */

/** A time in milliseconds since 1970, to the second. */
export function timeText(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}
