/**
 * How long the event loop is held up.
 */

/** Milliseconds between two turns of the event loop. */
export interface Stall {
  readonly longest: number;
  readonly percentile99: number;
}

/**
 * A chain of setImmediate notes when each turn comes. That sees every turn, where a timer sees those of its resolution,
 * which is 10 ms in the lab (HZ=100).
 */
export async function longestStall(work: () => Promise<unknown>): Promise<Stall> {
  const gaps: number[] = [];
  let last = performance.now();
  let next: NodeJS.Immediate;
  const turn = () => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    next = setImmediate(turn);
  };
  next = setImmediate(turn);
  await work();
  clearImmediate(next);
  // The last part of the work ends after the last turn.
  gaps.push(performance.now() - last);
  gaps.sort((a, b) => a - b);
  return { longest: gaps.at(-1) ?? 0, percentile99: gaps[Math.floor(gaps.length * 0.99)] ?? 0 };
}
