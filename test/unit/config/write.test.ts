// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how a variable is written.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DesiredState } from '../../../src/config/desired-state.js';
import { parseStateText } from '../../../src/config/read.js';
import { desiredServices, formatStateFile } from '../../../src/config/write.js';
import { InvalidArgumentError } from '../../../src/errors.js';
import type { NormalDesiredService } from '../../../src/model/desired.js';
import { makeDestination, parseDestination } from '../../../src/model/destination.js';
import { makeService, parseService } from '../../../src/model/service.js';
import { formatServiceKey, parseServiceKey } from '../../../src/model/service-key.js';
import { destinationInputs, ipv4Address, normalTable, serviceInput, tableInput } from '../../arbitraries.js';

/** What the kernel counts is no part of the state. */
function withCounts(services: ReturnType<typeof normalTable>['services']) {
  return services.map(({ service, destinations }) => ({
    service,
    destinations: destinations.map(({ destination }) => ({
      destination,
      activeConnections: 0,
      inactiveConnections: 0,
    })),
  }));
}

const table = tableInput.map((inputs) => desiredServices({ services: withCounts(normalTable(inputs).services) }));

/** Services that have servers and settings alike, as on most directors. */
const alike: fc.Arbitrary<NormalDesiredService[]> = fc
  .record({
    settings: fc.array(serviceInput, { minLength: 1, maxLength: 2 }),
    servers: fc.array(
      destinationInputs(parseServiceKey('tcp://10.0.0.1:80'), 4).map((inputs) =>
        inputs.filter(({ forward, port }) => forward === 'nat' || port === undefined),
      ),
      { minLength: 1, maxLength: 3 },
    ),
    addresses: fc.uniqueArray(ipv4Address, { maxLength: 8 }),
    choices: fc.infiniteStream(fc.nat(5)),
  })
  .map(({ settings, servers, addresses, choices }) =>
    addresses.map((address, index) => {
      const { scheduler, schedulerFlags, persistence } = settings[(choices.next().value ?? 0) % settings.length] ?? {};
      const port = 80 + (index % 2);
      const netmask = typeof persistence?.netmask === 'number' && persistence.netmask > 32 ? 32 : persistence?.netmask;
      const service = parseService({
        protocol: 'tcp',
        address,
        port,
        ...(scheduler && { scheduler }),
        ...(schedulerFlags && { schedulerFlags }),
        ...(persistence && { persistence: { ...persistence, netmask } }),
      });
      const list = servers[(choices.next().value ?? 0) % servers.length] ?? [];
      const seen = new Set<string>();
      const destinations = list
        .map((server) => parseDestination(service, server))
        .filter((destination) => {
          const name = `${destination.address} ${destination.port}`;
          return !seen.has(name) && seen.add(name);
        });
      return { service, destinations };
    }),
  );

const timeouts = fc.record(
  { tcp: fc.integer({ min: 1, max: 2678400 }), tcpFin: fc.integer({ min: 1, max: 99 }), udp: fc.constant(300) },
  { requiredKeys: ['tcp'] },
);
const daemon = fc.record(
  {
    // A dollar must not become a variable, nor a number's text a number.
    interface: fc.oneof(
      fc.constantFrom('eth0', '7', 'true', '${A}', '$$', '-', '#', '*a', '&a', '{', '!x', '~'),
      fc.stringMatching(/^[\x21-\x7e]{1,15}$/),
    ),
    syncId: fc.nat(255),
    maxLength: fc.integer({ min: 1, max: 65507 }),
    group: fc.constantFrom('224.0.0.81', 'ff02::1'),
    port: fc.integer({ min: 1, max: 65535 }),
    ttl: fc.integer({ min: 1, max: 255 }),
  },
  { requiredKeys: ['interface', 'syncId'] },
);
const daemons = fc
  .tuple(fc.subarray(['master', 'backup'] as const), daemon, daemon)
  .map(([roles, ...some]) => roles.map((role, index) => ({ role, ...(some[index] ?? some[0]) })));

test('any state comes back as it was', () => {
  const state: fc.Arbitrary<DesiredState> = fc.record(
    { services: fc.oneof(table, alike), timeouts, daemons },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(state, (given) => {
      expect(parseStateText(formatStateFile(given))).toEqual(given);
    }),
    { numRuns: 500 },
  );
});

test('two snapshots of one table give one text, in whatever order the kernel told it', () => {
  fc.assert(
    fc.property(
      tableInput.chain((inputs) => {
        const { services } = normalTable(inputs);
        return fc.tuple(fc.constant(services), fc.shuffledSubarray(services, { minLength: services.length }));
      }),
      ([services, shuffled]) => {
        const reversed = shuffled.map(({ service, destinations }) => ({
          service,
          destinations: destinations.toReversed(),
        }));
        const texts = [services, reversed].map((some) =>
          formatStateFile({ services: desiredServices({ services: withCounts(some) }) }),
        );
        expect(texts[1]).toBe(texts[0]);
      },
    ),
    { numRuns: 50 },
  );
});

