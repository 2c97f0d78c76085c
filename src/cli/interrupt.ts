/**
 * Ctrl-C while work is done that must not stop anywhere.
 * @module
 */
import { constants } from 'node:os';

/** Work was ended by a signal, and nothing of it is in force. */
export class InterruptedWork extends Error {
  /** As a shell reports it. */
  readonly exitCode: number;

  constructor(name: NodeJS.Signals) {
    super(`ended by ${name}: the table is as it was before`);
    this.exitCode = 128 + constants.signals[name];
  }
}

/** A signal that SIGINT and SIGTERM abort, while it is not disposed of. A second one ends the process at once. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();

  constructor() {
    process.once('SIGINT', this.#stop).once('SIGTERM', this.#stop);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly #stop = (name: NodeJS.Signals): void => {
    this[Symbol.dispose]();
    this.#controller.abort(new InterruptedWork(name));
  };

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#stop).off('SIGTERM', this.#stop);
  }
}
