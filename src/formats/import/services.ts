/**
 * Services as an importer gathers them -> desired services, checked.
 * @module
 */

import type { NormalCheck } from '../../model/check.js';
import type { NormalDesiredService } from '../../model/desired.js';
import {
  type Destination,
  formatDestinationKey,
  type NormalDestination,
  parseDestination,
  type Tunnel,
} from '../../model/destination.js';
import { type NormalServiceHealth, parseHealth, type ServiceHealth } from '../../model/health.js';
import { withoutUndefined } from '../../model/parse.js';
import { type NormalService, parseService, type SchedulerFlag, type Service } from '../../model/service.js';
import { formatServiceKey, type ServiceKey } from '../../model/service-key.js';
import type { Place, Report } from './report.js';
import { type CheckedServer, type OwnPolicy, type Policy, serviceHealth } from './service-health.js';

/** The way packets take to a real server. */
export interface Forward {
  readonly forward: 'nat' | 'dr' | 'tun';
  readonly tunnel?: Tunnel;
}

/** A service as it was read, not checked yet. */
export interface ServiceDraft {
  readonly key: ServiceKey;
  readonly scheduler: string;
  readonly schedulerFlags?: readonly SchedulerFlag[] | undefined;
  readonly onePacket?: boolean | undefined;
  readonly persistence?: { readonly timeout: number; readonly netmask?: number | string | undefined } | undefined;
  readonly persistenceEngine?: string | undefined;
}

/** A real server as it was read, not checked yet. */
export interface DestinationDraft extends Forward {
  readonly address: string;
  /** Default: the service's; 0 for a mark. */
  readonly port?: number | undefined;
  readonly weight: number;
  readonly upperThreshold?: number | undefined;
  readonly lowerThreshold?: number | undefined;
}

/** A draft, and where it stands; `fields` tells it for single fields. */
export interface Placed<Draft> {
  readonly place: Place;
  readonly fields?: Readonly<Record<string, Place | undefined>>;
  readonly draft: Draft;
}

/** A real server with what it is checked by, once it is known as what it stands in the table. */
export interface CheckedDraft extends Placed<DestinationDraft> {
  readonly checks?: ((destination: NormalDestination) => readonly NormalCheck[]) | undefined;
  readonly own?: OwnPolicy | undefined;
}

/** What follows when a real server fails, and who serves when too many do. */
export interface DraftPolicy extends Policy {
  readonly sorry?: CheckedDraft | undefined;
}

/** What a program does where the kernel refuses. */
export interface ServicesOptions {
  /**
   * Whether it says so in its log and goes on: a service or a real server that cannot be is left out, and a service that is
   * there already gets the real servers of both. Default: such a file is wrong.
   */
  readonly goesOn?: boolean;
}

interface Entry {
  readonly line: number;
  readonly service: NormalService;
  readonly destinations: Map<string, NormalDestination>;
  readonly checked: CheckedServer[];
  readonly policy: DraftPolicy | undefined;
}

/** The services of a file, in its order. */
export class Services {
  readonly #report: Report;
  readonly #goesOn: boolean;
  readonly #entries = new Map<string, Entry>();

  constructor(report: Report, { goesOn = false }: ServicesOptions = {}) {
    this.#report = report;
    this.#goesOn = goesOn;
  }

  get list(): NormalDesiredService[] {
    return [...this.#entries.values()].map(({ service, destinations }) => ({
      service,
      destinations: [...destinations.values()],
    }));
  }

  /** What is checked; nothing where no service is. */
  get health(): { readonly health?: readonly NormalServiceHealth[] } {
    const health = [...this.#entries.values()].flatMap((entry) => this.#healthOf(entry) ?? []);
    return health.length > 0 ? { health: parseHealth(health) } : {};
  }

  /** Checks a service with its real servers, and keeps it. Without a policy nothing of it is checked. */
  add(
    { place, fields, draft }: Placed<ServiceDraft>,
    destinations: readonly CheckedDraft[],
    policy?: DraftPolicy | undefined,
  ): void {
    const { key, ...settings } = draft;
    const input = withoutUndefined({
      ...key,
      ...settings,
      persistence: draft.persistence && withoutUndefined(draft.persistence),
    });
    // parseService checks what goes together.
    const check = () => parseService(input as Service);
    const service = this.#report.attempt(place, check, fields, (at, why) => this.#tell(at, why));
    if (service === undefined) return;
    const entry = this.#entryOf(service, place, policy);
    if (entry !== undefined) this.#addDestinations(entry, destinations);
  }

  #healthOf({ service, destinations, checked, policy }: Entry): ServiceHealth | undefined {
    if (policy === undefined) return undefined;
    const { sorry: draft, ...rest } = policy;
    const health = serviceHealth(service, checked, rest);
    if (draft === undefined) return health;
    if (health === undefined) {
      this.#report.skip(draft.place, 'no real server has a check: all of them are always up');
      return undefined;
    }
    const sorry = this.#destinationOf(service, draft);
    if (sorry === undefined) return health;
    const name = formatDestinationKey(sorry);
    const isChecked = checked.some(({ server, checks }) => checks.length > 0 && formatDestinationKey(server) === name);
    // One that is in the table with weight 0 stays there.
    if (!isChecked && (destinations.get(name)?.weight ?? 0) === 0) return { ...health, sorry };
    this.#report.skip(draft.place, 'is a real server of its virtual server: a sorry server here is none of them');
    return health;
  }

  #entryOf(service: NormalService, place: Place, policy: DraftPolicy | undefined): Entry | undefined {
    const name = formatServiceKey(service);
    const known = this.#entries.get(name);
    if (known === undefined) {
      const entry = { line: place.line, service, destinations: new Map(), checked: [], policy };
      this.#entries.set(name, entry);
      return entry;
    }
    this.#tell(
      place,
      `${name} is already in line ${known.line}`,
      'its real servers are added to it, its settings are not',
    );
    return this.#goesOn ? known : undefined;
  }

  #addDestinations({ service, destinations, checked }: Entry, drafts: readonly CheckedDraft[]): void {
    for (const draft of drafts) {
      const destination = this.#destinationOf(service, draft);
      if (destination === undefined) continue;
      const name = formatDestinationKey(destination);
      if (destinations.has(name))
        this.#report.skip(draft.place, `${name} is in ${formatServiceKey(service)} already: the first counts`);
      else {
        destinations.set(name, destination);
        checked.push({ server: destination, checks: draft.checks?.(destination) ?? [], own: draft.own });
      }
    }
  }

  #destinationOf(
    service: NormalService,
    { place, fields, draft }: Placed<DestinationDraft>,
  ): NormalDestination | undefined {
    const input = withoutUndefined({ ...draft, port: this.#portOf(service, draft, place) });
    // parseDestination checks what goes together.
    const check = () => parseDestination(service, input as Destination);
    return this.#report.attempt(place, check, fields, (at, why) => this.#tell(at, why));
  }

  #tell(place: Place, problem: string, outcome = 'it is left out'): void {
    if (this.#goesOn) this.#report.passOver(place, `${problem}; ${outcome}`);
    else this.#report.refuse(place, problem);
  }

  /** DR and TUN leave ports alone: every program that can be imported from, and ipvsadm, puts the service's port. */
  #portOf(service: ServiceKey, { port, forward }: DestinationDraft, place: Place): number | undefined {
    if (forward === 'nat' || service.protocol === 'fwmark') return port;
    if (port !== undefined && port !== 0 && port !== service.port) {
      this.#report.skip(
        place,
        `port ${port}: ${forward} does not rewrite ports, so the service's (${service.port}) counts`,
      );
    }
    return undefined;
  }
}
