/**
 * Requests that a client sends again, since it does not know whether they were carried out: done once, and answered twice.
 * @module
 */
import { createHash } from 'node:crypto';
import { Problem } from './problem.js';
import type { Answer, Call } from './route.js';

/** Answers that are kept, and for how many milliseconds. */
const MOST = 1000;
const LONGEST = 24 * 3600 * 1000;
/** Characters of a key. */
const KEY = 200;

/** What was asked with a key, and what it was answered. */
interface Kept {
  readonly request: string;
  readonly at: number;
  readonly answer: Promise<Answer>;
}

/** The answers by the key of their requests, each of one visitor. */
export class Idempotency {
  readonly #kept = new Map<string, Kept>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /**
   * Does the work of a request, unless one with the same `Idempotency-Key` was done or is being done: then its answer is given. What failed
   * may be tried again.
   * @throws {Problem} 400 for a key that is none, 422 for the key of another request; and what the work throws.
   */
  answer(target: string, call: Call, work: () => Promise<Answer>): Promise<Answer> {
    const key = keyOf(call);
    if (key === undefined) return work();
    this.#forget();
    const name = `${call.visitor.name} ${key}`;
    const request = createHash('sha256').update(`${target}\n`).update(call.body).digest('hex');
    const before = this.#kept.get(name);
    if (before !== undefined) {
      if (before.request === request) return before.answer;
      throw new Problem(422, 'this Idempotency-Key was used for another request');
    }
    const answer = work();
    this.#kept.set(name, { request, at: this.#now(), answer });
    answer.catch(() => this.#kept.delete(name));
    return answer;
  }

  /** Oldest first: so they stand in the map. */
  #forget(): void {
    for (const [name, { at }] of this.#kept) {
      if (this.#kept.size < MOST && this.#now() - at < LONGEST) return;
      this.#kept.delete(name);
    }
  }
}

function keyOf({ headers }: Call): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && key !== '' && key.length <= KEY) return key;
  throw new Problem(400, `Idempotency-Key must be one text of 1 to ${KEY} characters`);
}
