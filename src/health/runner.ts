/**
 * Runs checks at their times: each by itself, spread over its interval, no more at once than this process has descriptors for.
 * It knows when it ran late itself, and then tells no outcome.
 * @module
 */
import { readFileSync } from 'node:fs';
import { TIME_SLICE } from '../linux/time-slice.js';
import type { NormalCheck } from '../model/check.js';
import { Agenda } from './agenda.js';
import type { CheckOutcome, Target } from './check-outcome.js';
import type { Clock } from './clock.js';
import type { Job } from './jobs.js';
import type { Done, Started } from './run.js';

/** What {@link Runner} takes. */
export interface RunnerOptions<One extends Job = Job> {
  readonly clock: Clock;
  /** Begins one run, and gives what ends it, never after `done` was called. */
  readonly start: (target: Target, check: NormalCheck, done: Done) => Started;
  /** Takes what a run found, and gives the milliseconds to the start of the next. */
  readonly onOutcome: (job: One, outcome: CheckOutcome, took: number) => number;
  /** Called when this program was late itself, with how many milliseconds, and how many runs are not counted for it. */
  readonly onLate?: ((late: number, runs: number) => void) | undefined;
  /** The most runs at once. Default: four fifths of the descriptors that this process may have. */
  readonly limit?: number | undefined;
}

/** Milliseconds: a beat that comes later than this is this program's own trouble. */
export const LATE = 200;
/** Milliseconds between two beats, while something runs. */
const BEAT = 100;
/** Milliseconds: starts are kept as exactly as that. */
const SLOT = 10;
/** Milliseconds in which the first runs of new checks start. */
export const FIRST_ROUND = 1000;
const MOST_RUNS = 60_000;

/** A place on the agenda. One without a job is free once the agenda has come to it. */
interface Slot<One extends Job> {
  job: One | undefined;
  running: Started | undefined;
  started: number;
  /** Of the job's key: where in the interval it runs. */
  hash: number;
  /** Takes what a run found. */
  readonly done: Done;
}

/** Runs jobs until it is closed. */
export class Runner<One extends Job = Job> implements Disposable {
  readonly #options: RunnerOptions<One>;
  readonly #limit: number;
  readonly #slots: Slot<One>[] = [];
  readonly #free: number[] = [];
  readonly #places = new Map<string, number>();
  readonly #agenda = new Agenda();
  /** Due, and waiting until fewer run. */
  readonly #queue: number[] = [];
  #running = 0;
  /** When a run was begun or ended last. */
  #moved: number;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** When the next beat is due at the latest; undefined while nothing runs. */
  #beatDue: number | undefined;
  #cancelBeat: (() => void) | undefined;
  #cancelTurn: (() => void) | undefined;

  constructor(options: RunnerOptions<One>) {
    this.#options = options;
    this.#moved = options.clock.now();
    this.#limit = options.limit ?? Math.min(Math.floor(openFilesLimit() * 0.8), MOST_RUNS);
  }

  /** How many run now, and how many wait for others to end. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#queue.length };
  }

  /** Milliseconds that the earliest run is late, though there is room for it. Of a program that works these are a few. */
  get behind(): number {
    const now = this.#options.clock.now();
    const hasRoom = this.#queue.length > 0 && this.#running < this.#limit;
    return Math.max(0, now - this.#agenda.earliest, hasRoom ? now - this.#moved : 0);
  }

  /** The jobs from now on. Those that are there already go on as they were; runs of those that are gone are broken off. */
  set(jobs: ReadonlyMap<string, One>): void {
    for (const [key, place] of this.#places) if (!jobs.has(key)) this.#remove(key, place);
    for (const job of jobs.values()) if (!this.#places.has(job.key)) this.#add(job);
    this.#startWaiting();
    this.#arm();
  }

  [Symbol.dispose](): void {
    for (const [key, place] of this.#places) this.#remove(key, place);
    this.#cancelTimer?.();
    this.#cancelBeat?.();
    this.#cancelTurn?.();
  }

  #add(job: One): void {
    const place = this.#free.pop() ?? this.#newPlace();
    const slot = this.#slots[place];
    const hash = hashOf(job.key);
    if (slot !== undefined) {
      slot.job = job;
      slot.hash = hash;
    }
    this.#places.set(job.key, place);
    this.#plan(this.#options.clock.now() + (hash % Math.min(FIRST_ROUND, job.check.interval)), place);
  }

  #newPlace(): number {
    const place = this.#slots.length;
    const slot: Slot<One> = {
      job: undefined,
      running: undefined,
      started: 0,
      hash: 0,
      done: (outcome, run) => {
        if (slot.running === run && slot.job !== undefined) this.#finish(place, slot, slot.job, outcome);
      },
    };
    return this.#slots.push(slot) - 1;
  }

  #remove(key: string, place: number): void {
    const slot = this.#slots[place];
    this.#places.delete(key);
    if (slot === undefined) return;
    slot.job = undefined;
    if (slot.running === undefined) return;
    this.#end(slot);
    this.#free.push(place);
  }

  #end(slot: Slot<One>): void {
    slot.running?.end();
    slot.running = undefined;
    this.#running -= 1;
  }

