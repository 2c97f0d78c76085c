/**
 * Random tables for property tests, against the simulated kernel and against real ones. Every value is one that the kernel
 * takes and that `ipvsadm -Sn` tells without loss, thresholds apart. Addresses are unicast and lie, word by word, within
 * one half of the number space, because ipvsadm sorts in signed arithmetic. No two services of a table have one key, nor
 * two destinations of a service.
 * @module
 */
import fc from 'fast-check';
import { formatIP } from '../src/address/ip.js';
import {
  type Destination,
  INT_MAX,
  type NormalDestination,
  parseDestination,
  type Tunnel,
} from '../src/model/destination.js';
import { MAX_PERSISTENCE_TIMEOUT, type NormalService, parseService, type Service } from '../src/model/service.js';
import { familyOfKey, formatServiceKey, type ServiceKey } from '../src/model/service-key.js';

/** The schedulers of every kernel since Linux 4.18; `twos` is newer. */
export const SCHEDULERS = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'lblc',
  'lblcr',
  'dh',
  'sh',
  'sed',
  'nq',
  'fo',
  'ovf',
  'mh',
] as const;

/** A service and its destinations as a program writes them. */
export interface TableServiceInput {
  readonly service: Service;
  readonly destinations: readonly Destination[];
}

/** 10.0.0.0/8. */
export const ipv4Address: fc.Arbitrary<string> = fc
  .tuple(fc.nat(255), fc.nat(255), fc.integer({ min: 1, max: 254 }))
  .map((bytes) => `10.${bytes.join('.')}`);

/** 2001:db8::/32. */
export const ipv6Address: fc.Arbitrary<string> = fc
  .tuple(fc.nat(INT_MAX), fc.nat(INT_MAX), fc.integer({ min: 1, max: INT_MAX }))
  .map((words) => {
    const view = new DataView(new ArrayBuffer(16));
    for (const [index, word] of [0x20010db8, ...words].entries()) view.setUint32(4 * index, word);
    return formatIP(new Uint8Array(view.buffer));
  });

const anyAddress = fc.oneof(ipv4Address, ipv6Address);
const anyPort = fc.integer({ min: 1, max: 65535 });

/** Mostly small numbers, as people write them, and now and then the ends of the range. */
const smallOrExtreme = (max: number) =>
  fc.oneof({ weight: 6, arbitrary: fc.nat(200) }, { weight: 1, arbitrary: fc.constantFrom(0, 65535, 65536, max) });

const scheduling = fc.constantFrom(...SCHEDULERS).chain((scheduler) =>
  fc.record({
    scheduler: fc.constant(scheduler),
    schedulerFlags: fc.oneof(
      { weight: 2, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: flagsOf(scheduler) },
    ),
  }),
);

/** Not the third flag of sh and mh: ipvsadm has no name for it. */
function flagsOf(scheduler: string) {
  if (scheduler === 'sh') return fc.subarray(['sh-fallback', 'sh-port'] as const);
  if (scheduler === 'mh') return fc.subarray(['mh-fallback', 'mh-port'] as const);
  return fc.subarray(['flag-1', 'flag-2', 'flag-3'] as const);
}

const timeout = fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: MAX_PERSISTENCE_TIMEOUT }));
const ipv4Netmask = fc.oneof(
  fc.constant(undefined),
  fc.nat(32),
  fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((bytes) => bytes.join('.')),
);
const ipv6Netmask = fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 128 }));

const persistence = (key: ServiceKey) =>
  fc.record({ timeout, netmask: familyOfKey(key) === 'ipv6' ? ipv6Netmask : ipv4Netmask });

const endpointKey = fc.record({
  protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
  address: anyAddress,
  // 0 stands for every port.
  port: fc.oneof({ weight: 6, arbitrary: anyPort }, { weight: 1, arbitrary: fc.constant(0) }),
});

const fwmarkKey = fc.record({
  protocol: fc.constant('fwmark' as const),
  mark: fc.integer({ min: 1, max: INT_MAX }),
  family: fc.constantFrom('ipv4' as const, 'ipv6' as const),
});

