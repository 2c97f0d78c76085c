/**
 * The time that checks run by: the machine's, or a test's own.
 * @module
 */

/** A clock that never goes back. */
export interface Clock {
  /** Milliseconds since 1970, with fractions. */
  now(): number;
  /** Calls back once, after some milliseconds. What comes back takes the call back. */
  after(milliseconds: number, call: () => void): () => void;
}

/** The machine's. It does not keep a process alive. */
export const machineClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(milliseconds, call) {
    const timer = setTimeout(call, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};
