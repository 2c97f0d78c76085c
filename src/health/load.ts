/**
 * The load that a server tells of itself, smoothed, so that its weight does not change with every word of it. Pure.
 * @module
 */

/** Load is taken over when it moved by so many percent, */
const STEP = 10;
/** and this many milliseconds after the last time. */
const PAUSE = 10_000;
/** The share of a new value in the smoothed load. */
const SHARE = 0.5;

/** What is known of a server's load, in percent of its weight. Plain JSON. */
export interface LoadState {
  readonly smooth: number;
  /** As it was last taken over, and when. */
  readonly taken: number;
  readonly at: number;
}

/** What is known after one more word. 0 takes all new connections away: that is a wish of the server's own, and not smoothed. */
export function loadAfter(before: LoadState | undefined, load: number, now: number): LoadState {
  if (before === undefined || load === 0 || before.taken === 0)
    return { smooth: load, taken: Math.round(load), at: now };
  const smooth = before.smooth + (load - before.smooth) * SHARE;
  const isNews = Math.abs(smooth - before.taken) >= STEP && now - before.at >= PAUSE;
  return isNews ? { smooth, taken: Math.round(smooth), at: now } : { ...before, smooth };
}
