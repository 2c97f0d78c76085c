import { connectionOverhead, isMoreLoaded, isOverfull, leastLoaded } from './load.js';
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
 * Locality-based least connections with replication (ip_vs_lblcr.c): as lblc, but an address keeps its servers when it gets
 * one more. The most loaded of several leaves, one at a time, once nobody came or went for the expiration time.
 */
export const lblcr: SchedulerFactory = (service, environment) => new ReplicatedLocality(service, environment);

/** The servers of one address, the newest first. Those that are gone from the service stay, and count. */
interface ServerSet {
  servers: readonly ScheduledDestination[];
  /** When a server came or went last, in ms. */
  lastChange: number;
}

class ReplicatedLocality implements Scheduler {
  readonly #service: ScheduledService;
  readonly #environment: SchedulerEnvironment;
  readonly #sets: LocalityTable<ServerSet>;

  constructor(service: ScheduledService, environment: SchedulerEnvironment) {
    this.#service = service;
    this.#environment = environment;
    this.#sets = new LocalityTable(
      service.family,
      () => environment.now(),
      () => this.#expiration,
    );
  }

  get #expiration(): number {
    return this.#environment.lblcrExpiration ?? DEFAULT_EXPIRATION;
  }

  addDestination(): void {}

  deleteDestination(): void {}

  updateDestination(): void {}

  schedule(packet: ScheduledPacket): ScheduledDestination | undefined {
    const { destinations } = this.#service;
    const set = this.#sets.find(packet.destination);
    if (set === undefined) {
      const first = leastLoaded(destinations, connectionOverhead);
      if (first !== undefined) {
        this.#sets.set(packet.destination, { servers: [first], lastChange: this.#environment.now() });
      }
      return first;
    }
    const present = set.servers.filter((server) => destinations.includes(server));
    const server = leastLoaded(present, connectionOverhead);
    this.#shrink(set);
    // It may be the one that just left.
    if (server !== undefined && !isOverfull(server, destinations)) return server;
    const least = leastLoaded(destinations, connectionOverhead);
    if (least !== undefined && !set.servers.includes(least)) this.#change(set, [least, ...set.servers]);
    return least;
  }

  #shrink(set: ServerSet): void {
    if (set.servers.length < 2 || this.#environment.now() <= set.lastChange + this.#expiration) return;
    const most = mostLoaded(set.servers);
    if (most === undefined) return;
    this.#change(
      set,
      set.servers.filter((server) => server !== most),
    );
  }

  #change(set: ServerSet, servers: readonly ScheduledDestination[]): void {
    set.servers = servers;
    set.lastChange = this.#environment.now();
  }
}

/** Of those that are not quiesced the one with the greatest overhead for its weight, of equals the first. */
function mostLoaded(servers: readonly ScheduledDestination[]): ScheduledDestination | undefined {
  let most: ScheduledDestination | undefined;
  for (const server of servers) {
    if (server.weight === 0) continue;
    const overhead = connectionOverhead(server);
    if (most === undefined || isMoreLoaded(overhead, server.weight, connectionOverhead(most), most.weight))
      most = server;
  }
  return most;
}
