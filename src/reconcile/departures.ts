/**
 * Servers on their way out of a kept table: what a plan would remove has weight 0 until its connections are gone. No plan waits
 * for them, so that everything else is mended meanwhile.
 * @module
 */
import type { NormalChange } from '../model/change.js';
import { type DestinationEntry, formatDestinationKey } from '../model/destination.js';
import type { NormalService } from '../model/service.js';
import { formatServiceKey } from '../model/service-key.js';
import type { TableService } from '../model/table.js';
import { type DrainProgress, type DrainSettings, isIdle, parseDrainSettings } from './drain.js';
import { type ServerName, serverName } from './override.js';
import { inOrder, lowerWeight, type Plan, type Step } from './plan.js';

/** A server on its way out. Times are of `performance.now`. */
interface Departure {
  readonly since: number;
  /** Since when every look has found it without connections. */
  readonly idleSince: number | undefined;
}

/** Milliseconds to the second look at a server that has just lost its weight, where the settings do not say less. */
const SECOND_LOOK = 100;

/** The servers that leave a table. */
export class Departures {
  readonly #settings: ReturnType<typeof parseDrainSettings>;
  readonly #onProgress: ((progress: DrainProgress) => void) | undefined;
  #leaving = new Map<ServerName, Departure>();

  /** @throws {InvalidArgumentError} for settings that are none. */
  constructor(settings: DrainSettings, onProgress?: (progress: DrainProgress) => void) {
    this.#settings = parseDrainSettings(settings);
    this.#onProgress = onProgress;
  }

  /** Who is on the way out: `10.0.0.2:80 of tcp://192.0.2.1:80`. */
  get names(): string[] {
    return Array.from(this.#leaving.keys(), (name) => {
      const [service, destination] = name.split(' ');
      return `${destination} of ${service}`;
    });
  }

  /** Milliseconds to the next look; undefined if nobody leaves. */
  get nextLook(): number | undefined {
    if (this.#leaving.size === 0) return undefined;
    const isNew = [...this.#leaving.values()].some(({ idleSince }) => idleSince === undefined);
    return isNew ? Math.min(SECOND_LOOK, this.#settings.poll) : this.#settings.poll;
  }

  /**
   * A plan in which nobody is removed who has connections. Those that the plan does not remove are not on their way out any more.
   * `departed`: the steps that remove those who waited for it. `overdue`: who of them has connections, and no time left.
   * @param atOnce Who need not wait.
   */
  hold(
    plan: Plan,
    current: readonly TableService[],
    atOnce: ReadonlySet<ServerName>,
  ): Plan & { readonly departed: readonly Step[]; readonly overdue: readonly ServerName[] } {
    const services = new Map(current.map((entry) => [formatServiceKey(entry.service), entry]));
    const before = this.#leaving;
    this.#leaving = new Map();
    const departed: Step[] = [];
    const overdue: ServerName[] = [];
    const steps = plan.steps.flatMap((step) => {
      const found = removedBy(step.change, services);
      if (found === undefined) return [step];
      const staying = found.destinations.filter((entry) => !this.#hasLeft(found.service, entry, before, atOnce));
      // A service goes when all its servers have.
      if (staying.length > 0) return found.destinations.flatMap((entry) => quiesce(found.service, entry));
      const waited = found.destinations.map(({ destination }) => serverName(found.service, destination));
      overdue.push(
        ...waited.filter((name) => this.#leaving.get(name)?.idleSince === undefined && this.#leaving.has(name)),
      );
      for (const name of waited) this.#leaving.delete(name);
      if (waited.some((name) => before.has(name))) departed.push(step);
      return [step];
    });
    return { ...plan, steps: inOrder(steps), departed, overdue };
  }

  #hasLeft(
    service: NormalService,
    entry: DestinationEntry,
    before: ReadonlyMap<ServerName, Departure>,
    atOnce: ReadonlySet<ServerName>,
  ): boolean {
    const name = serverName(service, entry.destination);
    if (atOnce.has(name)) return true;
    const now = performance.now();
    const { deadline, until } = this.#settings;
    const { since, idleSince } = before.get(name) ?? { since: now, idleSince: undefined };
    const progress: DrainProgress = {
      service: formatServiceKey(service),
      destination: formatDestinationKey(entry.destination),
      activeConnections: entry.activeConnections,
      inactiveConnections: entry.inactiveConnections,
      persistentConnections: entry.persistentConnections ?? 0,
      waited: Math.round(now - since),
      ...(deadline !== undefined && { left: Math.max(0, Math.round(since + deadline - now)) }),
    };
    this.#onProgress?.(progress);
    const isQuiet = entry.destination.weight === 0 && isIdle(progress, until);
    this.#leaving.set(name, { since, idleSince: isQuiet ? (idleSince ?? now) : undefined });
    if (progress.left === 0) return true;
    // A connection that was being made when the weight was set is not established yet.
    return isQuiet && idleSince !== undefined && now - idleSince >= Math.min(SECOND_LOOK, this.#settings.poll) / 2;
  }
}

/** A service, with the servers of it that a change removes. */
function removedBy(change: NormalChange, services: ReadonlyMap<string, TableService>): TableService | undefined {
  if (change.verb === 'delete-service') return services.get(formatServiceKey(change.key));
  if (change.verb !== 'delete-destination') return undefined;
  const entry = services.get(formatServiceKey(change.key));
  const name = formatDestinationKey(change.destination);
  const destinations = entry?.destinations.filter(({ destination }) => formatDestinationKey(destination) === name);
  return entry && destinations && { ...entry, destinations };
}

function quiesce(service: NormalService, { destination }: DestinationEntry): Step[] {
  return destination.weight === 0 ? [] : [lowerWeight(service, destination, 0, 'it is drained before it is removed')];
}
