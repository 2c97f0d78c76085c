/**
 * Many who wait for the end of few signals.
 * @module
 */
import { addAbortListener } from 'node:events';

/** Who waits for a signal, and the one listener that it has for all of them. */
interface Waiting {
  readonly listeners: Set<() => void>;
  readonly heard: Disposable;
}

/**
 * Gives each signal one listener for all who wait. An EventTarget looks through all of its listeners for each that comes or goes: for the
 * dumps of 10,000 services that took seconds.
 */
export class AbortListeners {
  readonly #waiting = new Map<AbortSignal, Waiting>();

  /** Calls back once when a signal that is not aborted yet is, unless what comes back is disposed of before. */
  add(signal: AbortSignal, listener: () => void): Disposable {
    const waiting = this.#waiting.get(signal) ?? this.#listenTo(signal);
    waiting.listeners.add(listener);
    return {
      [Symbol.dispose]: () => {
        waiting.listeners.delete(listener);
        if (waiting.listeners.size > 0) return;
        waiting.heard[Symbol.dispose]();
        if (this.#waiting.get(signal) === waiting) this.#waiting.delete(signal);
      },
    };
  }

  #listenTo(signal: AbortSignal): Waiting {
    const listeners = new Set<() => void>();
    const heard = addAbortListener(signal, () => {
      this.#waiting.delete(signal);
      for (const listener of [...listeners]) listener();
    });
    const waiting = { listeners, heard };
    this.#waiting.set(signal, waiting);
    return waiting;
  }
}
