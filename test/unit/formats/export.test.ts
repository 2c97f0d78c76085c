import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DesiredState } from '../../../src/config/desired-state.js';
import { InvalidArgumentError } from '../../../src/errors.js';
import { type Exported, exportConfig } from '../../../src/formats/export-config.js';
import { IMPORT_FORMATS, type ImportFormat, importConfig } from '../../../src/formats/import-config.js';
import type { Check } from '../../../src/model/check.js';
import type { NormalDesiredService } from '../../../src/model/desired.js';
import {
  type Destination,
  formatDestinationKey,
  makeDestination,
  type NormalDestination,
  parseDestination,
} from '../../../src/model/destination.js';
import { type NormalServiceHealth, parseHealth, type ServiceHealth } from '../../../src/model/health.js';
import { parseRealServer } from '../../../src/model/real-server.js';
import { makeService, type NormalService, parseService, type Service } from '../../../src/model/service.js';
import { familyOfKey, formatServiceKey, type ServiceKey } from '../../../src/model/service-key.js';
import { parseSyncDaemon } from '../../../src/model/sync-daemon.js';
import { normalTable, tableInput } from '../../arbitraries.js';

function desired(service: Service, ...destinations: Destination[]): NormalDesiredService {
  const normal = parseService(service);
  return { service: normal, destinations: destinations.map((input) => parseDestination(normal, input)) };
}

const table = tableInput.map((inputs): NormalDesiredService[] =>
  normalTable(inputs).services.map(({ service, destinations }) => ({
    service,
    destinations: destinations.map(({ destination }) => destination),
  })),
);

/** Services, and real servers of services, by the names that are told. */
function objects(services: readonly NormalDesiredService[] = []): Map<string, NormalService | NormalDestination> {
  return new Map<string, NormalService | NormalDestination>(
    services.flatMap(({ service, destinations }) => [
      [formatServiceKey(service), service] as const,
      ...destinations.map(
        (destination) => [`${formatDestinationKey(destination)} of ${formatServiceKey(service)}`, destination] as const,
      ),
    ]),
  );
}

function readBack({ text }: Exported, format: ImportFormat): DesiredState {
  return importConfig(text, { format }).state;
}

/** What each format has words for, said a second time: by what is taken out of any table. */
const RESTRICT: Readonly<Record<ImportFormat, (services: NormalDesiredService[]) => NormalDesiredService[]>> = {
  rules: (services) => services,
  keepalived: (services) =>
    services
      .map(({ service: { persistenceEngine, ...service }, destinations }) => ({
        service: makeService(
          service,
          service.persistence && persistenceEngine ? { ...service, persistenceEngine } : service,
        ),
        destinations: destinations.filter(({ forward, port }) =>
          service.protocol === 'fwmark' ? forward === 'nat' || port === 0 : port !== 0 || service.port === 0,
        ),
      }))
      .filter(({ destinations }) => destinations.length > 0),
  ldirectord: (services) =>
    services
      .filter(({ service }) => service.protocol !== 'sctp')
      .map(({ service: { persistenceEngine, onePacket, ...service }, destinations }) => ({
        service: makeService(service, onePacket && service.protocol === 'udp' ? { ...service, onePacket } : service),
        destinations: destinations.filter((destination) => isPlain(service, destination)),
      })),
  'lvs.cf': (services) =>
    services
      .filter(({ service }) => service.protocol !== 'sctp' && familyOfKey(service) === 'ipv4')
      .filter(({ service }) => !/^(sed|nq|fo|ovf|mh)$/.test(service.scheduler))
      .map(({ service: { persistenceEngine, schedulerFlags, onePacket, ...service }, destinations }) => ({
        service: makeService(service, service),
        destinations: destinations
          .filter((destination) => isPlain(service, destination) && destination.forward === 'dr')
          .map(withoutThresholds),
      })),
  ipvsctl: (services) =>
    services
      .filter(({ service }) => familyOfKey(service) === 'ipv4' && (service.protocol === 'fwmark' || service.port > 0))
      .map(({ service: { persistenceEngine, schedulerFlags, onePacket, persistence, ...service }, destinations }) => ({
        service: makeService(service, service),
        destinations: destinations.filter((destination) => isPlain(service, destination)).map(withoutThresholds),
      })),
};