/** Services as text, each with its destinations and what else there is. */
function services(...given: [key: string, settings: object, ...destinations: object[]][]): NormalDesiredService[] {
  return given.map(([key, settings, ...destinations]) => {
    const service = parseService({ ...parseServiceKey(key as 'tcp://'), ...settings } as never);
    return {
      service,
      destinations: destinations.map((destination) => parseDestination(service, destination as never)),
    };
  });
}

describe('what is written', () => {
  const [a, b, c] = [{ address: '10.1.0.11' }, { address: '10.1.0.12' }, { address: '10.1.0.13', weight: 3 }];
  const nat = { forward: 'nat' };

  test('nothing, and none', () => {
    expect(formatStateFile({})).toBe('version: 1\n');
    expect(formatStateFile({ services: [], daemons: [], timeouts: {} })).toBe(
      'version: 1\n\ndaemons: []\n\nservices: []\n',
    );
  });

  test('a director with everything', () => {
    const rr = { scheduler: 'rr', persistence: {} };
    const state: DesiredState = {
      timeouts: { tcp: 900, tcpFin: 120, udp: 300 },
      daemons: [
        { role: 'master', interface: '$eth', syncId: 7, maxLength: 1472, group: '224.0.0.81', port: 8848, ttl: 1 },
      ],
      services: services(
        ['tcp://10.0.0.1:80', rr, a, b, c],
        ['tcp://10.0.0.1:443', rr, a, b, c],
        [
          'tcp://10.0.0.2:80',
          rr,
          { ...a, ...nat, port: 8080 },
          { ...b, ...nat, port: 8080 },
          { ...c, ...nat, port: 8080 },
        ],
        ['tcp://10.0.0.3:80', { scheduler: 'sh', schedulerFlags: ['sh-port'] }, { ...a, ...nat, port: 8080 }],
        ['udp://[2001:db8::1]:53', { ...rr, onePacket: true }, { address: '2001:db8::2', weight: 0 }],
        ['fwmark://5', { ...rr, persistence: { netmask: '255.0.255.0' }, persistenceEngine: 'sip' }],
        [
          'tcp://10.0.0.4:80',
          rr,
          { ...a, forward: 'tun', tunnel: { type: 'gue', port: 6080 } },
          { ...b, forward: 'tun' },
        ],
        [
          'tcp://10.0.0.5:80',
          rr,
          { ...a, upperThreshold: 10, weight: 2 },
          { ...b, upperThreshold: 10, weight: 2, ...nat },
        ],
        [
          'tcp://[2001:db8::1]:80',
          rr,
          { address: '2001:db8::2', port: 81, ...nat },
          { address: '2001:db8::3', ...nat },
        ],
      ),
      director: { mode: 'dr', device: 'eth0', vips: [{ address: '10.0.0.1', prefix: 24 }] },
      realServer: { mode: 'tun', vips: [{ address: '10.0.0.1', prefix: 32 }], tunnel: 'gre' },
    };
    const text = formatStateFile(state);
    expect(parseStateText(text)).toEqual(state);
    expect(text).toMatchInlineSnapshot(`
      "version: 1

      timeouts: { tcp: 900, tcpFin: 120, udp: 300 }

      daemons:
        - role: master
          interface: $$eth
          syncId: 7
          maxLength: 1472
          group: 224.0.0.81
          port: 8848
          ttl: 1

      defaults:
        scheduler: rr
        persistence: 360

      pools:
        pool-1:
          - 10.1.0.11
          - 10.1.0.12
          - { address: 10.1.0.13, weight: 3 }

      services:
        - service: tcp://10.0.0.1:80
          pool: pool-1

        - service: tcp://10.0.0.1:443
          pool: pool-1

        - service: tcp://10.0.0.2:80
          forward: nat
          destinationPort: 8080
          pool: pool-1

        - service: tcp://10.0.0.3:80
          scheduler: sh
          schedulerFlags: [ sh-port ]
          persistence: false
          forward: nat
          destinations:
            - 10.1.0.11:8080

        - service: udp://[2001:db8::1]:53
          onePacket: true
          destinations:
            - { address: 2001:db8::2, weight: 0 }

        - service: fwmark://5
          persistence: { timeout: 360, netmask: 255.0.255.0 }
          persistenceEngine: sip

        - service: tcp://10.0.0.4:80
          forward: tun
          destinations:
            - { address: 10.1.0.11, tunnel: { type: gue, port: 6080, checksum: none } }
            - 10.1.0.12

        - service: tcp://10.0.0.5:80
          weight: 2
          upperThreshold: 10
          destinations:
            - 10.1.0.11
            - { address: 10.1.0.12, forward: nat }

        - service: tcp://[2001:db8::1]:80
          forward: nat
          destinations:
            - "[2001:db8::2]:81"
            - 2001:db8::3

      director:
        mode: dr
        device: eth0
        vips:
          - 10.0.0.1/24

      realServer:
        mode: tun
        vips:
          - 10.0.0.1/32
        tunnel: gre
      "
    `);
  });

  test('ports that no service can hand down stand at the destinations', () => {
    const state: DesiredState = {
      services: services(
        ['fwmark://5', {}, { ...a, port: 81 }, { ...b, port: 81 }],
        ['tcp://10.0.0.1:80', {}, { ...a, ...nat, port: 0 }, { ...b, ...nat, port: 0 }],
      ),
    };
    const text = formatStateFile(state);
    expect(parseStateText(text)).toEqual(state);
    expect(text).not.toContain('destinationPort');
  });

  test('a director and a real server of NAT', () => {
    const network = { prefix: 24, address: '10.1.0.0' };
    const state: DesiredState = {
      director: {
        mode: 'nat',
        device: 'eth0',
        vips: [{ address: '192.0.2.100', prefix: 24 }],
        gateway: '192.0.2.1',
        inside: { network, device: 'eth1', address: { address: '10.1.0.1', prefix: 24 }, masquerade: true },
      },
      realServer: { mode: 'nat', gateway: '10.1.0.1' },
    };
    expect(parseStateText(formatStateFile(state))).toEqual(state);
  });

  test('one service is written plainly', () => {
    const text = formatStateFile({
      services: services(['tcp://10.0.0.1:80', { scheduler: 'rr' }, { ...c, ...nat, port: 81 }]),
    });
    expect(text).toMatchInlineSnapshot(`
      "version: 1

      services:
        - service: tcp://10.0.0.1:80
          scheduler: rr
          forward: nat
          destinations:
            - { address: 10.1.0.13, port: 81, weight: 3 }
      "
    `);
  });
});

