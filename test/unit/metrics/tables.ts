/** Tables for the tests of metrics. */
import fc from 'fast-check';
import type { HealthReport } from '../../../src/health/index.js';
import {
  formatDestinationKey,
  formatServiceKey,
  parseDestination,
  parseService,
  type ServiceKeyText,
  Stats,
  type TableService,
} from '../../../src/index.js';
import type { Counters } from '../../../src/model/stats.js';

const RATES = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };

/** Counters from one number: every one of them another. */
export function counters(first: bigint): Counters {
  return {
    connections: first,
    inPackets: first + 1n,
    outPackets: first + 2n,
    inBytes: first + 3n,
    outBytes: first + 4n,
  };
}

/** A service with `servers` real servers. */
export function tableService(number: number, servers: number, first: bigint): TableService {
  const address = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  const service = parseService({ protocol: 'tcp', address, port: 80 });
  return {
    service,
    stats: new Stats(counters(first), RATES),
    destinations: Array.from({ length: servers }, (_, place) => ({
      destination: parseDestination(service, { address: `192.0.2.${place + 1}`, weight: place, forward: 'nat' }),
      activeConnections: place,
      inactiveConnections: place + 1,
      persistentConnections: place + 2,
      stats: new Stats(counters(first + BigInt(place) * 10n), RATES),
    })),
  };
}

const counter = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const stats = fc
  .record({ connections: counter, inPackets: counter, outPackets: counter, inBytes: counter, outBytes: counter })
  .map((all) => new Stats(all, RATES));
const u32 = fc.nat(0xffffffff);
const key = fc.oneof(
  fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
    address: fc.ipV4(),
    port: fc.integer({ min: 1, max: 65535 }),
  }),
  fc.record({
    protocol: fc.constantFrom('tcp' as const, 'sctp' as const),
    address: fc.ipV6(),
    port: fc.integer({ min: 1, max: 65535 }),
  }),
  fc.record({
    protocol: fc.constant('fwmark' as const),
    mark: fc.integer({ min: 1, max: 0xffffffff }),
    family: fc.constantFrom('ipv4' as const, 'ipv6' as const),
  }),
);
const server = fc.record(
  {
    address: fc.oneof(fc.ipV4(), fc.ipV6()),
    port: fc.integer({ min: 1, max: 65535 }),
    weight: fc.nat(0x7fffffff),
    active: u32,
    inactive: u32,
    persistent: u32,
    stats,
    upper: u32,
  },
  { requiredKeys: ['address', 'port', 'weight', 'active', 'inactive', 'upper'] },
);

/** Any table that a kernel may have. */
export const anyTable = fc
  .uniqueArray(
    fc.record({ key, servers: fc.array(server, { maxLength: 4 }), stats }, { requiredKeys: ['key', 'servers'] }),
    {
      maxLength: 5,
      selector: (each) => formatServiceKey(parseService({ ...each.key } as never)),
    },
  )
  .map((services) => services.map(asTableService));

function asTableService({
  key: fields,
  servers,
  stats: own,
}: {
  key: object;
  servers: readonly {
    address: string;
    port: number;
    weight: number;
    active: number;
    inactive: number;
    upper: number;
    persistent?: number;
    stats?: Stats;
  }[];
  stats?: Stats;
}): TableService {
  const service = parseService(fields as never);
  const seen = new Set<string>();
  const port = service.protocol === 'fwmark' ? undefined : service.port;
  const destinations = servers.flatMap((each) => {
    const destination = parseDestination(service, {
      address: each.address,
      port: port ?? each.port,
      weight: each.weight,
      forward: 'tun',
      tunnel: { type: 'ipip' },
      upperThreshold: each.upper,
    });
    const name = formatDestinationKey(destination);
    if (seen.has(name)) return [];
    seen.add(name);
    return [
      {
        destination,
        activeConnections: each.active,
        inactiveConnections: each.inactive,
        ...(each.persistent !== undefined && { persistentConnections: each.persistent }),
        ...(each.stats !== undefined && { stats: each.stats }),
      },
    ];
  });
  return { service, destinations, ...(own !== undefined && { stats: own }) };
}

/** A report of one service with three servers: up, down and held, not yet measured. */
export function report(service: ServiceKeyText): HealthReport {
  const state = { since: 1000, passes: 0, failures: 0, penalty: 0 };
  const check = { check: 'http', target: '10.0.0.1:80' };
  return {
    version: 1,
    written: 1_700_000_000_500,
    pid: 1,
    services: [{ service, tier: 'backups', hasQuorum: false, standIns: [] }],
    loads: {},
    servers: [
      {
        service,
        server: '10.0.0.1:80',
        role: 'server',
        status: 'up',
        action: 'none',
        checks: [
          { ...check, ...state, status: 'up', took: 12, measured: 1_700_000_000_000 },
          { ...check, ...state, status: 'up', took: 250, measured: 1_700_000_000_250 },
        ],
      },
      {
        service,
        server: '10.0.0.2:80',
        role: 'server',
        status: 'down',
        action: 'quiesce',
        checks: [{ check: 'tcp', target: '10.0.0.2:80', ...state, status: 'down', heldUntil: 1_700_000_060_000 }],
      },
      {
        service,
        server: '10.0.0.3:80',
        role: 'server',
        status: 'unknown',
        action: 'none',
        checks: [{ check: 'tcp', target: '10.0.0.3:80', ...state, status: 'unknown' }],
      },
      { service, server: '10.0.0.4:80', role: 'backup', status: 'unchecked', action: 'none', checks: [] },
    ],
    states: {},
  };
}