/** No tunnel but ipip, and none into the other family. */
function isPlain(service: ServiceKey, { address, tunnel }: NormalDestination): boolean {
  return (tunnel?.type ?? 'ipip') === 'ipip' && address.includes(':') === (familyOfKey(service) === 'ipv6');
}

function withoutThresholds({ upperThreshold, lowerThreshold, ...rest }: NormalDestination): NormalDestination {
  return makeDestination(rest);
}

describe.each(IMPORT_FORMATS)('%s', (format) => {
  test('what it has words for comes back as it was, and nothing is told', () => {
    const property = fc.property(table, (services) => {
      const given = RESTRICT[format](services);
      const exported = exportConfig({ services: given }, { format });
      expect(exported.notWritten).toEqual([]);
      expect(objects(readBack(exported, format).services)).toEqual(objects(given));
    });
    fc.assert(property, { numRuns: 150 });
  });

  test('of any table, all that differs afterwards is told, and nothing else', () => {
    const property = fc.property(table, (services) => {
      const exported = exportConfig({ services }, { format });
      const told = new Set(exported.notWritten.map(({ object }) => object));
      const before = objects(services);
      const after = objects(readBack(exported, format).services);
      for (const [name, object] of before) {
        const isLeftOut = !after.has(name.replace(/.* of /, ''));
        const isTold = told.has(name) || (isLeftOut && told.has(name.replace(/.* of /, '')));
        const isSame = isDeepStrictEqual(after.get(name), object);
        expect(isTold, `${name} in ${exported.text}`).toBe(!isSame);
      }
      // Only a real server whose port is lost has another name than before.
      const extra = [...after.keys()].filter((name) => !before.has(name));
      for (const name of extra) {
        const [, address, service] = /^(.*):0 of (.*)$/.exec(name) ?? [];
        const isKnown = [...told].some(
          (object) => object.startsWith(`${address}:`) && object.endsWith(` of ${service}`),
        );
        expect(isKnown, name).toBe(true);
      }
    });
    fc.assert(property, { numRuns: 150 });
  });

  test('writes the file that is kept, which tells what it does not say', async () => {
    const exported = exportConfig(EXAMPLE, { format });
    await expect(exported.text).toMatchFileSnapshot(`../../golden/export/${format}`);
    const told = exported.notWritten.map(({ object, why }) => `${object}: ${why}\n`).join('');
    await expect(told).toMatchFileSnapshot(`../../golden/export/${format}.not-written`);
  });

  test('an empty table comes back empty', () => {
    const exported = exportConfig({ services: [] }, { format });
    expect(exported.notWritten).toEqual([]);
    expect(readBack(exported, format)).toEqual({ services: [] });
  });

  test('leaves out what no file may ask for, and tells', () => {
    const { service, destinations } = desired(
      { protocol: 'tcp', address: '10.0.0.1', port: 80 },
      { address: '10.1.0.1' },
    );
    const local = makeDestination({ address: '10.1.0.2', port: 80, weight: 1, forward: 'local' });
    const foreign = {
      service: makeService({ protocol: 'ip47', address: '10.0.0.1', port: 80 }, service),
      destinations: [],
    };
    const odd = {
      service: makeService({ address: '10.0.0.2', port: 80, protocol: 'tcp' }, { scheduler: '}' }),
      destinations,
    };
    const exported = exportConfig(
      { services: [{ service, destinations: [...destinations, local] }, foreign, odd] },
      { format },
    );
    expect(exported.notWritten.map(({ object }) => object)).toEqual([
      '10.1.0.2:80 of tcp://10.0.0.1:80',
      'ip47://10.0.0.1:80',
      'tcp://10.0.0.2:80',
    ]);
    expect(readBack(exported, format).services).toEqual([{ service, destinations }]);
  });

  test('timeouts and sync daemons come back, or are told', () => {
    const state = {
      services: [],
      timeouts: { tcp: 1200, udp: 60 },
      daemons: [parseSyncDaemon({ role: 'master', interface: 'eth0', syncId: 3, group: '224.0.0.90', ttl: 2 })],
    };
    const exported = exportConfig(state, { format });
    const back = readBack(exported, format);
    const told = exported.notWritten.map(({ object }) => object);
    expect(told.includes('timeouts')).toBe(back.timeouts === undefined);
    expect(told.includes('sync daemon master')).toBe(back.daemons === undefined);
    if (back.timeouts !== undefined) expect(back.timeouts).toEqual(state.timeouts);
    if (back.daemons !== undefined) expect(back.daemons).toEqual(state.daemons);
  });
});

