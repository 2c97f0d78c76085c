/**
 * Labels of services, with the names that they were given.
 * @module
 */
import { formatServiceKey, parseServiceKey, type ServiceKeyText } from '../model/service-key.js';
import type { Gathered } from './check.js';
import type { MetricsOptions } from './input.js';
import { labelText } from './text.js';

/** Names between two turns. */
const LOT = 16;

/** The labels that name a service. */
export class ServiceLabels {
  readonly #names: ReadonlyMap<string, string>;

  private constructor(names: ReadonlyMap<string, string>) {
    this.#names = names;
  }

  /** Reads the names. Whoever runs it has a turn between two steps. */
  static *read(given: MetricsOptions['serviceNames'] = {}, gathered: Gathered): Generator<void, ServiceLabels> {
    const names = new Map<string, string>();
    let count = 0;
    for (const [key, name] of given instanceof Map ? given : Object.entries(given)) {
      const service = gathered.attempt(`serviceNames[${JSON.stringify(key)}]`, () =>
        parseServiceKey(key as ServiceKeyText),
      );
      if (service !== undefined) names.set(formatServiceKey(service), name);
      if (++count % LOT === 0) yield;
    }
    return new ServiceLabels(names);
  }

  of(service: string): string {
    return labelText({ service, name: this.#names.get(service) });
  }
}
