/**
 * The last events, for readers who come back: server-sent events, ready to be written.
 * @module
 */
import { randomBytes } from 'node:crypto';

/** An event in the ring. */
interface Held {
  readonly number: number;
  readonly frame: string;
}

/** What a reader gets next. */
export interface Reading {
  readonly frame: string;
  /** The place after it. */
  readonly next: number;
}

/** Events that are kept. */
const CAPACITY = 10_000;
/** Characters of all that are kept: an event of a large table is long. */
const CHARACTERS = 32_000_000;

/** A ring of events. Their ids are `RUN-NUMBER`: the run of the program, and a number that goes up by one. */
export class EventRing {
  readonly #run = randomBytes(6).toString('hex');
  readonly #capacity: number;
  #held: Held[] = [];
  #characters = 0;
  #last = 0;
  readonly #listeners = new Set<() => void>();

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** The place after the newest event. */
  get end(): number {
    return this.#last + 1;
  }

  push(type: string, data: object): void {
    this.#last += 1;
    const frame = frameOf(type, data, `${this.#run}-${this.#last}`);
    this.#held.push({ number: this.#last, frame });
    this.#characters += frame.length;
    // By an eighth at a time: to shift the whole ring for each event would be work that squares.
    const most = this.#capacity + this.#capacity / 8;
    if (this.#held.length > most || this.#characters > CHARACTERS) this.#forget();
    for (const listener of this.#listeners) listener();
  }

  /** The place where a reader goes on whose last event was this one; undefined for an id of another run, or none at all. */
  placeAfter(id: string): number | undefined {
    const [, run, digits] = /^([0-9a-f]+)-(\d{1,15})$/.exec(id) ?? [];
    const number = Number(digits);
    return run === this.#run && number <= this.#last ? number + 1 : undefined;
  }

  /** What stands at a place. What is not there any more is told by an event of its own, `gap`. Undefined: nothing yet. */
  read(place: number): Reading | undefined {
    if (place > this.#last) return undefined;
    const oldest = this.#held[0]?.number ?? this.#last + 1;
    if (place < oldest) return { frame: this.gap({ lost: oldest - place }), next: oldest };
    const { frame = '' } = this.#held[place - oldest] ?? {};
    return { frame, next: place + 1 };
  }

  /** The event that says that others are missing. It has no id: a reader that comes back gets it again. */
  gap(data: { readonly lost: number | null }): string {
    return frameOf('gap', data);
  }

  /** Calls back whenever an event comes, until what comes back is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #forget(): void {
    let spare = Math.max(0, this.#held.length - this.#capacity);
    let characters = 0;
    for (const [index, { frame }] of this.#held.entries()) {
      if (index >= spare && this.#characters - characters <= CHARACTERS) break;
      characters += frame.length;
      spare = Math.max(spare, index + 1);
    }
    this.#held = this.#held.slice(spare);
    this.#characters -= characters;
  }
}

function frameOf(type: string, data: object, id?: string): string {
  const json = JSON.stringify({ time: new Date().toISOString(), ...data });
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${json}\n\n`;
}
