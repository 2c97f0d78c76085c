/**
 * First in, first out, without moving what waits.
 * @module
 */

/** A line of things that wait. */
export class Fifo<T> {
  #items: T[] = [];
  #first = 0;

  get empty(): boolean {
    return this.#items.length === 0;
  }

  /** The next to be taken. */
  get first(): T | undefined {
    return this.#items[this.#first];
  }

  put(item: T): void {
    this.#items.push(item);
  }

  take(): T | undefined {
    const item = this.first;
    if (item === undefined) return undefined;
    this.#first++;
    if (this.#first === this.#items.length) this.takeAll();
    return item;
  }

  takeAll(): T[] {
    const items = this.#items.slice(this.#first);
    this.#items = [];
    this.#first = 0;
    return items;
  }
}
