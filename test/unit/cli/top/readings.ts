import type { Reading } from '../../../../src/cli/top/reading.js';
import { makeDestination } from '../../../../src/model/destination.js';
import { parseService } from '../../../../src/model/service.js';
import { type Rates, Stats } from '../../../../src/model/stats.js';

function stats(connections: number, inPackets: number, outPackets: number, inBytes: number, outBytes: number): Stats {
  const none = { connections: 0n, inPackets: 0n, outPackets: 0n, inBytes: 0n, outBytes: 0n };
  return new Stats(none, { connections, inPackets, outPackets, inBytes, outBytes });
}

const totals: Rates = {
  connections: 1250,
  inPackets: 99_999,
  outPackets: 100_000,
  inBytes: 12_345_678,
  outBytes: 1e12,
};

/** A director with services of every kind. */
export const READING: Reading = {
  // Local time is what the screen shows.
  at: new Date(2026, 0, 2, 3, 4, 5),
  source: 'netlink',
  totals,
  services: [
    {
      service: parseService({ protocol: 'fwmark', mark: 5, family: 'ipv6', scheduler: 'wlc' }),
      stats: stats(0, 0, 0, 0, 0),
      destinations: [],
    },
    {
      service: parseService({ protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' }),
      stats: stats(1200, 45_000, 44_000, 9_999_999, 123_456_789),
      destinations: [
        {
          destination: makeDestination({ address: '10.0.0.2', port: 8080, weight: 0, forward: 'nat' }),
          activeConnections: 3,
          inactiveConnections: 123_456,
          stats: stats(0, 1, 1, 52, 52),
        },
        {
          destination: makeDestination({ address: '10.0.0.1', port: 8080, weight: 65_536, forward: 'nat' }),
          activeConnections: 1_000_000,
          inactiveConnections: 12,
          stats: stats(1200, 44_999, 43_999, 9_999_947, 123_456_737),
        },
      ],
    },
    {
      service: parseService({
        protocol: 'udp',
        address: '2001:db8:1234:5678:9abc:def0:1234:5678',
        port: 65535,
        scheduler: 'mh',
      }),
      stats: stats(50, 50, 0, 5000, 0),
      destinations: [
        {
          destination: makeDestination({ address: '2001:db8::1', port: 65535, weight: 100, forward: 'dr' }),
          activeConnections: 7,
          inactiveConnections: 0,
          stats: stats(50, 50, 0, 5000, 0),
        },
      ],
    },
  ],
};

/** The same as /proc tells it. */
export const PROC_READING: Reading = {
  ...READING,
  source: 'proc',
  services: READING.services.map(({ service, destinations }) => ({
    service,
    destinations: destinations.map(({ stats: _, ...entry }) => entry),
  })),
};