/** Something of everything. */
const EXAMPLE: DesiredState = {
  timeouts: { tcp: 900, tcpFin: 120, udp: 300 },
  daemons: [parseSyncDaemon({ role: 'master', interface: 'eth0' })],
  services: [
    desired(
      {
        protocol: 'tcp',
        address: '10.0.0.100',
        port: 80,
        scheduler: 'wrr',
        persistence: { timeout: 600, netmask: 24 },
      },
      { address: '10.1.0.1', forward: 'nat', port: 8080, weight: 3, upperThreshold: 200, lowerThreshold: 100 },
      { address: '10.1.0.2', forward: 'nat', weight: 0 },
      { address: '10.1.0.3', forward: 'dr' },
      { address: '10.1.0.4', forward: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'csum' } },
    ),
    desired(
      { protocol: 'tcp', address: '10.0.0.100', port: 443, scheduler: 'sh', schedulerFlags: ['sh-port'] },
      { address: '10.1.0.1', forward: 'nat' },
    ),
    desired(
      { protocol: 'udp', address: '2001:db8::100', port: 53, scheduler: 'rr', onePacket: true },
      { address: '2001:db8:1::1', forward: 'nat' },
      { address: '10.1.0.5', forward: 'tun' },
    ),
    desired({ protocol: 'udp', address: '10.0.0.100', port: 5060, persistence: {}, persistenceEngine: 'sip' }),
    desired({ protocol: 'sctp', address: '10.0.0.100', port: 36412 }, { address: '10.1.0.6', forward: 'nat' }),
    desired(
      { protocol: 'fwmark', mark: 5, scheduler: 'mh', schedulerFlags: ['mh-port', 'flag-3'] },
      { address: '10.1.0.7', port: 80 },
    ),
    desired({ protocol: 'fwmark', mark: 6, family: 'ipv6' }, { address: '2001:db8:1::1', forward: 'nat', port: 80 }),
  ],
};

test('an empty list of daemons and sections of the host can be expressed in no format', () => {
  for (const format of IMPORT_FORMATS) {
    const { text, notWritten } = exportConfig(
      { daemons: [], realServer: parseRealServer({ mode: 'nat', gateway: '10.1.0.254' }) },
      { format },
    );
    expect(notWritten.map(({ object }) => object)).toEqual(['services', 'realServer', 'daemons']);
    expect(importConfig(text, { format }).state.services).toEqual([]);
  }
});

test('lvs.cf has the way of most real servers', () => {
  const service = { protocol: 'tcp' as const, address: '10.0.0.1', port: 80 };
  const [one, two, three] = ['10.1.0.1', '10.1.0.2', '10.1.0.3'] as const;
  const services = [
    desired(
      service,
      { address: one, forward: 'nat' },
      { address: two, forward: 'tun' },
      { address: three, forward: 'tun' },
    ),
  ];
  const { text, notWritten } = exportConfig({ services }, { format: 'lvs.cf' });
  expect(text).toContain('network = tunnel\n');
  expect(notWritten).toEqual([
    {
      object: '10.1.0.1:80 of tcp://10.0.0.1:80',
      why: 'left out: nat, but network = tunnel holds for the whole file',
    },
  ]);
});

