/**
 * Readings of the kernel's table that clients share: many who ask at the same time wait for one reading and not for one each, for which the
 * loop that keeps the table would have to wait, too.
 * @module
 */
import type { TableAccess } from '../model/table-access.js';

/** Whoever asks gets what was read after he asked: by the reading that begins now, or by the one after it. */
export class SharedRead<Value> {
  readonly #read: () => Promise<Value>;
  #running: Promise<Value> | undefined;
  #next: Promise<Value> | undefined;

  constructor(read: () => Promise<Value>) {
    this.#read = read;
  }

  get(): Promise<Value> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running.then(
      () => this.#follow(),
      () => this.#follow(),
    );
    return this.#next;
  }

  #follow(): Promise<Value> {
    this.#next = undefined;
    return this.#begin();
  }

  #begin(): Promise<Value> {
    const running = this.#read().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}

/** What many ask of a table. */
export type ReadTable = Pick<
  TableAccess,
  'source' | 'snapshot' | 'listServices' | 'totals' | 'info' | 'timeouts' | 'daemons'
> & { countsTraffic?(): boolean | undefined };

/** The same table, read once for all who ask meanwhile. */
export function sharedReads(table: ReadTable): ReadTable {
  const reads = {
    snapshot: new SharedRead(() => table.snapshot()),
    listServices: new SharedRead(() => table.listServices()),
    totals: new SharedRead(() => table.totals()),
    info: new SharedRead(() => table.info()),
    timeouts: new SharedRead(() => table.timeouts()),
    daemons: new SharedRead(() => table.daemons()),
  };
  return {
    get source() {
      return table.source;
    },
    countsTraffic: () => table.countsTraffic?.(),
    snapshot: () => reads.snapshot.get(),
    listServices: () => reads.listServices.get(),
    totals: () => reads.totals.get(),
    info: () => reads.info.get(),
    timeouts: () => reads.timeouts.get(),
    daemons: () => reads.daemons.get(),
  };
}
