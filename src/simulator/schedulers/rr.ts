import { isUsable } from './choice.js';
import type { ScheduledDestination, ScheduledService, Scheduler, SchedulerFactory } from './scheduler.js';

/** Round robin (ip_vs_rr.c): one after the other, whatever their weights, unless 0. */
export const rr: SchedulerFactory = (service) => new RoundRobin(service);

class RoundRobin implements Scheduler {
  readonly #service: ScheduledService;
  /** Who had the last connection; `undefined`: the head of the list. */
  #last: ScheduledDestination | undefined;
  /** Where in the list that is; -1 is the head. */
  #position = -1;

  constructor(service: ScheduledService) {
    this.#service = service;
  }

  /** It stays with the destination, which is further back now. */
  addDestination(): void {
    this.#find();
  }

  /** If the last one goes, the one before it takes its place, so that the one behind it is next. */
  deleteDestination(destination: ScheduledDestination): void {
    if (destination === this.#last) this.#last = this.#service.destinations[this.#position - 1];
    this.#find();
  }

  updateDestination(): void {}

  #find(): void {
    this.#position = this.#last === undefined ? -1 : this.#service.destinations.indexOf(this.#last);
  }

  schedule(): ScheduledDestination | undefined {
    const { destinations } = this.#service;
    let position = this.#position;
    for (let left = destinations.length; left > 0; left--) {
      position = position + 1 < destinations.length ? position + 1 : 0;
      const destination = destinations[position];
      if (destination === undefined || !isUsable(destination)) continue;
      this.#position = position;
      this.#last = destination;
      return destination;
    }
    return undefined;
  }
}
