/**
 * The traffic of a what-if: who calls, when, and for how long.
 * @module
 */
import { type Family, formatIP } from '../../address/ip.js';
import { parseNetwork } from '../../address/network.js';
import { InvalidArgumentError } from '../../errors.js';
import { shown } from '../../model/fields.js';

/** How long connections last, in seconds. Pareto has a long tail, the longer the nearer `shape` is to 1; default 1.5. */
export type Duration =
  | { readonly distribution: 'fixed' | 'exponential'; readonly mean: number }
  | { readonly distribution: 'pareto'; readonly mean: number; readonly shape?: number };

/** What clients do. */
export interface Traffic {
  /**
   * How many there are, 1 to 16777216, or the network they are all of, as `198.51.100.0/24`; default 10000. Each connection is of
   * any of them.
   */
  readonly clients?: number | string;
  /** Connections that start each second; at most 10000000 in all. */
  readonly rate: number;
  /** Whether they start at equal distances, or by chance; default `poisson`. */
  readonly arrival?: 'constant' | 'poisson';
  /** Default exponential with a mean of 10 s. */
  readonly duration?: Duration;
  /** How long connections start, in seconds. */
  readonly seconds: number;
  /** Of all chance, 0 to 4294967295; default 1. The same seed gives the same result. */
  readonly seed?: number;
}

/** Every field with its value, checked. */
export type CheckedTraffic = Required<Omit<Traffic, 'clients'>> & { readonly clients: ClientPool };

/** Clients by number. */
export interface ClientPool {
  readonly count: number;
  address(index: number): string;
}

const MOST_CLIENTS = 2 ** 24;
/** More would run for minutes. */
const MOST_CONNECTIONS = 10_000_000;

/** Fills in defaults for a service of a family. @throws {InvalidArgumentError} */
export function checkTraffic(traffic: Traffic, family: Family): CheckedTraffic {
  const {
    rate,
    arrival = 'poisson',
    duration = { distribution: 'exponential', mean: 10 },
    seconds,
    seed = 1,
  } = traffic;
  positive('rate', rate);
  positive('seconds', seconds);
  if (rate * seconds > MOST_CONNECTIONS) {
    throw invalid('rate', `${rate} a second for ${seconds} s are more than ${MOST_CONNECTIONS} connections`);
  }
  positive('duration.mean', duration.mean);
  if (!['fixed', 'exponential', 'pareto'].includes(duration.distribution)) {
    throw invalid('duration.distribution', `${shown(duration.distribution)} is not one of fixed, exponential, pareto`);
  }
  if (duration.distribution === 'pareto' && !((duration.shape ?? 1.5) > 1)) {
    throw invalid('duration.shape', 'must be above 1: without that there is no mean');
  }
  if (arrival !== 'constant' && arrival !== 'poisson') {
    throw invalid('arrival', `${shown(arrival)} is not one of constant, poisson`);
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw invalid('seed', 'must be a whole number from 0 to 4294967295');
  }
  return { clients: poolOf(traffic.clients ?? 10_000, family), rate, arrival, duration, seconds, seed };
}

function positive(path: string, value: number): void {
  if (!(Number.isFinite(value) && value > 0)) throw invalid(path, 'must be a number above 0');
}

function poolOf(clients: number | string, family: Family): ClientPool {
  if (typeof clients === 'string') return networkPool(clients, family);
  if (!Number.isInteger(clients) || clients < 1 || clients > MOST_CLIENTS) {
    throw invalid('clients', `must be a whole number from 1 to ${MOST_CLIENTS}`);
  }
  return { ...networkPool(family === 'ipv4' ? '10.0.0.0/8' : '2001:db8::/64', family), count: clients };
}

/** Addresses of a network from its first on; of large ones the first {@link MOST_CLIENTS}. */
function networkPool(text: string, family: Family): ClientPool {
  const network = parseNetwork(text);
  if (network === undefined) {
    throw invalid('clients', `${shown(text)} is neither a number nor a network, as 198.51.100.0/24 is`);
  }
  const { bytes: first, prefix } = network;
  if ((first.length === 4) !== (family === 'ipv4')) throw invalid('clients', `${text} is not of the service's family`);
  const count = Math.min(2 ** (first.length * 8 - prefix), MOST_CLIENTS);
  const view = new DataView(first.buffer, first.byteOffset);
  const base = view.getUint32(first.length - 4);
  const start = base - (base % count);
  return {
    count,
    address(index) {
      view.setUint32(first.length - 4, start + index);
      return formatIP(first);
    },
  };
}

/** Numbers by chance that are the same for the same seed (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** 0 to 4294967295. */
  whole(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** Above 0, up to 1. */
  part(): number {
    return (this.whole() + 1) / 2 ** 32;
  }

  /** Exponential. */
  wait(mean: number): number {
    return -Math.log(this.part()) * mean;
  }

  /** Seconds that a connection lasts. */
  duration(duration: Duration): number {
    const { mean } = duration;
    if (duration.distribution === 'exponential') return this.wait(mean);
    if (duration.distribution !== 'pareto') return mean;
    const { shape = 1.5 } = duration;
    return ((mean * (shape - 1)) / shape) * this.part() ** (-1 / shape);
  }
}

function invalid(path: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError('traffic', [{ path, message }]);
}
