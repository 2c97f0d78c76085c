/**
 * How long work may hold the event loop.
 * @module
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Milliseconds after which work that goes on lets others have a turn: with what one step more takes, 10 are not passed. */
export const TIME_SLICE = 4;

/** Things between two looks at the clock, which is a system call where the kernel has no vDSO. */
const LOOK = 128;

/**
 * Uses one after the other, with turns of the event loop in between.
 * @param look things between two looks at the clock; default 128. 1 where each may take long.
 */
export async function inTurns<T>(all: Iterable<T>, use: (one: T) => void, look = LOOK): Promise<void> {
  let count = 0;
  let turn = performance.now();
  for (const one of all) {
    use(one);
    if (++count % look !== 0 || performance.now() - turn < TIME_SLICE) continue;
    await nextTurn();
    turn = performance.now();
  }
}
