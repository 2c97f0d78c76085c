/**
 * The services with most traffic, and the sum of all others: a page of bounded length for a table of any size. Pure.
 * @module
 */
import type { Counters } from '../model/stats.js';
import { countDestinations, type DestinationRow, type ServiceRow } from './table-rows.js';
import { labelText } from './text.js';

/** The label of the sum. */
const OTHER = 'other';

/** What is written of a table. */
export interface TopServices {
  readonly shown: readonly ServiceRow[];
  /** The sum of those that are not shown, if there are any. */
  readonly other: ServiceRow | undefined;
}

/** The services with most traffic, in the order of the table. Whoever runs it has a turn between two steps. */
export function* topServices(rows: readonly ServiceRow[], top: number | undefined): Generator<void, TopServices> {
  if (top === undefined || rows.length <= top) return { shown: rows, other: undefined };
  const traffic: number[] = [];
  for (const row of rows) {
    traffic.push(trafficOf(row));
    yield;
  }
  // By place, so that equal ones are always the same.
  const places = rows.map((_, place) => place).sort((a, b) => (traffic[b] ?? 0) - (traffic[a] ?? 0) || a - b);
  yield;
  const chosen = new Set(places.slice(0, top));
  const other = yield* sumOf(rows.filter((_, place) => !chosen.has(place)));
  return { shown: rows.filter((_, place) => chosen.has(place)), other };
}

/** Bytes; connections where they are not known. For an order, the first 53 bits tell enough. */
function trafficOf({ counters, destinations }: ServiceRow): number {
  if (counters !== undefined) return Number(counters.inBytes + counters.outBytes);
  return destinations.reduce((sum, { active, inactive }) => sum + active + inactive, 0);
}

function* sumOf(rows: readonly ServiceRow[]): Generator<void, ServiceRow> {
  const [services, servers] = [new CounterSum(), new CounterSum()];
  const sum = { active: 0, inactive: 0, serving: 0, quiesced: 0 };
  let persistent: number | undefined = 0;
  for (const row of rows) {
    const { counters, destinations } = row;
    const { serving, quiesced } = countDestinations(row);
    services.add(counters);
    sum.serving += serving;
    sum.quiesced += quiesced;
    for (const each of destinations) {
      servers.add(each.counters);
      sum.active += each.active;
      sum.inactive += each.inactive;
      persistent = each.persistent === undefined || persistent === undefined ? undefined : persistent + each.persistent;
    }
    yield;
  }
  const labels = labelText({ service: OTHER });
  const { active, inactive, ...counts } = sum;
  const destination: DestinationRow = {
    labels: `${labels},${labelText({ destination: OTHER })}`,
    destination: undefined,
    counters: servers.sum,
    active,
    inactive,
    persistent,
    wanted: undefined,
  };
  return { labels, service: undefined, counters: services.sum, destinations: [destination], counts };
}

/** A sum of counters, which is not known if one of them is not. */
class CounterSum {
  #sum: Counters | undefined = { connections: 0n, inPackets: 0n, outPackets: 0n, inBytes: 0n, outBytes: 0n };

  get sum(): Counters | undefined {
    return this.#sum;
  }

  add(counters: Counters | undefined): void {
    const sum = this.#sum;
    if (sum === undefined) return;
    this.#sum = counters && {
      connections: sum.connections + counters.connections,
      inPackets: sum.inPackets + counters.inPackets,
      outPackets: sum.outPackets + counters.outPackets,
      inBytes: sum.inBytes + counters.inBytes,
      outBytes: sum.outBytes + counters.outBytes,
    };
  }
}
