import { compareBytes, type Family } from '../../address/ip.js';
import { foldAddress, hash32 } from './hash.js';

/** `IP_VS_LBLC_TAB_BITS` and `IP_VS_LBLCR_TAB_BITS`. */
const TABLE_BITS = 10;
const TABLE_SIZE = 1 << TABLE_BITS;
/** With more entries than this, those that were not used lately are removed. */
const MAXIMUM_SIZE = TABLE_SIZE * 16;
/** `CHECK_EXPIRE_INTERVAL`, in ms. */
const SWEEP_INTERVAL = 60_000;
/** `COUNT_FOR_FULL_EXPIRATION`: every thirtieth sweep without too many entries looks for those that expired. */
const SWEEPS_TO_EXPIRATION = 30;
/** `ENTRY_TIMEOUT`, in ms: unused for that long, an entry may go when there are too many. */
const ENTRY_TIMEOUT = 6 * 60_000;
/** `DEFAULT_EXPIRATION`, in ms. */
export const DEFAULT_EXPIRATION = 24 * 60 * 60_000;

interface Entry<Value> {
  readonly address: Uint8Array;
  readonly value: Value;
  /** In ms. */
  lastUse: number;
}

/**
 * What lblc and lblcr remember for the addresses that packets are for, and for how long. The kernel's sweeps run by a timer,
 * once a minute; here they are made up for with the next look, as if they had been made in time.
 */
export class LocalityTable<Value> {
  readonly #family: Family;
  readonly #now: () => number;
  readonly #expiration: () => number;
  readonly #buckets: Entry<Value>[][] = Array.from({ length: TABLE_SIZE }, () => []);
  /** As the kernel counts: an entry that takes another's place counts as one more. */
  #count = 0;
  /** The bucket at which the last sweep ended. */
  #rover = 0;
  #sweeps = 1;
  #nextSweep: number;

  /**
   * @param now the time, in ms
   * @param expiration how long entries are kept unused, in ms; read with every sweep
   */
  constructor(family: Family, now: () => number, expiration: () => number) {
    this.#family = family;
    this.#now = now;
    this.#expiration = expiration;
    this.#nextSweep = now() + SWEEP_INTERVAL;
  }

  /** What was remembered for an address. Looking is a use. */
  find(address: Uint8Array): Value | undefined {
    const now = this.#now();
    for (; this.#nextSweep <= now; this.#nextSweep += SWEEP_INTERVAL) this.#sweep(this.#nextSweep);
    const entry = this.#bucket(address).find((candidate) => compareBytes(candidate.address, address) === 0);
    if (entry === undefined) return undefined;
    entry.lastUse = now;
    return entry.value;
  }

  /** Remembers something for an address, in place of what there was. */
  set(address: Uint8Array, value: Value): void {
    const bucket = this.#bucket(address);
    const replaced = bucket.findIndex((entry) => compareBytes(entry.address, address) === 0);
    if (replaced >= 0) bucket.splice(replaced, 1);
    bucket.push({ address: address.slice(), value, lastUse: this.#now() });
    this.#count++;
  }

  #bucket(address: Uint8Array): Entry<Value>[] {
    return this.#bucketAt(hash32(foldAddress(this.#family, address), TABLE_BITS));
  }

  #bucketAt(index: number): Entry<Value>[] {
    const bucket = this.#buckets[index];
    if (bucket === undefined) throw new RangeError(`no bucket ${index}`);
    return bucket;
  }

  #sweep(now: number): void {
    if (this.#sweeps % SWEEPS_TO_EXPIRATION === 0) {
      this.#sweeps = 1;
      this.#remove(now - this.#expiration(), Number.POSITIVE_INFINITY);
    } else if (this.#count <= MAXIMUM_SIZE) {
      this.#sweeps++;
    } else {
      const excess = Math.trunc(((this.#count - MAXIMUM_SIZE) * 4) / 3);
      this.#remove(now - ENTRY_TIMEOUT, Math.min(excess, MAXIMUM_SIZE / 2));
    }
  }

  /** Removes what was last used then or before, bucket after bucket, until the goal is reached. */
  #remove(lastUse: number, goal: number): void {
    let left = goal;
    for (let bucket = 0; bucket < TABLE_SIZE && left > 0; bucket++) {
      this.#rover = (this.#rover + 1) % TABLE_SIZE;
      const entries = this.#bucketAt(this.#rover);
      const kept = entries.filter((entry) => entry.lastUse > lastUse);
      const removed = entries.length - kept.length;
      entries.splice(0, entries.length, ...kept);
      this.#count -= removed;
      left -= removed;
    }
  }
}
