/**
 * Ending and moving the connections of a table by sync messages. What the kernel made of a message only the table shows: it is
 * read again until it agrees or the time is over.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { formatEndpoint } from '../address/endpoint.js';
import { familyOf } from '../address/ip.js';
import type { Connection } from '../model/connection.js';
import type { ChangeConnectionsOptions, ChangedConnections, LeftConnection } from '../model/connection-changes.js';
import type { TableService } from '../model/table.js';
import type { SyncChannel } from './channel.js';
import {
  endingEntryOf,
  expiringEntryOf,
  handedOverEntryOf,
  isTemplate,
  movedEntriesOf,
  obstacle,
  rowName,
} from './entries.js';
import type { SyncConnection, SyncMessage } from './message.js';
import { Services } from './services.js';

/** Milliseconds for the whole unless the options say otherwise. */
const TIMEOUT = 10_000;
/** Milliseconds until a look at the table: a connection that is ended goes with the next tick of the kernel's timer. */
const SOON = 50;
/** The same for an entry that has a second left; the kernel's timers run up to an eighth longer. */
const ONE_SECOND = 1200;

/** A table of connections, and the way into it. */
export interface ConnectionTable {
  /** The rows as they are now. */
  readonly rows: () => AsyncIterable<Connection>;
  readonly services: readonly TableService[];
  readonly channel: SyncChannel;
}

/**
 * Ends the connections that match: the table has them no more, and the client's next packet of a TCP connection is answered with a
 * reset, that of a UDP flow goes to a real server by the scheduler's choice. Templates follow their connections.
 */
export async function endConnections(
  table: ConnectionTable,
  matches: (connection: Connection) => boolean,
  options: ChangeConnectionsOptions = {},
): Promise<ChangedConnections> {
  const services = new Services(table.services);
  const run = await Run.of(table, matches, options);
  await run.through(isOfIPv4, { version: 0, entries: (row) => [endingEntryOf(row)], pause: SOON });
  await run.through(isOfIPv6Stream, { version: 1, entries: (row) => [handedOverEntryOf(row)], pause: SOON });
  const expire = (row: Connection) => [expiringEntryOf(row, services.binding(row))];
  await run.through(isOfIPv6Datagrams, { version: 1, entries: expire, pause: ONE_SECOND });
  await run.through(isTemplate, { version: 1, entries: expire, pause: ONE_SECOND });
  return run.result('packets keep it alive, or connections that were not matched');
}

/**
 * Moves the connections that match, and are not there already, to a real server of their services: their next packet goes there. A TCP connection only
 * survives that where the other server knows it too.
 */
export async function moveConnections(
  table: ConnectionTable,
  matches: (connection: Connection) => boolean,
  to: { readonly address: string; readonly port?: number | undefined },
  options: ChangeConnectionsOptions = {},
): Promise<ChangedConnections> {
  const services = new Services(table.services);
  const isElsewhere = (row: Connection) => {
    const other = services.otherServer(row, to);
    return other === undefined || serverOf(row) !== formatEndpoint(other.endpoint.address, other.endpoint.port);
  };
  const run = await Run.of(table, (row) => matches(row) && isElsewhere(row), options);
  run.leave((row) =>
    services.otherServer(row, to) === undefined ? 'its service has no such real server, or is not known' : undefined,
  );
  const move = (row: Connection) => {
    const other = services.otherServer(row, to);
    return movedEntriesOf(row, other?.endpoint ?? row.destination, other?.binding);
  };
  await run.through((row) => !isTemplate(row), { version: 1, entries: move, pause: SOON });
  const templates = run.pending(isTemplate);
  const expire = (row: Connection) => [expiringEntryOf(row, services.binding(row))];
  await run.through(isTemplate, { version: 1, entries: expire, pause: ONE_SECOND });
  await table.channel.send(1, templates.filter((row) => !run.isPending(row)).flatMap(move), options.signal);
  return run.result('its template has other connections');
}

/** What to send for a row, and when to look whether it had effect. */
interface Way {
  readonly version: SyncMessage['version'];
  readonly entries: (row: Connection) => readonly SyncConnection[];
  readonly pause: number;
}

/** The rows that are to be changed. One is done when the table has it no more, or with another real server. */
class Run {
  readonly #table: ConnectionTable;
  readonly #options: ChangeConnectionsOptions;
  readonly #pending: Map<string, Connection>;
  readonly #left: LeftConnection[] = [];
  readonly #matched: number;
  readonly #deadline: number;

  private constructor(table: ConnectionTable, rows: Map<string, Connection>, options: ChangeConnectionsOptions) {
    this.#table = table;
    this.#options = options;
    this.#pending = rows;
    this.#matched = rows.size;
    this.#deadline = performance.now() + (options.timeout ?? TIMEOUT);
    this.leave(obstacle);
  }

  static async of(
    table: ConnectionTable,
    matches: (connection: Connection) => boolean,
    options: ChangeConnectionsOptions,
  ): Promise<Run> {
    const rows = new Map<string, Connection>();
    for await (const row of table.rows()) if (matches(row)) rows.set(rowName(row), row);
    return new Run(table, rows, options);
  }

  /** Gives up the rows for which there is a reason. */
  leave(reasonOf: (row: Connection) => string | undefined): void {
    for (const [name, connection] of this.#pending) {
      const why = reasonOf(connection);
      if (why === undefined) continue;
      this.#pending.delete(name);
      this.#left.push({ connection, why });
    }
  }

  pending(belongs: (row: Connection) => boolean): Connection[] {
    return [...this.#pending.values()].filter(belongs);
  }

  isPending(row: Connection): boolean {
    return this.#pending.has(rowName(row));
  }

  /** Sends for the rows that belong until the table has none of them as it was, or the time is over. */
  async through(belongs: (row: Connection) => boolean, { version, entries, pause }: Way): Promise<void> {
    const { signal, onProgress } = this.#options;
    for (let rows = this.pending(belongs); rows.length > 0; rows = this.pending(belongs)) {
      await this.#table.channel.send(version, rows.flatMap(entries), signal);
      await sleep(pause, undefined, signal && { signal });
      await this.#look(rows);
      onProgress?.({ done: this.#matched - this.#pending.size - this.#left.length, total: this.#matched });
      if (performance.now() >= this.#deadline) return;
    }
  }

  async #look(rows: readonly Connection[]): Promise<void> {
    const gone = new Map(rows.map((row) => [rowName(row), row]));
    for await (const row of this.#table.rows()) {
      const old = gone.get(rowName(row));
      if (old !== undefined && serverOf(old) === serverOf(row)) gone.delete(rowName(row));
    }
    for (const name of gone.keys()) this.#pending.delete(name);
  }

  result(why: string): ChangedConnections {
    this.leave(() => why);
    return { matched: this.#matched, changed: this.#matched - this.#left.length, left: this.#left };
  }
}

function isOfIPv4(row: Connection): boolean {
  return !isTemplate(row) && familyOf(row.client.address) === 'ipv4';
}

function isOfIPv6Stream(row: Connection): boolean {
  return !isTemplate(row) && familyOf(row.client.address) === 'ipv6' && row.protocol !== 'udp';
}

function isOfIPv6Datagrams(row: Connection): boolean {
  return familyOf(row.client.address) === 'ipv6' && row.protocol === 'udp' && !isTemplate(row);
}

function serverOf({ destination }: Connection): string {
  return formatEndpoint(destination.address, destination.port);
}
