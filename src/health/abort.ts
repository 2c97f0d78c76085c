/**
 * Hearing of the end of a signal that thousands of runs may share.
 * @module
 */

/** Who is to be called, by signal. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when the signal aborts, until the function that it returns is called. A signal has one listener of this library, however
 * many there are to be called: Node warns of the eleventh, and looks through all of them to take one away.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const known = listeners.get(signal);
  const callbacks = known ?? new Set();
  callbacks.add(callback);
  if (known === undefined) {
    listeners.set(signal, callbacks);
    signal.addEventListener('abort', () => callbacks.forEach((one) => void one()), { once: true });
  }
  return () => callbacks.delete(callback);
}
