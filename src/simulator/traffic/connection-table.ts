/**
 * The connection table (ip_vs_conn_tab in ip_vs_conn.c).
 * @module
 */
import type { Connection, ConnectionKey } from './connection.js';

const FIRST_SIZE = 4096;

/** Connections and templates by what they are found by. Grows with them; the kernel's was of one size until Linux 7.1. */
export class ConnectionTable implements Iterable<Connection> {
  /** In each bucket the newest comes first. */
  #buckets: (Connection | undefined)[] = new Array(FIRST_SIZE).fill(undefined);
  #size = 0;

  /** Entries, templates among them. */
  get size(): number {
    return this.#size;
  }

  /** `ip_vs_conn_in_get`. Nothing is found by client port 0, which templates have. */
  find(key: ConnectionKey): Connection | undefined {
    if (key.clientPort === 0) return undefined;
    return this.#search(key);
  }

  /** `ip_vs_ct_in_get`. */
  findTemplate(key: ConnectionKey): Connection | undefined {
    return this.#search(key);
  }

  add(connection: Connection): void {
    if (this.#size >= this.#buckets.length) this.#grow();
    this.#link(connection);
    connection.listed = true;
    this.#size++;
  }

  delete(connection: Connection): void {
    if (!connection.listed) return;
    const bucket = this.#bucket(connection);
    const first = this.#buckets[bucket];
    if (first === connection) {
      this.#buckets[bucket] = connection.next;
    } else {
      let before = first;
      while (before !== undefined && before.next !== connection) before = before.next;
      if (before !== undefined) before.next = connection.next;
    }
    connection.next = undefined;
    connection.listed = false;
    this.#size--;
  }

  /** Bucket by bucket; what comes and goes meanwhile may be missed. */
  *[Symbol.iterator](): Generator<Connection, void, undefined> {
    for (const first of this.#buckets) {
      for (let entry = first; entry !== undefined; entry = entry.next) yield entry;
    }
  }

  #search(key: ConnectionKey): Connection | undefined {
    let entry = this.#buckets[this.#bucket(key)];
    while (entry !== undefined && !(entry.isValid && isSame(entry, key))) entry = entry.next;
    return entry;
  }

  #link(connection: Connection): void {
    const bucket = this.#bucket(connection);
    connection.next = this.#buckets[bucket];
    this.#buckets[bucket] = connection;
  }

  #grow(): void {
    const old = this.#buckets;
    this.#buckets = new Array(old.length * 2).fill(undefined);
    for (const first of old) {
      // From the last to the first, so that the newest comes first again.
      const entries: Connection[] = [];
      for (let entry = first; entry !== undefined; entry = entry.next) entries.push(entry);
      for (const entry of entries.reverse()) this.#link(entry);
    }
  }

  #bucket(key: ConnectionKey): number {
    return hash(key) & (this.#buckets.length - 1);
  }
}

function isSame(entry: ConnectionKey, key: ConnectionKey): boolean {
  return (
    entry.clientPort === key.clientPort &&
    entry.virtualPort === key.virtualPort &&
    entry.protocolNumber === key.protocolNumber &&
    entry.family === key.family &&
    entry.client.equals(key.client) &&
    entry.virtual.equals(key.virtual)
  );
}

/** Of any quality that spreads neighbours; the kernel has a secret in it, so that its order means nothing either. */
function hash({ client, clientPort, virtual, virtualPort, protocolNumber }: ConnectionKey): number {
  let hash = Math.imul(client.a ^ client.c, 0x9e3779b1) ^ Math.imul(client.b ^ client.d, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ (clientPort << 16) ^ virtualPort, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13) ^ virtual.a ^ virtual.d ^ protocolNumber, 0x27d4eb2f);
  return hash ^ (hash >>> 16);
}
