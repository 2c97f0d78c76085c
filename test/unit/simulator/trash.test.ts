import { describe, expect, it } from 'vitest';
import { type KernelRelease, traitsOf } from '../../../src/simulator/release.js';
import { Destination, type DestinationSettings } from '../../../src/simulator/table/destination.js';
import { Host } from '../../../src/simulator/table/host.js';
import { Namespace } from '../../../src/simulator/table/namespace.js';
import { EDITS_COUNT } from '../../../src/simulator/table/overload.js';

const MINUTE = 60_000;
const address = (...bytes: number[]) => Uint8Array.from([...bytes, ...Array<number>(16 - bytes.length).fill(0)]);
const settings: DestinationSettings = {
  method: 0,
  weight: 5,
  upperThreshold: 10,
  lowerThreshold: 0,
  tunnelType: 0,
  tunnelPort: 0,
  tunnelFlags: 0,
};
const first = { family: 'ipv4', address: address(10, 0, 0, 1), port: 80 } as const;
const key = { family: 'ipv4', protocol: 6, address: address(192, 0, 2, 1), port: 80, mark: 0 } as const;
const serviceSettings = {
  schedulerName: 'none',
  engine: '',
  serviceFlags: 0,
  timeout: 0,
  netmask: 0xffffffff,
  prefix: 0,
};

function director(release: KernelRelease = '6.12') {
  const clock = { now: 1_000_000 };
  const namespace = new Namespace({
    traits: traitsOf(release),
    host: new Host([{ address: 0x7f000001, prefix: 8 }], []),
    environment: { now: () => clock.now, random: () => 0 },
    schedulers: new Map(),
    engines: new Set(),
    encoding: { padding: 'none', ticksPerSecond: 250 },
    connectionTableSize: 4096,
    version: 0x010201,
    seed: 0,
    ipv6: true,
  });
  const service = (identity: typeof key | { mark: number } = key) => {
    const found = namespace.services.find({ ...key, ...identity });
    if (found === undefined) throw new Error('there is no service');
    return found;
  };
  namespace.addService(key, serviceSettings);
  namespace.addDestination(service(), first, settings);
  const destination = service().destinations[0];
  if (destination === undefined) throw new Error('there is no destination');
  destination.activeConnections = 3;
  destination.statistics.counters.connections = 7;
  return { clock, namespace, service, destination };
}

describe('a destination that comes back', () => {
  it('to its service has its counts and its statistics', () => {
    const { namespace, service, destination } = director();
    expect(namespace.deleteDestination(service(), first)).toBe(0);
    expect(destination.available).toBe(false);
    expect(namespace.addDestination(service(), first, { ...settings, weight: 9 })).toBe(0);
    expect(service().destinations).toEqual([destination]);
    expect(destination).toMatchObject({ available: true, weight: 9, activeConnections: 3 });
    expect(destination.statistics.shown.connections).toBe(7);
    expect(namespace.trash.size).toBe(0);
  });

  it('to another service of the same name has its counts, and statistics anew', () => {
    const { namespace, service, destination } = director();
    namespace.deleteService(service());
    namespace.addService(key, serviceSettings);
    namespace.addDestination(service(), first, settings);
    expect(service().destinations).toEqual([destination]);
    expect(destination.activeConnections).toBe(3);
    expect(destination.service).toBe(service());
    expect(destination.statistics.shown.connections).toBe(0);
  });

  it('to a service of another name is a new one', () => {
    const { namespace, service, destination } = director();
    namespace.deleteDestination(service(), first);
    namespace.addService({ ...key, mark: 1 }, serviceSettings);
    namespace.addDestination(service({ mark: 1 }), first, settings);
    expect(service({ mark: 1 }).destinations[0]).not.toBe(destination);
    expect(namespace.trash.size).toBe(1);
  });
});

describe('the trash', () => {
  it('keeps for 120 s what nothing holds, counted from its first look, a minute after', () => {
    const { clock, namespace, service } = director();
    namespace.deleteDestination(service(), first);
    clock.now += 3 * MINUTE - 1;
    expect(namespace.trash.size).toBe(1);
    clock.now += 1;
    expect(namespace.trash.size).toBe(0);
    namespace.addDestination(service(), first, settings);
    expect(service().destinations[0]?.activeConnections).toBe(0);
  });

  it('keeps what connections hold', () => {
    const { clock, namespace, service, destination } = director();
    destination.references = 3;
    namespace.deleteDestination(service(), first);
    clock.now += 60 * MINUTE;
    expect(namespace.trash.size).toBe(1);
    destination.references = 0;
    clock.now += 3 * MINUTE;
    expect(namespace.trash.size).toBe(0);
  });

  it('gives back the one that came last where two would do', () => {
    const { namespace, service } = director();
    const twins = [1, 2].map(() => new Destination('ipv4', first.address, first.port, service(), EDITS_COUNT));
    for (const twin of twins) namespace.trash.put(twin);
    expect(namespace.trash.take(service(), 'ipv4', first.address, first.port)).toBe(twins[1]);
    expect(namespace.trash.take(service(), 'ipv4', first.address, first.port)).toBe(twins[0]);
    expect(namespace.trash.take(service(), 'ipv4', first.address, first.port)).toBeUndefined();
  });
});
