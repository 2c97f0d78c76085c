import { type Client, type ModelOptions, ServiceModel } from '../../../lab/scheduler-model.js';

/**
 * A service whose real servers 10.0.0.1, 10.0.0.2, ... have these weights and stand in this order in the kernel's list: they
 * are added from the last to the first.
 */
export function serviceOf(scheduler: string, weights: readonly number[], options?: ModelOptions): ServiceModel {
  const service = new ServiceModel(scheduler, options);
  weights.forEach((_, index) => {
    const number = weights.length - index;
    service.add(server(number), weights[number - 1] ?? 0);
  });
  return service;
}

/** `10.0.0.1` of 1. */
export function server(number: number): string {
  return `10.0.0.${number}`;
}

/** The last numbers of the servers that new connections get, as in `1 1 2 -`; `-` is none. */
export function picks(service: ServiceModel, times: number, client: Partial<Client> = {}): string {
  return Array.from({ length: times }, () => pick(service, client)).join(' ');
}

/** The last number of the server that one new connection gets; `-`: none. */
export function pick(service: ServiceModel, client: Partial<Client> = {}): string {
  const chosen = service.connect({
    protocol: 'tcp',
    source: '198.51.100.1',
    sourcePort: 1024,
    destination: '192.0.2.1',
    destinationPort: 80,
    ...client,
  });
  return chosen === undefined ? '-' : (chosen.split('.')[3] ?? chosen);
}
