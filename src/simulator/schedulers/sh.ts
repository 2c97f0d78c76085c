import { isUsable } from './choice.js';
import { foldAddress, hash32, hashedPort } from './hash.js';
import type {
  ScheduledDestination,
  ScheduledPacket,
  ScheduledService,
  Scheduler,
  SchedulerFactory,
} from './scheduler.js';

/**
 * Source hashing (ip_vs_sh.c): by the client's address and, with sh-port, its port. Whose server is quiesced or overloaded
 * gets none, or with sh-fallback another one.
 */
export const sh: SchedulerFactory = (service) => new SourceHashing(service);

/** `IP_VS_SH_TAB_BITS`. */
const TABLE_BITS = 8;
const TABLE_SIZE = 1 << TABLE_BITS;
/** `IP_VS_SVC_F_SCHED_SH_FALLBACK` and `IP_VS_SVC_F_SCHED_SH_PORT`. */
const FALLBACK = 1;
const PORT = 2;

class SourceHashing implements Scheduler {
  readonly #service: ScheduledService;
  #table: readonly ScheduledDestination[] = [];

  constructor(service: ScheduledService) {
    this.#service = service;
    this.#assign();
  }

  addDestination(): void {
    this.#assign();
  }

  deleteDestination(): void {
    this.#assign();
  }

  updateDestination(): void {
    this.#assign();
  }

  /** Each in turn takes as many buckets as its weight says, and one if that is 0. Weights above 256 leave none for others. */
  #assign(): void {
    const { destinations } = this.#service;
    const table: ScheduledDestination[] = [];
    while (destinations.length > 0 && table.length < TABLE_SIZE) {
      for (const destination of destinations) {
        const share = Math.min(Math.max(destination.weight, 1), TABLE_SIZE - table.length);
        for (let taken = 0; taken < share; taken++) table.push(destination);
      }
    }
    this.#table = table;
  }

  schedule(packet: ScheduledPacket): ScheduledDestination | undefined {
    const { family, flags } = this.#service;
    const port = (flags & PORT) === 0 ? 0 : hashedPort(packet);
    const bucket = hash32(port + foldAddress(family, packet.source), TABLE_BITS);
    const destination = this.#table[bucket];
    if (destination === undefined || isUsable(destination)) return destination;
    return (flags & FALLBACK) === 0 ? undefined : this.#fallback(bucket);
  }

  /** All buckets in turn, from one that follows from the first: the kernel adds its number to itself. */
  #fallback(bucket: number): ScheduledDestination | undefined {
    for (let offset = 0; offset < TABLE_SIZE; offset++) {
      const destination = this.#table[(2 * bucket + offset) % TABLE_SIZE];
      if (destination !== undefined && isUsable(destination)) return destination;
    }
    return undefined;
  }
}
