/**
 * The rules of ipvsadm -> desired state: what the table is once they are all carried out.
 * @module
 */

import type { DesiredState } from '../../config/desired-state.js';
import { nearestService } from '../../config/nearest.js';
import { ConfigError, RulesError } from '../../errors.js';
import type { Names } from '../../ipvsadm/names.js';
import { type Rule, readRules } from '../../ipvsadm/rules.js';
import type { NormalChange } from '../../model/change.js';
import { formatDestinationKey, type NormalDestination } from '../../model/destination.js';
import type { NormalService } from '../../model/service.js';
import { formatServiceKey, type ServiceKey } from '../../model/service-key.js';
import type { NormalSyncDaemon } from '../../model/sync-daemon.js';
import type { Timeouts } from '../../model/timeouts.js';
import type { Place, Report } from './report.js';

interface Entry {
  service: NormalService;
  readonly destinations: Map<string, NormalDestination>;
}

/** Carries out the rules on an empty table in memory. */
class Table {
  readonly #services = new Map<string, Entry>();
  readonly #daemons = new Map<string, NormalSyncDaemon>();
  #timeouts: Partial<Timeouts> = {};
  readonly #exact: boolean;
  readonly #report: Report;

  constructor(exact: boolean, report: Report) {
    this.#exact = exact;
    this.#report = report;
  }

  apply(change: NormalChange, place: Place): void {
    switch (change.verb) {
      case 'add-service':
      case 'update-service':
        return this.#setService(change.service, change.verb === 'add-service', place);
      case 'delete-service':
        if (this.#find(change.key, place)) this.#services.delete(formatServiceKey(change.key));
        return;
      case 'add-destination':
      case 'update-destination':
        return this.#setDestination(change.key, change.destination, change.verb === 'add-destination', place);
      case 'delete-destination': {
        const isGone = this.#find(change.key, place)?.destinations.delete(formatDestinationKey(change.destination));
        if (isGone === false) this.#report.refuse(place, 'there is no such destination before this line');
        return;
      }
      case 'flush':
        return this.#services.clear();
      case 'zero':
        return this.#report.skip(place, 'counters are no part of a state');
      case 'set-timeouts':
        this.#timeouts = { ...this.#timeouts, ...change.timeouts };
        return;
      case 'start-daemon':
        this.#daemons.set(change.daemon.role, change.daemon);
        return;
      case 'stop-daemon':
        this.#daemons.delete(change.role);
    }
  }

  /** Sync daemons are told of only where the rules tell of them. */
  state(hasDaemons: boolean): DesiredState {
    return {
      services: [...this.#services.values()].map(({ service, destinations }) => ({
        service,
        destinations: [...destinations.values()],
      })),
      ...(Object.keys(this.#timeouts).length > 0 && { timeouts: this.#timeouts }),
      ...(hasDaemons && { daemons: [...this.#daemons.values()] }),
    };
  }

  #setService(service: NormalService, isNew: boolean, place: Place): void {
    const name = formatServiceKey(service);
    const known = this.#services.get(name);
    if (isNew && known !== undefined) return this.#report.refuse(place, `${name} is there already`);
    if (!isNew && known === undefined) return this.#report.refuse(place, `there is no ${name} before this line`);
    const taken = this.#exact ? service : this.#nearest(service, place);
    if (known === undefined) this.#services.set(name, { service: taken, destinations: new Map() });
    else known.service = taken;
  }

  #nearest(given: NormalService, place: Place): NormalService {
    const { service, changes } = nearestService(given);
    for (const change of changes) this.#report.skip(place, change);
    return service;
  }

  #setDestination(key: ServiceKey, destination: NormalDestination, isNew: boolean, place: Place): void {
    const entry = this.#find(key, place);
    const name = formatDestinationKey(destination);
    if (entry === undefined) return;
    if (isNew === entry.destinations.has(name)) {
      return this.#report.refuse(place, isNew ? `${name} is there already` : `there is no ${name} before this line`);
    }
    entry.destinations.set(name, destination);
  }

  #find(key: ServiceKey, place: Place): Entry | undefined {
    const entry = this.#services.get(formatServiceKey(key));
    if (entry === undefined) this.#report.refuse(place, `there is no ${formatServiceKey(key)} before this line`);
    return entry;
  }
}

/** How rules are read. */
export interface RulesReading {
  readonly names: Names;
  /** What errors call the text. */
  readonly file: string;
  /** What a state file cannot say stays as it is; else the nearest that it can say is taken, and reported. */
  readonly exact: boolean;
}

/** Reads what `ipvsadm-save` writes, and all else that `ipvsadm-restore` takes. */
export function importRules(text: string, { names, file, exact }: RulesReading, report: Report): DesiredState {
  const rules = rulesOf(text, names, file);
  const table = new Table(exact, report);
  for (const { line, text: rule, change } of rules) table.apply(change, { line, column: 1, key: rule.trim() });
  return table.state(rules.some(({ change }) => change.verb === 'start-daemon' || change.verb === 'stop-daemon'));
}

function rulesOf(text: string, names: Names, file: string): Rule[] {
  try {
    return [...readRules(text, names)];
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    const { line, text: path, reason: message } = error;
    throw new ConfigError(file, [{ line, column: 1, path, message }]);
  }
}
