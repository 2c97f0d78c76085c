/**
 * What is due when: a heap of times in typed arrays, since there may be a hundred thousand checks.
 * @module
 */

/** Numbers of jobs, the earliest first. */
export class Agenda {
  #times = new Float64Array(64);
  #jobs = new Uint32Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** When the earliest is due; Infinity if there is none. */
  get earliest(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] ?? 0);
  }

  /** A job may be there several times. */
  add(time: number, job: number): void {
    if (this.#size === this.#times.length) this.#grow();
    let place = this.#size++;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#time(parent) <= time) break;
      this.#copy(parent, place);
      place = parent;
    }
    this.#set(place, time, job);
  }

  /** Takes the earliest out. Only where there is one. */
  take(): number {
    const job = this.#jobs[0] ?? 0;
    const last = --this.#size;
    const [time, moved] = [this.#time(last), this.#jobs[last] ?? 0];
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#time(child + 1) < this.#time(child)) child += 1;
      if (this.#time(child) >= time) break;
      this.#copy(child, place);
      place = child;
    }
    this.#set(place, time, moved);
    return job;
  }

  #time(place: number): number {
    return this.#times[place] ?? 0;
  }

  #set(place: number, time: number, job: number): void {
    this.#times[place] = time;
    this.#jobs[place] = job;
  }

  #copy(from: number, to: number): void {
    this.#set(to, this.#time(from), this.#jobs[from] ?? 0);
  }

  #grow(): void {
    const [times, jobs] = [new Float64Array(this.#size * 2), new Uint32Array(this.#size * 2)];
    times.set(this.#times);
    jobs.set(this.#jobs);
    this.#times = times;
    this.#jobs = jobs;
  }
}
