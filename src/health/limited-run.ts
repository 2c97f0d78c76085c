/**
 * A run that fails when its time is over.
 * @module
 */
import { Deadlines, type Limited } from './deadlines.js';
import { type Done, Run } from './run.js';

const deadlines = new Deadlines();

/** A run whose time, in milliseconds, begins at once. */
export class LimitedRun extends Run implements Limited {
  readonly #timeout: number;

  constructor(timeout: number, done: Done) {
    super(done);
    this.#timeout = timeout;
    deadlines.add(this, timeout);
  }

  expire(): void {
    this.finish(this.late(this.#timeout));
  }

  override end(): void {
    if (!this.ended) deadlines.ended();
    super.end();
  }
}
