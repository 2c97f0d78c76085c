/**
 * Destinations that were taken out of their service (dest_trash in ip_vs_ctl.c): connections may hold them, and who comes
 * back finds its counts.
 * @module
 */
import type { Family } from '../../address/ip.js';
import { addressKey, sameAddress } from '../traffic/address-key.js';
import type { Destination } from './destination.js';
import type { Service } from './service.js';

/** IP_VS_DEST_TRASH_PERIOD in milliseconds: how long it keeps what no connection holds. */
const PERIOD = 120_000;
/** How often it is looked through. */
const INTERVAL = PERIOD / 2;

interface Trashed {
  readonly destination: Destination;
  /** When a look first found that nothing holds it. */
  idleSince: number | undefined;
}

/** The trash of one namespace. It has no timer: each use first does what the kernel's timer would have done until now. */
export class Trash {
  /** By address and port, the newest last. */
  readonly #items = new Map<string, Trashed[]>();
  #size = 0;
  #nextLook = 0;
  readonly #now: () => number;

  /** @param now the time in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  put(destination: Destination): void {
    this.expire();
    if (this.#size === 0) this.#nextLook = this.#now() + INTERVAL;
    const { family, address, port } = destination;
    const key = addressKey(family, address, port);
    const item = { destination, idleSince: undefined };
    const others = this.#items.get(key);
    if (others === undefined) this.#items.set(key, [item]);
    else others.push(item);
    this.#size++;
  }

  /** Takes a destination back that was of a service with the name of this one; the one that came last. */
  take(service: Service, family: Family, address: Uint8Array, port: number): Destination | undefined {
    if (this.#size === 0) return undefined;
    this.expire();
    const key = addressKey(family, address, port);
    const found = this.#items.get(key);
    const index = found?.findLastIndex(({ destination }) => isOfService(destination, service)) ?? -1;
    if (found === undefined || index === -1) return undefined;
    const [item] = found.splice(index, 1);
    if (found.length === 0) this.#items.delete(key);
    this.#size--;
    return item?.destination;
  }

  /** Frees what was not held for long enough. */
  expire(): void {
    const now = this.#now();
    for (; this.#size > 0 && this.#nextLook <= now; this.#nextLook += INTERVAL) this.#look(this.#nextLook);
  }

  /** Destinations that are kept. */
  get size(): number {
    this.expire();
    return this.#size;
  }

  #look(now: number): void {
    for (const [key, items] of this.#items) {
      const kept = items.filter((item) => stays(item, now));
      this.#size -= items.length - kept.length;
      if (kept.length === 0) this.#items.delete(key);
      else this.#items.set(key, kept);
    }
  }
}

/** The first look that finds it idle starts its time. */
function stays(item: Trashed, now: number): boolean {
  if (item.destination.references > 0) return true;
  if (item.idleSince !== undefined) return now < item.idleSince + PERIOD;
  item.idleSince = now;
  return true;
}

/** By name, not by identity; a mark is compared without its family. */
function isOfService({ service: old }: Destination, service: Service): boolean {
  if (old.mark !== service.mark || old.protocol !== service.protocol) return false;
  if (service.mark !== 0) return true;
  return old.port === service.port && sameAddress(service.family, old.address, service.address);
}
