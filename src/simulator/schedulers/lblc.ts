import { connectionOverhead, isOverfull, leastLoaded } from './load.js';
import { DEFAULT_EXPIRATION, LocalityTable } from './locality-table.js';
import type {
  ScheduledDestination,
  ScheduledPacket,
  ScheduledService,
  Scheduler,
  SchedulerEnvironment,
  SchedulerFactory,
} from './scheduler.js';

/**
 * Locality-based least connections (ip_vs_lblc.c): each address that packets are for has a server, until that is gone,
 * quiesced, or has too many connections while another has next to none; then the least loaded gets it. An overloaded server
 * (its upper threshold reached) keeps the addresses that it has.
 */
export const lblc: SchedulerFactory = (service, environment) => new Locality(service, environment);

class Locality implements Scheduler {
  readonly #service: ScheduledService;
  readonly #servers: LocalityTable<ScheduledDestination>;

  constructor(service: ScheduledService, environment: SchedulerEnvironment) {
    this.#service = service;
    this.#servers = new LocalityTable(
      service.family,
      () => environment.now(),
      () => environment.lblcExpiration ?? DEFAULT_EXPIRATION,
    );
  }

  addDestination(): void {}

  deleteDestination(): void {}

  updateDestination(): void {}

  schedule(packet: ScheduledPacket): ScheduledDestination | undefined {
    const { destinations } = this.#service;
    const server = this.#servers.find(packet.destination);
    if (server !== undefined && server.weight > 0 && destinations.includes(server)) {
      if (!isOverfull(server, destinations)) return server;
    }
    const least = leastLoaded(destinations, connectionOverhead);
    if (least !== undefined && least !== server) this.#servers.set(packet.destination, least);
    return least;
  }
}
