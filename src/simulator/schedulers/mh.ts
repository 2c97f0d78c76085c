import { isUsable } from './choice.js';
import { foldAddress, hashedPort } from './hash.js';
import { hsiphash } from './hsiphash.js';
import type {
  ScheduledDestination,
  ScheduledPacket,
  ScheduledService,
  Scheduler,
  SchedulerFactory,
} from './scheduler.js';
import { commonWeight, maximumWeight } from './weights.js';

/**
 * Maglev hashing (ip_vs_mh.c, since Linux 4.18): by the client's address and, with mh-port, its port, through a table that
 * changes little when a server comes or goes. Whose server is quiesced or overloaded gets none, or with mh-fallback another
 * one. The paper: https://www.usenix.org/system/files/conference/nsdi16/nsdi16-paper-eisenbud.pdf, section 3.4.
 */
export const mh: SchedulerFactory = (service) => new MaglevHashing(service);

/** What `CONFIG_IP_VS_MH_TAB_INDEX=12` makes of the kernel's primes and bits, the default and the choice of distributions. */
const TABLE_SIZE = 4093;
const TABLE_BITS = 6;
/** The keys in `generate_hash_secret`: of the place in the table, and of the steps from there. */
const PLACE_KEY = [2654435761, 2654435761] as const;
const STEP_KEY = [2654446892, 2654446892] as const;
/** `IP_VS_SVC_F_SCHED_MH_FALLBACK` and `IP_VS_SVC_F_SCHED_MH_PORT`. */
const FALLBACK = 1;
const PORT = 2;

/** A destination's order of preference for the places of the table, and how far it has got. */
interface Preference {
  readonly destination: ScheduledDestination;
  readonly step: number;
  /** How many places it takes before it is the next one's turn. */
  readonly turns: number;
  place: number;
}

class MaglevHashing implements Scheduler {
  readonly #service: ScheduledService;
  #table: readonly (ScheduledDestination | undefined)[] = [];

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

  /** With more destinations than places the kernel leaves the table as it is. */
  #assign(): void {
    if (this.#service.destinations.length <= TABLE_SIZE) this.#table = populate(preferences(this.#service));
  }

  schedule(packet: ScheduledPacket): ScheduledDestination | undefined {
    const { family, flags } = this.#service;
    const client = foldAddress(family, packet.source) + ((flags & PORT) === 0 ? 0 : hashedPort(packet));
    const place = hash(client, PLACE_KEY) % TABLE_SIZE;
    const destination = this.#table[place];
    if (destination === undefined || isUsable(destination)) return destination;
    return (flags & FALLBACK) === 0 ? undefined : this.#fallback(client, place);
  }

  /** As many other places as the table has, some of them more than once. */
  #fallback(client: number, place: number): ScheduledDestination | undefined {
    for (let offset = 0; offset < TABLE_SIZE; offset++) {
      const other = hash(client + ((offset + place) % TABLE_SIZE), PLACE_KEY) % TABLE_SIZE;
      const destination = this.#table[other];
      if (destination !== undefined && isUsable(destination)) return destination;
    }
    return undefined;
  }
}

/** The sum is an `unsigned int` that wraps. */
function hash(sum: number, key: readonly [number, number]): number {
  return hsiphash(sum >>> 0, key);
}

/** Those that get places at all: who was added with weight 0 waits for another weight. */
function preferences({ destinations, family }: ScheduledService): Preference[] {
  const common = commonWeight(destinations, lastWeightOf);
  const shift = Math.max(bitLength(maximumWeight(destinations, lastWeightOf) / common) - TABLE_BITS, 0);
  return destinations
    .filter(({ lastWeight }) => lastWeight > 0)
    .map((destination) => {
      const sum = foldAddress(family, destination.address) + destination.port;
      return {
        destination,
        place: hash(sum, PLACE_KEY) % TABLE_SIZE,
        step: (hash(sum, STEP_KEY) % (TABLE_SIZE - 1)) + 1,
        // Shifted, so that large weights don't leave the first ones in the list everything.
        turns: (destination.lastWeight / common) >> shift || 1,
      };
    });
}

function populate(preferences: readonly Preference[]): (ScheduledDestination | undefined)[] {
  const table = Array<ScheduledDestination | undefined>(TABLE_SIZE).fill(undefined);
  let free = preferences.length === 0 ? 0 : TABLE_SIZE;
  while (free > 0) {
    for (const preference of preferences) {
      for (let turn = 0; turn < preference.turns && free > 0; turn++, free--) {
        while (table[preference.place] !== undefined) {
          preference.place = (preference.place + preference.step) % TABLE_SIZE;
        }
        table[preference.place] = preference.destination;
      }
    }
  }
  return table;
}

function lastWeightOf(destination: ScheduledDestination): number {
  return destination.lastWeight;
}

/** `fls`: the position of the highest bit, counted from 1. */
function bitLength(value: number): number {
  return 32 - Math.clz32(value);
}
