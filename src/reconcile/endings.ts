/**
 * Connections of servers that left a kept table, ended one server after the other, while everything else goes on.
 * @module
 */
import type { ServiceKeyText } from '../model/service-key.js';
import type { TableAccess } from '../model/table-access.js';
import type { ServerName } from './override.js';

/** What became of the connections of a server: `10.0.0.2:80 of tcp://192.0.2.1:80`. */
export type EndingEvent =
  /** They were ended; `left`: so many could not be. */
  | { readonly type: 'ended'; readonly server: string; readonly ended: number; readonly left: number }
  /** They could not be. The server has left all the same. */
  | { readonly type: 'not-ended'; readonly server: string; readonly error: Error };

/** See the module. */
export class Endings {
  readonly #table: Pick<TableAccess, 'endConnections'>;
  readonly #tell: (event: EndingEvent) => void;
  readonly #signal: AbortSignal;
  /** Those that were ended since they are down. */
  #cut: ReadonlySet<ServerName> = new Set();
  /** Two at once would each start a sync daemon of their own. */
  #last: Promise<void> = Promise.resolve();

  constructor(table: Pick<TableAccess, 'endConnections'>, tell: (event: EndingEvent) => void, signal: AbortSignal) {
    this.#table = table;
    this.#tell = tell;
    this.#signal = signal;
  }

  /** Ends those of servers that are down, once for each time that they are. */
  follow(cut: ReadonlySet<ServerName>): void {
    for (const name of cut) if (!this.#cut.has(name)) this.end(name);
    this.#cut = cut;
  }

  /** Ends those of one server. */
  end(name: ServerName): void {
    this.#last = this.#last.then(() => this.#end(name));
  }

  /** Resolves when nothing is under way any more. */
  get finished(): Promise<void> {
    return this.#last;
  }

  async #end(name: ServerName): Promise<void> {
    if (this.#signal.aborted) return;
    const [service, address = ''] = name.split(' ') as [ServiceKeyText, string?];
    const server = `${address} of ${service}`;
    try {
      const filter = { service, server: address };
      const { changed, left } = await this.#table.endConnections(filter, { signal: this.#signal });
      if (changed + left.length > 0) this.#tell({ type: 'ended', server, ended: changed, left: left.length });
    } catch (error) {
      if (!this.#signal.aborted) this.#tell({ type: 'not-ended', server, error: error as Error });
    }
  }
}
