import type { ScheduledDestination, ScheduledService, Scheduler, SchedulerFactory } from './scheduler.js';
import { commonWeight, maximumWeight } from './weights.js';

/**
 * Weighted round robin (ip_vs_wrr.c). Rounds with falling demands: those of the greatest weight have the first for
 * themselves, those of the least only take part in the last.
 */
export const wrr: SchedulerFactory = (service) => new WeightedRoundRobin(service);

/** The position before the first destination. */
const HEAD = -1;

class WeightedRoundRobin implements Scheduler {
  readonly #service: ScheduledService;
  /** Where in the list the last connection went; -1 is the head of the list. */
  #position = HEAD;
  /** The weight that this round demands. */
  #demand: number;
  /** What the first round demands. */
  #greatest: number;
  /** By how much the demand falls from round to round. */
  #step: number;

  constructor(service: ScheduledService) {
    this.#service = service;
    this.#step = this.#commonWeight();
    this.#greatest = this.#firstDemand();
    this.#demand = this.#greatest;
  }

  addDestination(): void {
    this.#change();
  }

  deleteDestination(): void {
    this.#change();
  }

  updateDestination(): void {
    this.#change();
  }

  /** Starts again at the head of the list, with about the demand there was. */
  #change(): void {
    this.#position = HEAD;
    this.#step = this.#commonWeight();
    this.#greatest = this.#firstDemand();
    if (this.#demand > this.#greatest || this.#demand === 0) this.#demand = this.#greatest;
    else if (this.#step > 1) this.#demand = Math.trunc(this.#demand / this.#step) * this.#step + 1;
  }

  #commonWeight(): number {
    return commonWeight(this.#service.destinations, weightOf) || 1;
  }

  /** Such that the demands end at 1 and not at the step, in case a weight falls below it meanwhile. */
  #firstDemand(): number {
    return maximumWeight(this.#service.destinations, weightOf) - (this.#step - 1);
  }

  /**
   * Down to the first round that has a taker, or to the last one. The kernel goes through them all, for seconds where the one
   * with a weight of millions is overloaded.
   */
  #skipRounds(): void {
    const takers = this.#service.destinations.filter((destination) => !destination.overloaded);
    const reach = Math.max(maximumWeight(takers, weightOf), this.#step);
    if (this.#demand > reach) this.#demand -= Math.ceil((this.#demand - reach) / this.#step) * this.#step;
  }

  schedule(): ScheduledDestination | undefined {
    if (this.#greatest === 0) return undefined;
    const { destinations } = this.#service;
    const start = this.#position;
    let position = start;
    /** Where the search ends without a find, once everyone was asked for a weight of 1. */
    let stop: number | undefined;
    let lastRound = false;
    let restarted = false;
    for (;;) {
      while (++position < destinations.length) {
        const destination = destinations[position];
        if (destination !== undefined && !destination.overloaded && destination.weight >= this.#demand) {
          this.#position = position;
          return destination;
        }
        if (position === stop) {
          this.#position = position;
          return undefined;
        }
      }
      position = HEAD;
      this.#demand -= this.#step;
      if (this.#demand <= 0) {
        this.#demand = this.#greatest;
        if (lastRound || start === HEAD) {
          this.#position = HEAD;
          return undefined;
        }
        restarted = true;
      }
      this.#skipRounds();
      lastRound = this.#demand <= this.#step;
      if (lastRound && restarted && start !== HEAD) stop = start;
    }
  }
}

function weightOf(destination: ScheduledDestination): number {
  return destination.weight;
}
