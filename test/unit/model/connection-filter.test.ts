import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIP, parseIP } from '../../../src/address/ip.js';
import type { Connection } from '../../../src/model/connection.js';
import { type ConnectionFilter, connectionMatcher } from '../../../src/model/connection-filter.js';
import { formatServiceKey, type ServiceKey } from '../../../src/model/service-key.js';
import { issuesOf, pathsOf } from './issues.js';
import { anyAddress, anyEndpointKey, anyPort } from './random-keys.js';

const IPV4: Connection = {
  protocol: 'tcp',
  client: { address: '198.51.100.7', port: 40000 },
  virtual: { address: '192.0.2.1', port: 80 },
  destination: { address: '10.0.0.1', port: 8080 },
  state: 'ESTABLISHED',
  expires: 899,
};
const IPV6: Connection = {
  protocol: 'udp',
  client: { address: '2001:db8:1::7', port: 40000 },
  virtual: { address: '2001:db8::1', port: 53 },
  destination: { address: '10.0.0.2', port: 53 },
  state: 'UDP',
  expires: 299,
};
const TEMPLATE: Connection = {
  protocol: 'ip',
  client: { address: '198.51.100.0', port: 0 },
  virtual: { mark: 5 },
  destination: { address: '10.0.0.1', port: 0 },
  state: 'NONE',
  expires: 300,
};
const ROWS = { IPV4, IPV6, TEMPLATE };

function matched(filter: ConnectionFilter): string[] {
  const matches = connectionMatcher(filter);
  return Object.entries(ROWS).flatMap(([name, row]) => (matches(row) ? [name] : []));
}

describe('chooses', () => {
  test.each<[ConnectionFilter, ...string[]]>([
    [{}, 'IPV4', 'IPV6', 'TEMPLATE'],
    [{ service: undefined, server: undefined, client: undefined, state: undefined }, 'IPV4', 'IPV6', 'TEMPLATE'],
    [{ service: 'tcp://192.0.2.1:80' }, 'IPV4'],
    [{ service: { protocol: 'tcp', address: '192.0.2.1', port: 80 } }, 'IPV4'],
    [{ service: 'udp://192.0.2.1:80' }],
    [{ service: 'tcp://192.0.2.1:81' }],
    [{ service: 'tcp://192.0.2.1:0' }, 'IPV4'],
    [{ service: 'tcp://192.0.2.2:0' }],
    [{ service: 'udp://[2001:DB8:0::1]:53' }, 'IPV6'],
    [{ service: 'fwmark://5' }, 'TEMPLATE'],
    [{ service: { protocol: 'fwmark', mark: 5 } }, 'TEMPLATE'],
    [{ service: 'fwmark://5?family=ipv6' }],
    [{ service: 'fwmark://6' }],
    [{ server: '10.0.0.1' }, 'IPV4', 'TEMPLATE'],
    [{ server: '10.0.0.1:8080' }, 'IPV4'],
    [{ server: '10.0.0.1:0' }, 'TEMPLATE'],
    [{ server: { address: '10.0.0.2' } }, 'IPV6'],
    [{ server: { address: '10.0.0.2', port: 53 } }, 'IPV6'],
    [{ server: { address: '10.0.0.2', port: undefined } }, 'IPV6'],
    [{ server: { address: '10.0.0.2', port: 54 } }],
    [{ server: '2001:db8::9' }],
    [{ server: '[2001:db8::9]' }],
    [{ server: '[2001:db8::9]:80' }],
    [{ client: '198.51.100.7' }, 'IPV4'],
    [{ client: '198.51.100.7/32' }, 'IPV4'],
    [{ client: '198.51.100.4/30' }, 'IPV4'],
    [{ client: '198.51.100.8/30' }],
    // Bits behind the prefix do not count.
    [{ client: '198.51.100.200/24' }, 'IPV4', 'TEMPLATE'],
    [{ client: '0.0.0.0/0' }, 'IPV4', 'TEMPLATE'],
    [{ client: '192.0.0.0/2' }, 'IPV4', 'TEMPLATE'],
    [{ client: '128.0.0.0/2' }],
    [{ client: '::/0' }, 'IPV6'],
    [{ client: '2001:db8::/32' }, 'IPV6'],
    [{ client: '2001:db8:0::/47' }, 'IPV6'],
    [{ client: '2001:db8::/48' }],
    [{ client: '2001:db8:1::7' }, 'IPV6'],
    [{ client: '2001:db8:1::6/127' }, 'IPV6'],
    [{ state: 'ESTABLISHED' }, 'IPV4'],
    [{ state: 'established' }, 'IPV4'],
    [{ state: 'ESTAB' }],
    [{ server: '10.0.0.1', state: 'NONE' }, 'TEMPLATE'],
    [{ service: 'tcp://192.0.2.1:80', server: '10.0.0.1', client: '198.51.100.0/24', state: 'ESTABLISHED' }, 'IPV4'],
    [{ service: 'tcp://192.0.2.1:80', server: '10.0.0.1', client: '198.51.101.0/24', state: 'ESTABLISHED' }],
  ])('%j: %s %s %s', (filter, ...names) => {
    expect(matched(filter)).toEqual(names);
  });
});

