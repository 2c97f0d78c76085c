import { isUsable } from './choice.js';
import { foldAddress, hash32 } from './hash.js';
import type {
  ScheduledDestination,
  ScheduledPacket,
  ScheduledService,
  Scheduler,
  SchedulerFactory,
} from './scheduler.js';

/**
 * Destination hashing (ip_vs_dh.c): by the address the packet is for, which differs where a firewall mark gathers many. Every
 * server has the same share of it, whatever its weight; who hits one with weight 0 gets none.
 */
export const dh: SchedulerFactory = (service) => new DestinationHashing(service);

/** `IP_VS_DH_TAB_BITS`: 256 buckets, filled in turn in the order of the list. */
const TABLE_BITS = 8;

class DestinationHashing implements Scheduler {
  readonly #service: ScheduledService;

  constructor(service: ScheduledService) {
    this.#service = service;
  }

  addDestination(): void {}

  deleteDestination(): void {}

  updateDestination(): void {}

  /** The kernel keeps a table. Since it refills it with every change, the list says what is in it. */
  schedule(packet: ScheduledPacket): ScheduledDestination | undefined {
    const { destinations, family } = this.#service;
    const bucket = hash32(foldAddress(family, packet.destination), TABLE_BITS);
    const destination = destinations[bucket % destinations.length];
    return destination !== undefined && isUsable(destination) ? destination : undefined;
  }
}
