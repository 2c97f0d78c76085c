/** A simulated director for tests of what acts on one. */
import { afterEach, beforeEach } from 'vitest';
import { Ipvs } from '../../../src/ipvs.js';
import type { DesiredService } from '../../../src/model/desired.js';
import { type Destination, formatDestinationKey, parseDestination } from '../../../src/model/destination.js';
import { parseService, type Service } from '../../../src/model/service.js';
import { formatServiceKey } from '../../../src/model/service-key.js';
import { SimulatedKernel } from '../../../src/simulator/simulated-kernel.js';

/** The client in it changes with every test. */
export function useSimulator(): { readonly ipvs: Ipvs } {
  let current: Ipvs | undefined;
  beforeEach(async () => {
    current = await Ipvs.open({ kernel: new SimulatedKernel() });
  });
  afterEach(() => current?.close());
  return {
    get ipvs() {
      if (current === undefined) throw new Error('no test is running');
      return current;
    },
  };
}

/** A service that is wanted. */
export function wanted(service: Service, ...destinations: Destination[]): DesiredService {
  const parsed = parseService(service);
  return { service: parsed, destinations: destinations.map((destination) => parseDestination(parsed, destination)) };
}

/** `{ 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 1'] }`, sorted. */
export async function tableOf(ipvs: Ipvs): Promise<Record<string, string[]>> {
  const { services } = await ipvs.snapshot();
  const rows = services.map(({ service, destinations }): [string, string[]] => [
    `${formatServiceKey(service)} ${service.scheduler}`,
    destinations.map(({ destination: d }) => `${formatDestinationKey(d)} ${d.weight}`).sort(),
  ]);
  return Object.fromEntries(rows.sort());
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('this should have been refused');
}

export const WEB = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;
export const DNS = { protocol: 'udp', address: '192.0.2.1', port: 53 } as const;
