/**
 * IPVS by the files in /proc/net: what can be read without rights, and the connections, which nothing else tells.
 * @module
 */
import { UnavailableError } from '../errors.js';
import type { Connection } from '../model/connection.js';
import { formatServiceKey, type ServiceKey } from '../model/service-key.js';
import type { Stats } from '../model/stats.js';
import type { TableService } from '../model/table.js';
import { readProcConnections } from '../proc/connections.js';
import { readProcStats } from '../proc/stats.js';
import { type ProcTable, readProcTable } from '../proc/table.js';
import type { Kernel } from './kernel.js';

/** Everything that the files tell. */
export class ProcSource {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  table(): Promise<ProcTable> {
    return readProcTable(this.#kernel.proc('ip_vs'), this.#kernel.ticksPerSecond());
  }

  totals(): Promise<Stats> {
    return readProcStats(this.#kernel.proc('ip_vs_stats'));
  }

  connections(): AsyncGenerator<Connection> {
    return readProcConnections(this.#kernel.proc('ip_vs_conn'));
  }

  /**
   * Undefined where there is no such service. One mark may stand for a service of either family, and the file does not
   * say of which: throws `UnavailableError` where it has two.
   */
  async service(key: ServiceKey): Promise<TableService | undefined> {
    const { services } = await this.table();
    const name = nameWithoutFamily(key);
    const [found, second] = services.filter(({ service }) => nameWithoutFamily(service) === name);
    if (second === undefined) return found;
    throw new UnavailableError(`/proc/net/ip_vs has two services of ${name} and does not tell their families apart`);
  }
}

/** The key's text as far as the file knows it. */
export function nameWithoutFamily(key: ServiceKey): string {
  return key.protocol === 'fwmark' ? `fwmark://${key.mark}` : formatServiceKey(key);
}