  /** Those of ten milliseconds start together: a timer for each would cost more than its check. */
  #plan(time: number, place: number): void {
    this.#agenda.add(Math.ceil(time / SLOT) * SLOT, place);
  }

  /** One timer, for the earliest. */
  #arm(): void {
    const { clock } = this.#options;
    const at = this.#agenda.earliest;
    if (at >= this.#timerAt || at === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = clock.after(Math.max(0, at - clock.now()), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#startDue();
      this.#arm();
    });
  }

  #startDue(): void {
    const now = this.#options.clock.now();
    while (this.#agenda.earliest <= now) this.#queue.push(this.#agenda.take());
    this.#startWaiting();
  }

  /** The others in another turn: thousands at once would make this program late, and what it finds then is not counted. */
  #startWaiting(): void {
    const { clock } = this.#options;
    const end = clock.now() + TIME_SLICE;
    let started = 0;
    while (started < this.#queue.length && this.#running < this.#limit && clock.now() < end) {
      this.#start(this.#queue[started] ?? 0);
      started += 1;
    }
    this.#queue.splice(0, started);
    this.#startSoon();
  }

  #startSoon(): void {
    if (this.#queue.length === 0 || this.#running >= this.#limit) return;
    this.#cancelTurn ??= this.#options.clock.after(1, () => {
      this.#cancelTurn = undefined;
      this.#startWaiting();
    });
  }

  #start(place: number): void {
    const slot = this.#slots[place];
    if (slot?.job === undefined) {
      if (slot !== undefined) this.#free.push(place);
      return;
    }
    const { job } = slot;
    slot.started = this.#options.clock.now();
    this.#moved = slot.started;
    this.#running += 1;
    this.#beat();
    slot.running = this.#options.start(job.target, job.check, slot.done);
  }

  #finish(place: number, slot: Slot<One>, job: One, outcome: CheckOutcome): void {
    slot.running = undefined;
    this.#running -= 1;
    const now = this.#options.clock.now();
    this.#moved = now;
    // The event of a socket can be heard before the timer that is late.
    const isLate = outcome.result === 'failed' && this.#beatDue !== undefined && now > this.#beatDue + LATE;
    const told: CheckOutcome = isLate ? { result: 'not measured', reason: 'this program ran late' } : outcome;
    this.#again(place, slot, job, told, now);
    this.#startSoon();
    this.#arm();
  }

  #again(place: number, slot: Slot<One>, job: One, outcome: CheckOutcome, now: number): void {
    const pause = this.#options.onOutcome(job, outcome, now - slot.started);
    // What hit all runs at once must not have all of them begin anew at once.
    const spread = outcome.result === 'not measured' ? slot.hash % Math.max(1, Math.round(pause)) : 0;
    this.#plan(nextStart(slot, now, pause, job.check.interval) + spread, place);
  }

  /** While something runs, a timer that tells whether this program is late. */
  #beat(): void {
    if (this.#beatDue !== undefined) return;
    const { clock } = this.#options;
    this.#beatDue = clock.now() + BEAT;
    this.#cancelBeat = clock.after(BEAT, () => {
      const now = clock.now();
      const late = now - (this.#beatDue ?? now);
      this.#beatDue = undefined;
      if (late > LATE) this.#breakOff(late, now);
      if (this.#running > 0) this.#beat();
    });
  }

  /** What runs while this program stood still says nothing: it may have been answered long ago, or have been given up by the server. */
  #breakOff(late: number, now: number): void {
    let runs = 0;
    for (const [place, slot] of this.#slots.entries()) {
      if (slot.running === undefined || slot.job === undefined) continue;
      this.#end(slot);
      runs += 1;
      this.#again(place, slot, slot.job, { result: 'not measured', reason: 'this program ran late' }, now);
    }
    this.#options.onLate?.(late, runs);
    this.#startWaiting();
    this.#arm();
  }
}

/**
 * Runs of one interval keep their phase, which comes from the key: so they are spread, and stay so after a restart. A pause that
 * is shorter than the interval is taken from now.
 */
function nextStart(
  { started, hash }: Pick<Slot<Job>, 'started' | 'hash'>,
  now: number,
  pause: number,
  interval: number,
): number {
  if (pause < interval) return now + pause;
  const phase = Math.floor((hash % interval) / SLOT) * SLOT;
  const earliest = started + interval / 2;
  return Math.max(now, earliest + ((((phase - earliest) % interval) + interval) % interval));
}

/** FNV-1a. */
function hashOf(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}

/** Node raises the soft limit to the hard one when it starts. */
function openFilesLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? MOST_RUNS : Number(soft);
  } catch {
    return 1024;
  }
}