describe('refuses', () => {
  test.each<[object, ...string[]]>([
    [{ service: 'http://192.0.2.1:80' }, 'service'],
    [{ service: '192.0.2.1:80' }, 'service'],
    [{ service: { protocol: 'tcp', address: '192.0.2.1', port: 70000 } }, 'service.port'],
    [{ service: { protocol: 'fwmark', mark: 0 } }, 'service.mark'],
    [{ server: '' }, 'server'],
    [{ server: '10.0.0.1:' }, 'server'],
    [{ server: '10.0.0.1:80:80' }, 'server'],
    [{ server: '[10.0.0.1]' }, 'server'],
    [{ server: 'localhost' }, 'server'],
    [{ server: { address: '10.0.0' } }, 'server.address'],
    [{ server: { address: '10.0.0.1', port: -1, weight: 1 } }, 'server.port', 'server.weight'],
    [{ server: 5 }, 'server'],
    [{ client: '198.51.100.7/33' }, 'client'],
    [{ client: '2001:db8::/129' }, 'client'],
    [{ client: '198.51.100.7/' }, 'client'],
    [{ client: '198.51.100.7/08' }, 'client'],
    [{ client: '198.51.100.7/255.255.255.0' }, 'client'],
    [{ client: '198.51.100.7:40000' }, 'client'],
    [{ client: '010.0.0.1' }, 'client'],
    [{ state: '' }, 'state'],
    [{ state: 'FIN WAIT' }, 'state'],
    [{ sate: 'UDP' }, 'sate'],
    [{ client: 'x', service: 'x' }, 'service', 'client'],
  ])('%j', (filter, ...paths) => {
    expect(pathsOf(() => connectionMatcher(filter)).toSorted()).toEqual(paths.toSorted());
  });

  test('in words that help', () => {
    expect(issuesOf(() => connectionMatcher({ client: 'x' }))).toEqual([
      {
        path: 'client',
        message: '"x" is none of the forms 198.51.100.7, 198.51.100.0/24, 2001:db8::1, 2001:db8::/32',
      },
    ]);
  });
});

const connection: fc.Arbitrary<Connection> = fc.record({
  protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
  client: fc.record({ address: anyAddress, port: anyPort }),
  virtual: fc.record({ address: anyAddress, port: anyPort }),
  destination: fc.record({ address: anyAddress, port: anyPort }),
  state: fc.constantFrom('ESTABLISHED', 'FIN_WAIT', 'UDP'),
  expires: fc.nat(900),
});

/** The bits of an address as text. */
function bitsOf(address: string): string {
  const bytes = parseIP(address) ?? new Uint8Array();
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
}

test('a network is the addresses whose first bits are equal', () => {
  const near = fc.tuple(anyAddress, fc.nat(128), fc.nat(127)).map(([network, prefix, flipped]) => {
    const bytes = parseIP(network) ?? new Uint8Array(4);
    const other = Uint8Array.from(bytes);
    const bit = flipped % (8 * bytes.length);
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
    return { network, prefix: prefix % (8 * bytes.length + 1), address: formatIP(other) };
  });
  const any = fc.tuple(near, anyAddress).map(([network, address]) => ({ ...network, address }));
  fc.assert(
    fc.property(fc.oneof(near, any), connection, ({ network, prefix, address }, row) => {
      const [wanted, found] = [bitsOf(network), bitsOf(address)];
      const matches = connectionMatcher({ client: `${network}/${prefix}` });
      expect(matches({ ...row, client: { address, port: 1 } })).toBe(
        wanted.length === found.length && wanted.slice(0, prefix) === found.slice(0, prefix),
      );
    }),
    { numRuns: 1000 },
  );
});

test('every condition must be met, each as it would be by itself', () => {
  const filter: fc.Arbitrary<ConnectionFilter> = fc.record(
    {
      service: anyEndpointKey as fc.Arbitrary<ServiceKey>,
      server: fc.record({ address: anyAddress, port: anyPort }),
      client: anyAddress,
      state: fc.constantFrom('ESTABLISHED', 'FIN_WAIT', 'UDP'),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(filter, connection, (conditions, row) => {
      const single = Object.entries(conditions).map(([name, value]) => connectionMatcher({ [name]: value })(row));
      expect(connectionMatcher(conditions)(row)).toBe(single.every(Boolean));
    }),
  );
});

test('a connection is found by its own service, server, client and state, as values and as texts', () => {
  fc.assert(
    fc.property(connection, (row) => {
      const { protocol, virtual, destination, client, state } = row;
      const service = { protocol, ...virtual } as ServiceKey;
      const filter = { service, server: destination, client: client.address, state };
      expect(connectionMatcher(filter)(row)).toBe(true);
      expect(connectionMatcher({ ...filter, service: formatServiceKey(service) })(row)).toBe(true);
    }),
  );
});
