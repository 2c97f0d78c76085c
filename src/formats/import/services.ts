/**
 * Services as an importer gathers them -> desired services, checked.
 * @module
 */
import type { NormalDesiredService } from '../../model/desired.js';
import {
  type Destination,
  formatDestinationKey,
  type NormalDestination,
  parseDestination,
  type Tunnel,
} from '../../model/destination.js';
import { withoutUndefined } from '../../model/parse.js';
import { type NormalService, parseService, type SchedulerFlag, type Service } from '../../model/service.js';
import { formatServiceKey, type ServiceKey } from '../../model/service-key.js';
import type { Place, Report } from './report.js';

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

  /** Checks a service with its real servers, and keeps it. */
  add({ place, fields, draft }: Placed<ServiceDraft>, destinations: readonly Placed<DestinationDraft>[]): void {
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
    const entry = this.#entryOf(service, place);
    if (entry !== undefined) this.#addDestinations(entry, destinations);
  }

  #entryOf(service: NormalService, place: Place): Entry | undefined {
    const name = formatServiceKey(service);
    const known = this.#entries.get(name);
    if (known === undefined) {
      const entry = { line: place.line, service, destinations: new Map() };
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

  #addDestinations({ service, destinations }: Entry, drafts: readonly Placed<DestinationDraft>[]): void {
    for (const { place, fields, draft } of drafts) {
      const input = withoutUndefined({ ...draft, port: this.#portOf(service, draft, place) });
      // parseDestination checks what goes together.
      const check = () => parseDestination(service, input as Destination);
      const destination = this.#report.attempt(place, check, fields, (at, why) => this.#tell(at, why));
      if (destination === undefined) continue;
      const name = formatDestinationKey(destination);
      if (destinations.has(name))
        this.#report.skip(place, `${name} is in ${formatServiceKey(service)} already: the first counts`);
      else destinations.set(name, destination);
    }
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