test('keepalived: two real servers of a mark that differ in a lost port become one', () => {
  const services = [
    desired({ protocol: 'fwmark', mark: 5 }, { address: '10.1.0.1', port: 80 }, { address: '10.1.0.1', port: 443 }),
  ];
  const exported = exportConfig({ services }, { format: 'keepalived' });
  expect(exported.notWritten.map(({ object }) => object)).toEqual([
    '10.1.0.1:80 of fwmark://5',
    '10.1.0.1:443 of fwmark://5',
  ]);
  const [back] = readBack(exported, 'keepalived').services ?? [];
  expect(back?.destinations.map(formatDestinationKey)).toEqual(['10.1.0.1:0']);
});

test('refuses a format that there is not', () => {
  expect(() => exportConfig({}, { format: 'haproxy' as ImportFormat })).toThrow(InvalidArgumentError);
});

const GOLDEN = new URL('../../golden/import/', import.meta.url);

describe('checks', () => {
  const entry = desired(
    { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' },
    { address: '198.51.100.1' },
    { address: '198.51.100.2', weight: 2 },
  );

  /** What is exported and read back of one service with these checks, and what is told. */
  function roundTrip(format: ImportFormat, fields: Partial<ServiceHealth>) {
    const health = parseHealth([
      { service: 'tcp://192.0.2.1:80', checks: [], onFailure: { removeAfter: 0 }, ...fields },
    ]);
    const exported = exportConfig({ services: [entry], health }, { format });
    const { state } = importConfig(exported.text, { format });
    expect(state.services).toEqual([entry]);
    return { health, back: state.health, told: exported.notWritten.map(({ why }) => why) };
  }

  test.each(['lvs.cf', 'ipvsctl', 'rules'] as const)('%s: they are left out, and that is said', (format) => {
    const health = parseHealth([{ service: 'tcp://192.0.2.1:80', checks: [{ type: 'tcp' }] }]);
    const { notWritten } = exportConfig({ services: [entry], health }, { format });
    expect(notWritten).toContainEqual({ object: 'tcp://192.0.2.1:80', why: 'its checks are left out' });
  });

  test.each([
    ['keepalived', 'keepalived-health.conf'],
    ['keepalived', 'keepalived-checks.conf'],
    ['ldirectord', 'ldirectord-checks.cf'],
    ['ldirectord', 'ldirectord.cf'],
  ] as const)('%s: those of %s come back as they were, but for what is told', (format, file) => {
    const { state } = importConfig(readFileSync(new URL(file, GOLDEN), 'utf8'), {
      format,
      names: { host: () => undefined, port: (name) => ({ domain: 53 })[name] },
    });
    const exported = exportConfig(state, { format });
    const back = readBack(exported, format);
    expect(back.services).toEqual(state.services);
    const told = new Set(exported.notWritten.map(({ object }) => object.replace(/^.* of /, '')));
    const untold = ({ service }: NormalServiceHealth) => !told.has(formatServiceKey(service));
    expect(back.health?.filter(untold)).toEqual(state.health?.filter(untold));
    expect(exported.notWritten).toMatchSnapshot();
  });

  const timed = { interval: 2500, timeout: 1500, fall: 4, rise: 1, recheck: 500 };
  const whole = { interval: 4000, timeout: 2000, fall: 4, rise: 1, recheck: 4000 };
  const BODIES = [{ contains: 'a "b" (c) \\ $5' }, { matches: '^(ok|fine)\\d{2}' }, { contains: "it's {up}" }];

  test.each<Check>([
    { type: 'tcp', ...timed, port: 8080, address: '198.51.100.9', source: '192.0.2.9' },
    { type: 'tcp', ...timed, device: 'eth1', fwmark: 0xffffffff },
    { type: 'ping', ...timed },
    ...BODIES.map((body): Check => ({ type: 'http', ...timed, path: '/a?b=1', host: 'www.example.com', body })),
    { type: 'http', ...timed, status: [200, '301-302'], tls: { verify: false } },
    { type: 'http', ...timed, body: { md5: '640205b7b0fc66c1ea91c463fac6334d' } },
    { type: 'http', ...timed, body: { md5: '640205b7b0fc66c1ea91c463fac6334d', matches: '^(ok|fine)' } },
    { type: 'smtp', ...timed, helo: 'me.example.com' },
    { type: 'dns', ...timed, name: 'www.example.com', recordType: 'AAAA' },
    { type: 'udp', ...timed, sendHex: '0aff', expectHex: '1x' },
    { type: 'udp', ...timed, matches: '^' },
    {
      type: 'exec',
      interval: 2500,
      timeout: 2000,
      fall: 1,
      rise: 1,
      recheck: 500,
      command: ['/bin/x', 'a b', '"', '%%', ''],
    },
  ])('keepalived: $type comes back as it was', (check) => {
    const { health, back, told } = roundTrip('keepalived', { checks: [check] });
    expect(told).toEqual([]);
    expect(back).toEqual(health);
  });

  test.each<Check>([
    { type: 'tcp', ...whole, port: 8080 },
    { type: 'ping', ...whole },
    ...BODIES.map(
      (body): Check => ({ type: 'http', ...whole, path: '/a?b=1', redirects: 7, host: 'www.example.com', body }),
    ),
    { type: 'http', ...whole, method: 'HEAD', redirects: 7, tls: { verify: false } },
    { type: 'smtp', ...whole },
    { type: 'ldap', ...whole, tls: { verify: false } },
    { type: 'dns', ...whole, name: 'www.example.com', recordType: 'A', answer: '192.0.2.5', transport: 'tcp' },
    { type: 'script', ...whole, preset: 'imap', tls: { verify: false } },
    { type: 'script', ...whole, steps: [{ send: 'PING\n' }, { expect: 'PONG' }] },
    { type: 'script', ...whole, steps: [{ matches: '^220' }] },
    { type: 'exec', ...whole, command: ['/bin/my check', '192.0.2.1', '80', '%h', '80'] },
  ])('ldirectord: $type comes back as it was', (check) => {
    const { health, back, told } = roundTrip('ldirectord', { checks: [check] });
    expect(told).toEqual([]);
    expect(back).toEqual(health);
  });

  test('what follows a failure comes back as it was', () => {
    const sorry = parseDestination(entry.service, { address: '198.51.100.9' });
    const never = { quiesce: true, removeAfter: 'never' as const };
    const kept = roundTrip('keepalived', {
      checks: [{ type: 'tcp', ...timed }],
      onFailure: never,
      quorum: { up: 2, hysteresis: 1 },
      sorry,
    });
    expect(kept.told).toEqual([]);
    expect(kept.back).toEqual(kept.health);
    const ld = roundTrip('ldirectord', { checks: [{ type: 'tcp', ...whole }], onFailure: never, sorry });
    expect(ld.told).toEqual([]);
    expect(ld.back).toEqual(ld.health);
  });

  test('keepalived: programs, users, the FIFO, and a server that stays come back as they were', () => {
    const timeout = 600_000;
    const { health, back, told } = roundTrip('keepalived', {
      checks: [{ type: 'tcp', ...timed }],
      notify: {
        quorumUp: { command: ['/bin/sh', '-c', 'echo "a $b" \\'], timeout },
        quorumDown: { command: ['/bin/down'], timeout, user: 'nobody', group: 'nogroup' },
        fifo: '/run/lvs',
      },
      servers: [
        {
          address: '198.51.100.2',
          onFailure: { removeAfter: 'never' },
          notify: { up: { command: ['/bin/up', "it's"], timeout, user: '1000' }, down: { command: ['/x'], timeout } },
        },
      ],
    });
    expect(told).toEqual([]);
    expect(back).toEqual(health);
  });

  test('a sorry server that stays with weight 0 comes back as it was, and ldirectord has none', () => {
    const staying = desired(
      { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' },
      { address: '198.51.100.1' },
      { address: '198.51.100.9', weight: 0 },
    );
    const sorry = { address: '198.51.100.9' };
    const whatFollows = { onFailure: { removeAfter: 0 }, sorry, servers: [{ ...sorry, checks: [] }] };
    const health = parseHealth([
      { service: 'tcp://192.0.2.1:80', checks: [{ type: 'tcp', ...timed }], ...whatFollows },
    ]);
    const exported = exportConfig({ services: [staying], health }, { format: 'keepalived' });
    expect(exported.notWritten).toEqual([]);
    expect(readBack(exported, 'keepalived')).toMatchObject({ services: [staying], health });
    const { notWritten } = exportConfig({ services: [staying], health }, { format: 'ldirectord' });
    expect(notWritten.map(({ why }) => why).join()).toContain('without its checks');
  });

  test('ldirectord: what one server has otherwise is told, and the checks are written', () => {
    const { back, told } = roundTrip('ldirectord', {
      checks: [{ type: 'tcp', ...whole }],
      onFailure: { removeAfter: 0, endConnections: true },
      servers: [{ address: '198.51.100.2', onFailure: { removeAfter: 'never' }, notify: { up: ['/bin/up'] } }],
    });
    expect(back).toMatchObject([{ checks: [{ type: 'tcp' }], servers: [] }]);
    expect(told).toEqual([
      'without endConnections: not in this format',
      'without its hooks: not in this format',
      'what happens to a server that is down holds for all of them',
    ]);
  });

  test.each<[string, Partial<ServiceHealth>]>([
    ['quorum_up: runs for as long as it likes', { checks: [{ type: 'tcp' }], notify: { quorumUp: ['/bin/up'] } }],
    ['notify_up: without its group', { checks: [{ type: 'tcp' }], notify: { up: { command: ['/x'], group: 'g' } } }],
    ['without endConnections', { checks: [{ type: 'tcp' }], onFailure: { endConnections: true } }],
    ['without the agent check', { checks: [{ type: 'agent', port: 7777 }] }],
    ['without the http check: it sends GET', { checks: [{ type: 'http', method: 'HEAD' }] }],
    ['the tcp check: one pass makes a server up, not 2', { checks: [{ type: 'tcp' }] }],
    ['a server that is down is removed at once', { checks: [{ type: 'tcp' }], onFailure: { removeAfter: 30_000 } }],
    ['without its backups', { checks: [{ type: 'tcp' }], backups: [{ address: '198.51.100.5', forward: 'dr' }] }],
    ['without its quorum: a share', { checks: [{ type: 'tcp' }], quorum: { up: '50%' } }],
    ['without its quorum: it is more', { checks: [{ type: 'tcp' }], quorum: { up: 7 } }],
    ['without its ramp', { checks: [{ type: 'tcp' }], ramp: 1000 }],
    ['without failOpen', { checks: [{ type: 'tcp' }], failOpen: true }],
  ])('keepalived: %s is told', (why, fields) => {
    expect(roundTrip('keepalived', fields).told.join('\n')).toContain(why);
  });

  test.each<[string, Partial<ServiceHealth>]>([
    ['one for all real servers', { checks: [{ type: 'tcp' }, { type: 'ping' }] }],
    ['without the mysql check', { checks: [{ type: 'mysql' }] }],
    ['its interval is whole seconds', { checks: [{ type: 'tcp', interval: 1500 }] }],
    ['without its quorum', { checks: [{ type: 'tcp' }], quorum: { up: 2 } }],
    ['a reject does not pass', { checks: [{ type: 'radius', ...whole, secret: 'x' }] }],
    ['it has no words for its secret', { checks: [{ type: 'radius', secret: 'a#b' }] }],
    [
      'without its sorry server',
      {
        checks: [{ type: 'tcp' }],
        sorry: { address: '198.51.100.9', forward: 'tun', tunnel: { type: 'gue', port: 6080 } },
      },
    ],
  ])('ldirectord: %s is told', (why, fields) => {
    expect(roundTrip('ldirectord', fields).told.join('\n')).toContain(why);
  });
});
