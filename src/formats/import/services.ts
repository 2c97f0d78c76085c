/**
 * Services as an importer gathers them -> desired services, checked.
 * @module
 */
import type { DesiredService } from '../../model/desired.js';
import {
  type Destination,
  formatDestinationKey,
  type NormalDestination,
  parseDestination,
  type Tunnel,
} from '../../model/destination.js';
import { withoutUndefined } from '../../model/parse.js';
import { parseService, type SchedulerFlag, type Service } from '../../model/service.js';
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

/** The services of a file, in its order. */
export class Services {
  readonly list: DesiredService[] = [];
  readonly #report: Report;
  readonly #lines = new Map<string, number>();

  constructor(report: Report) {
    this.#report = report;
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
    const service = this.#report.attempt(place, () => parseService(input as Service), fields);
    if (service === undefined) return;
    const name = formatServiceKey(service);
    const other = this.#lines.get(name);
    if (other !== undefined) return this.#report.refuse(place, `${name} is already in line ${other}`);
    this.#lines.set(name, place.line);
    this.list.push({ service, destinations: this.#destinations(service, destinations) });
  }

  #destinations(service: ServiceKey, drafts: readonly Placed<DestinationDraft>[]): NormalDestination[] {
    const found = new Map<string, NormalDestination>();
    for (const { place, fields, draft } of drafts) {
      const input = withoutUndefined({ ...draft, port: this.#portOf(service, draft, place) });
      // parseDestination checks what goes together.
      const check = () => parseDestination(service, input as Destination);
      const destination = this.#report.attempt(place, check, fields);
      if (destination === undefined) continue;
      const name = formatDestinationKey(destination);
      if (found.has(name))
        this.#report.skip(place, `${name} is in ${formatServiceKey(service)} already: the first counts`);
      else found.set(name, destination);
    }
    return [...found.values()];
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
