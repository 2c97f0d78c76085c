/**
 * Work of which only one piece runs at a time.
 * @module
 */

/** Does one piece of work after the other, in the order in which they came; what one throws is its own. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  async do<Value>(work: () => Promise<Value>): Promise<Value> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return await mine;
  }
}
