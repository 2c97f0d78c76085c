/** The kernel's table as a value, and what each change makes of it: no more than a plan needs. */
import type { NormalChange } from '../../../src/model/change.js';
import type { NormalDestination } from '../../../src/model/destination.js';
import { formatDestinationKey } from '../../../src/model/destination.js';
import type { NormalService } from '../../../src/model/service.js';
import { formatServiceKey } from '../../../src/model/service-key.js';
import type { NormalSyncDaemon } from '../../../src/model/sync-daemon.js';
import type { Timeouts } from '../../../src/model/timeouts.js';
import type { NormalState } from '../../../src/reconcile/state.js';

interface Row {
  service: NormalService;
  readonly servers: Map<string, NormalDestination>;
}

/** Throws where the kernel would refuse: what is there is not added, what is not there is neither changed nor deleted. */
export class ModelTable {
  readonly #rows = new Map<string, Row>();
  readonly #daemons = new Map<string, NormalSyncDaemon>();
  #timeouts: Timeouts;

  constructor({ services, daemons = [], timeouts = { tcp: 900, tcpFin: 120, udp: 300 } }: NormalState) {
    for (const { service, destinations } of services) {
      const servers = new Map(destinations.map(({ destination }) => [formatDestinationKey(destination), destination]));
      this.#rows.set(formatServiceKey(service), { service, servers });
    }
    for (const daemon of daemons) this.#daemons.set(daemon.role, daemon);
    this.#timeouts = timeouts;
  }

  get state(): Required<NormalState> {
    const services = Array.from(this.#rows.values(), ({ service, servers }) => ({
      service,
      destinations: Array.from(servers.values(), (destination) => ({ destination })),
    }));
    return { services, daemons: [...this.#daemons.values()], timeouts: this.#timeouts };
  }

  execute(change: NormalChange): void {
    switch (change.verb) {
      case 'add-service':
        return put(
          this.#rows,
          formatServiceKey(change.service),
          { service: change.service, servers: new Map() },
          false,
        );
      case 'update-service':
        take(this.#rows, formatServiceKey(change.service)).service = change.service;
        return;
      case 'delete-service':
        return drop(this.#rows, formatServiceKey(change.key));
      case 'add-destination':
      case 'update-destination': {
        const { servers } = take(this.#rows, formatServiceKey(change.key));
        const there = change.verb === 'update-destination';
        return put(servers, formatDestinationKey(change.destination), change.destination, there);
      }
      case 'delete-destination':
        return drop(take(this.#rows, formatServiceKey(change.key)).servers, formatDestinationKey(change.destination));
      case 'set-timeouts':
        this.#timeouts = { ...this.#timeouts, ...change.timeouts };
        return;
      case 'start-daemon':
        return put(this.#daemons, change.daemon.role, change.daemon, false);
      case 'stop-daemon':
        return drop(this.#daemons, change.role);
      default:
        throw new Error(`no plan has ${change.verb}`);
    }
  }
}

function take<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined) throw new Error(`${name} is not there`);
  return found;
}

function put<T>(map: Map<string, T>, name: string, value: T, there: boolean): void {
  if (map.has(name) !== there) throw new Error(`${name} is ${there ? 'not ' : ''}there`);
  map.set(name, value);
}

function drop(map: Map<string, unknown>, name: string): void {
  if (!map.delete(name)) throw new Error(`${name} is not there`);
}