/** A service with settings of every kind that go together. */
export const serviceInput: fc.Arbitrary<Service> = fc.oneof(
  { weight: 3, arbitrary: endpointKey.chain((key) => settingsFor(key).map((settings) => ({ ...key, ...settings }))) },
  { weight: 1, arbitrary: fwmarkKey.chain((key) => settingsFor(key).map((settings) => ({ ...key, ...settings }))) },
);

function settingsFor(key: ServiceKey) {
  const mayBeOnePacket = key.protocol === 'udp' || key.protocol === 'fwmark';
  const needsPersistence = key.protocol !== 'fwmark' && key.port === 0;
  return fc
    .record({
      scheduling,
      onePacket: mayBeOnePacket ? fc.constantFrom(undefined, false, true) : fc.constant(undefined),
      persistence: needsPersistence ? persistence(key) : fc.option(persistence(key), { nil: undefined }),
      persistenceEngine: fc.oneof(
        { weight: 4, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constant('sip') },
      ),
    })
    .map(({ scheduling: chosen, ...settings }) => ({ ...chosen, ...settings }));
}

const tunnel: fc.Arbitrary<Tunnel | undefined> = fc.oneof(
  fc.constantFrom(undefined, { type: 'ipip' as const }),
  fc.record({
    type: fc.constant('gue' as const),
    port: anyPort,
    checksum: fc.constantFrom(undefined, 'none' as const, 'csum' as const, 'remcsum' as const),
  }),
  fc.record({
    type: fc.constant('gre' as const),
    checksum: fc.constantFrom(undefined, 'none' as const, 'csum' as const),
  }),
);

const thresholds = fc.oneof(
  fc.constant({}),
  fc.tuple(smallOrExtreme(INT_MAX), smallOrExtreme(INT_MAX)).map(([one, other]) => ({
    upperThreshold: Math.max(one, other),
    lowerThreshold: Math.min(one, other),
  })),
);

/** A destination of a service: any port with nat, another family with tun alone. */
export function destinationInput(key: ServiceKey): fc.Arbitrary<Destination> {
  const address = familyOfKey(key) === 'ipv6' ? ipv6Address : ipv4Address;
  // A mark's destination may have any port, whatever the method; ipvsadm corrects the port of others.
  const keptPort =
    key.protocol === 'fwmark' ? fc.option(anyPort, { nil: undefined }) : fc.constantFrom(undefined, key.port);
  const common = { weight: fc.option(smallOrExtreme(INT_MAX), { nil: undefined }) };
  const nat = fc.record({
    ...common,
    address,
    port: fc.option(anyPort, { nil: undefined }),
    forward: fc.constant('nat' as const),
  });
  const dr = fc.record({ ...common, address, port: keptPort, forward: fc.constantFrom(undefined, 'dr' as const) });
  const tun = fc.record({
    ...common,
    address: anyAddress,
    port: keptPort,
    forward: fc.constant('tun' as const),
    tunnel,
  });
  return fc.tuple(fc.oneof(nat, dr, tun), thresholds).map(([destination, limits]) => ({ ...destination, ...limits }));
}

/** Destinations of one service, none twice. */
export function destinationInputs(key: ServiceKey, maxLength = 6): fc.Arbitrary<Destination[]> {
  return fc.uniqueArray(destinationInput(key), {
    maxLength,
    selector: (input) => {
      const { address, port } = parseDestination(key, input);
      return `${address} ${port}`;
    },
  });
}

/** A whole table, in no order. */
export const tableInput: fc.Arbitrary<TableServiceInput[]> = fc
  .uniqueArray(serviceInput, { maxLength: 8, selector: (input) => formatServiceKey(parseService(input)) })
  .chain((services) =>
    fc.tuple(
      ...services.map((service) =>
        destinationInputs(parseService(service)).map((destinations) => ({ service, destinations })),
      ),
    ),
  );

/** The same table in the model's one form, as a snapshot has it but for what the kernel counts. */
export function normalTable(inputs: readonly TableServiceInput[]): {
  services: { service: NormalService; destinations: { destination: NormalDestination }[] }[];
} {
  const services = inputs.map((input) => {
    const service = parseService(input.service);
    return {
      service,
      destinations: input.destinations.map((destination) => ({ destination: parseDestination(service, destination) })),
    };
  });
  return { services };
}
