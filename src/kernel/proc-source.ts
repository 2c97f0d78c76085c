/**
 * IPVS by the files in /proc/net: what can be read without rights, and the connections, which nothing else tells.
 * @module
 */
import { UnavailableError } from '../errors.js';
import type { Connection } from '../model/connection.js';
import type { IpvsStatus } from '../model/ipvs-status.js';
import { formatServiceKey, type ServiceKey } from '../model/service-key.js';
import type { Stats } from '../model/stats.js';
import type { TableService } from '../model/table.js';
import { readProcConnections } from '../proc/connections.js';
import { readProcStats } from '../proc/stats.js';
import { readProcStatus } from '../proc/status.js';
import { isProcTableOf, type ProcTable, readProcTable } from '../proc/table.js';
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

  /**
   * Whether /proc/net/ip_vs lists these services with these destinations, in this order; false also where it cannot be
   * read. Where several namespaces have services, it may leave some of its own out (6.1: between two pages
   * ip_vs_info_seq_next counts everybody's, ip_vs_info_array only its own), so that only a yes means something.
   */
  async confirms(services: readonly TableService[]): Promise<boolean> {
    return (await ifAny(() => isProcTableOf(services, this.#kernel.proc('ip_vs')))) ?? false;
  }

  totals(): Promise<Stats> {
    return readProcStats(this.#kernel.proc('ip_vs_stats'));
  }

  /** Undefined where the file cannot be read: before Linux 7.1, and without root. */
  status(): Promise<IpvsStatus | undefined> {
    return ifAny(() => readProcStatus(this.#kernel.proc('ip_vs_status')));
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

/** Undefined where the file cannot be read. */
export async function ifAny<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UnavailableError) return undefined;
    throw error;
  }
}

/** The key's text as far as the file knows it. */
export function nameWithoutFamily(key: ServiceKey): string {
  return key.protocol === 'fwmark' ? `fwmark://${key.mark}` : formatServiceKey(key);
}
