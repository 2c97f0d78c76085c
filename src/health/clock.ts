/**
 * The time that checks run by: the machine's, or a test's own.
 * @module
 */

/** A clock that never goes back. */
export interface Clock {
  /** Milliseconds since 1970 when the process started, and on from there, with fractions. */
  now(): number;
  /** Milliseconds since 1970 by the machine's calendar, which may be set meanwhile. */
  wall(): number;
  /** Calls back once, after some milliseconds. What comes back takes the call back. */
  after(milliseconds: number, call: () => void): () => void;
}

/** Node looks it up anew each time. */
const { timeOrigin } = performance;

/** The machine's. It does not keep a process alive. */
export const machineClock: Clock = {
  now: () => timeOrigin + performance.now(),
  wall: () => Date.now(),
  after(milliseconds, call) {
    const timer = setTimeout(call, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};
