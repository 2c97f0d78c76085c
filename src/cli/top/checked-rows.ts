/**
 * What health checks found of the rows.
 * @module
 */
import type { ServerReport } from '../../health/journal.js';
import { formatServiceKey } from '../../model/service-key.js';
import type { TableService } from '../../model/table.js';
import type { Reading } from './reading.js';
import type { Row, ServerState } from './row.js';

/** Rows with what is known of them by checks; as they were where nothing is. */
export class CheckedRows {
  readonly #tiers: ReadonlyMap<string, string>;
  readonly #servers: ReadonlyMap<string, readonly ServerReport[]>;
  readonly #now: number;

  constructor({ services, servers }: NonNullable<Reading['health']> = { services: [], servers: [] }, now: number) {
    this.#tiers = new Map(services.map(({ service, tier }) => [service, tier]));
    const reports = new Map<string, ServerReport[]>(servers.map(({ service }) => [service, []]));
    for (const report of servers) reports.get(report.service)?.push(report);
    this.#servers = reports;
    this.#now = now;
  }

  /** Who serves in the place of its own servers stands behind the name. */
  service(row: Row, { service }: TableService): Row {
    const tier = this.#tiers.get(formatServiceKey(service)) ?? 'primary';
    return tier === 'primary' ? row : { ...row, name: `${row.name} (${tier})` };
  }

  /** Those that checks took out of the table stand there, too. */
  servers(rows: readonly Row[], { service }: TableService): Row[] {
    const reports = new Map(this.#servers.get(formatServiceKey(service))?.map((report) => [report.server, report]));
    const there = new Set(rows.map(({ name }) => name));
    const removed = [...reports.values()].filter(({ server, action }) => action === 'remove' && !there.has(server));
    return [...rows, ...removed.map(({ server: name }): Row => ({ kind: 'server', name }))].map((row) => {
      const state = this.#stateOf(reports.get(row.name));
      return state === undefined ? row : { ...row, state };
    });
  }

  #stateOf(report: ServerReport | undefined): ServerState | undefined {
    switch (report?.status) {
      case 'up':
        return 'U';
      case 'down':
        return report.checks.some(({ heldUntil = 0 }) => heldUntil > this.#now) ? 'H' : 'D';
      case 'unknown':
        return '?';
      default:
        return undefined;
    }
  }
}