describe('what cannot be written', () => {
  const [{ service } = { service: parseService({ protocol: 'fwmark', mark: 1 }) }] = services([
    'tcp://10.0.0.1:80',
    {},
  ]);
  const destination = { address: '10.0.0.2', port: 80, weight: 1 };
  const known = 'some of its settings are unknown: /proc and socket options do not show them, netlink does';
  test.each<[DesiredState, string, string]>([
    [
      {
        services: [
          { service: makeService({ protocol: 'ip47', address: '10.0.0.1', port: 80 }, service), destinations: [] },
        ],
      },
      'ip47://10.0.0.1:80',
      'protocol: must be tcp, udp, sctp, fwmark',
    ],
    [
      { services: [{ service, destinations: [makeDestination({ ...destination, forward: 'local' })] }] },
      '10.0.0.2:80 of tcp://10.0.0.1:80',
      'forward: must be nat, dr, tun',
    ],
    [
      {
        services: [
          { service, destinations: [makeDestination({ ...destination, forward: 'tun', tunnel: { type: 'type3' } })] },
        ],
      },
      '10.0.0.2:80 of tcp://10.0.0.1:80',
      'tunnel.type: must be ipip, gue, gre',
    ],
    [
      { services: [{ service, destinations: [makeDestination({ ...destination, forward: 'tun' })] }] },
      '10.0.0.2:80 of tcp://10.0.0.1:80',
      known,
    ],
    [
      { services: [{ service: makeService(service, { ...service, persistence: { netmask: 32 } }), destinations: [] }] },
      formatServiceKey(service),
      known,
    ],
    [
      { services: [{ service: makeService({ protocol: 'fwmark', mark: 1 }, { scheduler: 'rr' }), destinations: [] }] },
      'fwmark://1',
      known,
    ],
  ])('%j', (state, path, message) => {
    expect(() => formatStateFile(state)).toThrow(InvalidArgumentError);
    expect(() => formatStateFile(state)).toThrow(`state: ${path}: ${message}`);
  });
});

test('checks come back as they were, with what follows', () => {
  const state = parseStateText(`
services:
  - service: tcp://10.0.0.100:80
    checks:
      - { type: tcp, interval: 1500ms, timeout: 1s, fall: 2, rise: 1 }
      - { type: http, path: /health, status: [200, 300-399], tls: true, body: { matches: 'a$$' } }
      - { type: exec, command: [/bin/true, '%h'] }
    onFailure: { quiesce: false, removeAfter: never }
    quorum: { up: 2, hysteresis: 1 }
    backups: [{ address: 10.0.0.21, weight: 3, checks: [] }]
    sorry: 10.0.0.13
    failOpen: true
    ramp: 30s
    notify:
      up: [/usr/local/bin/told, 'it is up']
      quorumDown: { command: [/bin/sh, -c, 'echo $$1'], timeout: 1500ms, user: nobody, group: '100' }
      fifo: /run/lvs-events
    destinations:
      - 10.0.0.11
      - { address: 10.0.0.12, checks: [{ type: ping }] }
      - { address: 10.0.0.14, onFailure: { removeAfter: 5s }, notify: { down: [/bin/false] } }
  - service: tcp://10.0.0.101:80
    forward: nat
    destinationPort: 8080
    checks: [{ type: tcp }]
    quorum: 50%
    onFailure: { endConnections: true }
    destinations: [10.0.0.11, { address: 10.0.0.12, onFailure: { endConnections: false } }]
  - service: tcp://10.0.0.102:80
    destinations: [10.0.0.11, 10.0.0.12]
`);
  expect(state.health).toHaveLength(2);
  expect(parseStateText(formatStateFile(state))).toEqual(state);
  expect(formatStateFile(state)).toContain('ramp: 30s');
});
