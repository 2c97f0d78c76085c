// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how a variable is written.
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, expectTypeOf, test } from 'vitest';
import type { DesiredState } from '../../../src/config/desired-state.js';
import { loadStateFile, parseStateFile, parseStateText } from '../../../src/config/read.js';
import type { StateFile } from '../../../src/config/schema.js';
import { ConfigError, type ConfigIssue, InvalidArgumentError } from '../../../src/errors.js';
import type { Director } from '../../../src/model/director.js';
import type { RealServer } from '../../../src/model/real-server.js';

function read(text: string, env = {}): DesiredState {
  return parseStateText(text, { env });
}

/** What is wrong with a file, as it is told. */
function problems(text: string, env = {}): string {
  try {
    parseStateText(text, { name: 'f', env });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

/** `tcp://10.0.0.1:80` and what it has, without the fields that most services have alike. */
const keys = (state: DesiredState) =>
  state.services?.map(({ service }) => ('address' in service ? `${service.address} ${service.port}` : service.mark));
const servers = (state: DesiredState, index = 0) => state.services?.[index]?.destinations;
const addresses = (state: DesiredState, index = 0) =>
  servers(state, index)?.map(({ address, port }) => `${address} ${port}`);

describe('what absence means', () => {
  test('sections that are absent say nothing', () => {
    expect(read('version: 1')).toEqual({});
    expect(read('{}')).toEqual({});
  });
  test('empty ones say: none', () => {
    expect(read('services: []\ndaemons: []')).toEqual({ services: [], daemons: [] });
  });
  test.each([
    ['services:', 'f:1:10: services: must be a list; [] is one of nothing'],
    ['daemons:', 'f:1:9: daemons: must be a list; [] is one of nothing'],
    ['pools:', 'f:1:7: pools: must be an object: lists of real servers by name'],
    ['pools: { web: }', 'f:1:15: pools.web: must be a list; [] is one of nothing'],
    ['timeouts:', 'f:1:10: timeouts: must be an object'],
    ['timeouts: {}', 'f:1:11: timeouts: give at least one of tcp, tcpFin, udp'],
    ['director:', 'f:1:10: director: must be an object'],
    ['services: [null]', 'f:1:12: services[0]: must be an object'],
    [
      '',
      'f:1:1: must be an object with some of version, defaults, timeouts, daemons, checks, pools, services, director, realServer',
    ],
    [
      '[]',
      'f:1:1: must be an object with some of version, defaults, timeouts, daemons, checks, pools, services, director, realServer',
    ],
  ])('a section without a value is an error: %s', (text, message) => {
    expect(problems(text)).toBe(message);
  });
});

describe('a whole file', () => {
  const text = `
# a comment
services:
  - service: tcp://10.0.0.100:80
    scheduler: wlc
    persistence: 300
    pool: web
    destinations: [10.0.0.13]
  - service: fwmark://5
    destinations: [{ address: 10.0.0.11, forward: nat, port: 8080 }]
pools:
  web:
    - 10.0.0.11
    - { address: 10.0.0.12, weight: 3, upperThreshold: 1000 }
timeouts: { tcp: 15m, udp: 300 }
daemons: [{ role: master, interface: eth0, syncId: 7 }]
director: { device: eth0, mode: dr }
realServer: { mode: tun, vips: [10.0.0.100/24] }
`;
  const state = {
    services: [
      {
        service: {
          protocol: 'tcp',
          address: '10.0.0.100',
          port: 80,
          scheduler: 'wlc',
          persistence: { timeout: 300, netmask: 32 },
        },
        destinations: [
          { address: '10.0.0.11', port: 80, weight: 1, forward: 'dr' },
          { address: '10.0.0.12', port: 80, weight: 3, upperThreshold: 1000, forward: 'dr' },
          { address: '10.0.0.13', port: 80, weight: 1, forward: 'dr' },
        ],
      },
      {
        service: { protocol: 'fwmark', mark: 5, family: 'ipv4', scheduler: 'wlc' },
        destinations: [{ address: '10.0.0.11', port: 8080, weight: 1, forward: 'nat' }],
      },
    ],
    timeouts: { tcp: 900, udp: 300 },
    daemons: [{ role: 'master', interface: 'eth0', syncId: 7 }],
    director: { mode: 'dr', device: 'eth0', vips: [{ address: '10.0.0.100', prefix: 32 }] },
    realServer: { mode: 'tun', vips: [{ address: '10.0.0.100', prefix: 24 }], tunnel: 'ipip' },
  };
  test('in YAML', () => expect(read(text)).toEqual(state));
  test('as a value', () => {
    expect(
      parseStateFile({
        services: [
          { service: 'tcp://10.0.0.100:80', persistence: '5m', pool: 'web', destinations: ['10.0.0.13'] },
          { service: 'fwmark://5', destinations: [{ address: '10.0.0.11:8080', forward: 'nat' }] },
        ],
        pools: { web: ['10.0.0.11', { address: '10.0.0.12', weight: 3, upperThreshold: 1000 }] },
        timeouts: { tcp: 900, udp: 300 },
        daemons: [{ role: 'master', interface: 'eth0', syncId: 7 }],
        director: { device: 'eth0', mode: 'dr' },
        realServer: { mode: 'tun', vips: ['10.0.0.100/24'] },
      }),
    ).toEqual(state);
  });
  test('with the ends of lines of Windows and a byte order mark', () => {
    expect(read(`\ufeff${text.replaceAll('\n', '\r\n')}`)).toEqual(state);
  });
});

describe('services as text', () => {
  test.each([
    ['tcp://10.0.0.1:80', ['10.0.0.1 80']],
    ['sctp://[2001:DB8::1]:80', ['2001:db8::1 80']],
    ['tcp://10.0.0.255-10.0.1.1:80', ['10.0.0.255 80', '10.0.1.0 80', '10.0.1.1 80']],
    ['tcp://[2001:db8::ffff-2001:db8::1:0]:80', ['2001:db8::ffff 80', '2001:db8::1:0 80']],
    ['udp://10.0.0.1:53,80-82', ['10.0.0.1 53', '10.0.0.1 80', '10.0.0.1 81', '10.0.0.1 82']],
    ['tcp://10.0.0.1-10.0.0.2:1-2', ['10.0.0.1 1', '10.0.0.1 2', '10.0.0.2 1', '10.0.0.2 2']],
    ['tcp://10.0.0.1', ['10.0.0.1 8000']],
    ['tcp://[2001:db8::1]', ['2001:db8::1 8000']],
    ['fwmark://4294967295', [4294967295]],
    ['fwmark://5-7?family=ipv6', [5, 6, 7]],
  ])('%s', (service, expected) => {
    expect(keys(parseStateFile({ defaults: { port: 8000 }, services: [{ service }] }))).toEqual(expected);
  });
  test('a list is in its order', () => {
    const service = ['tcp://10.0.0.2:80', 'tcp://10.0.0.1:80'];
    expect(keys(parseStateFile({ services: [{ service }] }))).toEqual(['10.0.0.2 80', '10.0.0.1 80']);
  });

  const FORMS =
    'TEXT is none of the forms tcp://10.0.0.100:80, udp://[2001:db8::1]:53, tcp://10.0.0.100-10.0.0.103:80,443,8000-8010, fwmark://5, fwmark://5?family=ipv6';
  const MARKS = 'TEXT is none of the forms fwmark://5, fwmark://5-8, fwmark://5?family=ipv6; a mark is 1 to 4294967295';
  test.each([
    ['10.0.0.1:80', FORMS],
    ['http://10.0.0.1:80', FORMS],
    ['tcp://', FORMS],
    // Might be an address that ends in :80.
    ['tcp://2001:db8::1:80', FORMS],
    ['tcp://10.0.0.1', 'TEXT names no port, and defaults.port is not set'],
    ['tcp://www:80', 'TEXT: "www" is not an IPv4 or IPv6 address'],
    ['tcp://010.0.0.1:80', 'TEXT: "010.0.0.1" is not an IPv4 or IPv6 address'],
    ['tcp://10.0.0.1-10.0.0.2-10.0.0.3:80', 'TEXT: "10.0.0.3" is not an IPv4 or IPv6 address'],
    ['tcp://10.0.0.2-10.0.0.1:80', 'TEXT: the range ends before it begins'],
    ['tcp://[10.0.0.2-2001:db8::1]:80', 'TEXT: the range is of both address families'],
    ['tcp://10.0.0.1:http', 'TEXT: "http" is not a port (0 to 65535) or a range of ports (8000-8010)'],
    ['tcp://10.0.0.1:80,', 'TEXT: "" is not a port (0 to 65535) or a range of ports (8000-8010)'],
    ['tcp://10.0.0.1:65536', 'TEXT: "65536" is not a port (0 to 65535) or a range of ports (8000-8010)'],
    ['tcp://10.0.0.1:1-2-3', 'TEXT: "1-2-3" is not a port (0 to 65535) or a range of ports (8000-8010)'],
    ['tcp://10.0.0.1:81-80', 'TEXT: the range ends before it begins'],
    ['tcp://10.0.0.1:1-65535', 'TEXT comes to more than 4096, the most that one text may name'],
    ['tcp://10.0.0.0-10.0.255.255:80', 'TEXT comes to more than 4096, the most that one text may name'],
    ['tcp://[::-ffff::]:80', 'TEXT comes to more than 4096, the most that one text may name'],
    ['fwmark://0', MARKS],
    ['fwmark://4294967296', MARKS],
    ['fwmark://5?family=ipx', MARKS],
    ['fwmark://6-5', 'TEXT: the range ends before it begins'],
    ['fwmark://1-5000', 'TEXT comes to more than 4096, the most that one text may name'],
  ])('%s is refused', (service, message) => {
    expect(problems(JSON.stringify({ services: [{ service }] }))).toBe(
      `f:1:25: services[0].service: ${message.replace('TEXT', `"${service}"`)}`,
    );
  });

  test('port 0 needs persistence', () => {
    const problem = 'must be 1 to 65535 unless the service is persistent (0 stands for every port)';
    expect(problems('services: [{ service: "tcp://10.0.0.1:0" }]')).toBe(`f:1:23: services[0].service: ${problem}`);
    expect(keys(read('services: [{ service: "tcp://10.0.0.1:0", persistence: true }]'))).toEqual(['10.0.0.1 0']);
  });
});

describe('destinations as text', () => {
  test.each([
    ['10.0.0.11', ['10.0.0.11 80']],
    ['10.0.0.11:8080', ['10.0.0.11 8080']],
    ['10.0.0.254-10.0.1.1', ['10.0.0.254 80', '10.0.0.255 80', '10.0.1.0 80', '10.0.1.1 80']],
    ['10.0.0.1-10.0.0.2:81', ['10.0.0.1 81', '10.0.0.2 81']],
  ])('%s', (address, expected) => {
    const service = { service: 'tcp://10.0.0.100:80', forward: 'nat' as const };
    expect(addresses(parseStateFile({ services: [{ ...service, destinations: [address] }] }))).toEqual(expected);
    expect(addresses(parseStateFile({ services: [{ ...service, destinations: [{ address }] }] }))).toEqual(expected);
  });
  test.each([
    ['2001:db8::11', ['2001:db8::11 80']],
    ['[2001:db8::11]', ['2001:db8::11 80']],
    ['[2001:db8::11]:8080', ['2001:db8::11 8080']],
    ['2001:db8::1-2001:db8::2', ['2001:db8::1 80', '2001:db8::2 80']],
    ['[2001:db8::1-2001:db8::2]:81', ['2001:db8::1 81', '2001:db8::2 81']],
  ])('%s', (address, expected) => {
    const service = { service: 'tcp://[2001:db8::100]:80', forward: 'nat' as const, destinations: [address] };
    expect(addresses(parseStateFile({ services: [service] }))).toEqual(expected);
  });
  const FORMS =
    'TEXT is none of the forms 10.0.0.11, 10.0.0.11:8080, 2001:db8::11, [2001:db8::11]:8080, 10.0.0.11-10.0.0.19, 10.0.0.11-10.0.0.19:8080';
  test.each([
    ['', FORMS],
    ['10.0.0.1:', FORMS],
    ['10.0.0.1:80,81', FORMS],
    ['[2001:db8::1', FORMS],
    ['rs1', '"rs1" is not an IPv4 or IPv6 address'],
    ['10.0.0.0/24', '"10.0.0.0/24" is not an IPv4 or IPv6 address'],
    ['10.0.0.0-10.1.0.0', 'TEXT comes to more than 4096, the most that one text may name'],
  ])('"%s" is refused', (address, message) => {
    expect(problems(JSON.stringify({ pools: { web: [address] } }))).toBe(
      `f:1:18: pools.web[0]: ${message.replace('TEXT', `"${address}"`)}`,
    );
  });
  test('a port stands in one place', () => {
    expect(problems('pools: { web: [{ address: "10.0.0.1:80", port: 81 }] }')).toBe(
      'f:1:48: pools.web[0].port: the address names a port too',
    );
  });
});

describe('who says what', () => {
  const text = (service: string, destination: string) => `
defaults: { scheduler: sh, schedulerFlags: [sh-port], persistence: 100, forward: nat, destinationPort: 8000, weight: 5, upperThreshold: 9, lowerThreshold: 8, tunnel: { type: gre } }
services: [{ service: 'tcp://10.0.0.1:80', ${service} destinations: [{ address: 10.0.0.2, ${destination} }] }]`;
  const NAT = { address: '10.0.0.2', port: 8000, weight: 5, upperThreshold: 9, lowerThreshold: 8, forward: 'nat' };
  const TUN = { ...NAT, port: 80, forward: 'tun', tunnel: { type: 'gre', checksum: 'none' } };
  test.each([
    ['', '', NAT],
    ['weight: 6, destinationPort: 8001,', '', { ...NAT, weight: 6, port: 8001 }],
    ['weight: 6, destinationPort: 8001,', 'weight: 0, port: 8002', { ...NAT, weight: 0, port: 8002 }],
    ['', 'lowerThreshold: 0', { address: '10.0.0.2', port: 8000, weight: 5, upperThreshold: 9, forward: 'nat' }],
    ['', 'upperThreshold: 0, lowerThreshold: 0', { address: '10.0.0.2', port: 8000, weight: 5, forward: 'nat' }],
    // Only nat inherits a port, only tun an encapsulation.
    ['forward: dr,', '', { ...NAT, port: 80, forward: 'dr' }],
    ['forward: tun,', '', TUN],
    ['', 'forward: tun', TUN],
    ['tunnel: { type: ipip },', 'forward: tun', { ...TUN, tunnel: { type: 'ipip' } }],
    [
      '',
      'forward: tun, tunnel: { type: gue, port: 6080 }',
      { ...TUN, tunnel: { type: 'gue', port: 6080, checksum: 'none' } },
    ],
  ])('destination: %s %s', (service, destination, expected) => {
    expect(servers(read(text(service, destination)))).toEqual([expected]);
  });

  const SH = { scheduler: 'sh', schedulerFlags: ['sh-port'], persistence: { timeout: 100, netmask: 32 } };
  test.each([
    ['', SH],
    ['scheduler: rr,', { scheduler: 'rr', persistence: SH.persistence }],
    ['scheduler: sh,', { scheduler: 'sh', persistence: SH.persistence }],
    ['schedulerFlags: [],', { scheduler: 'sh', persistence: SH.persistence }],
    ['persistence: false,', { scheduler: 'sh', schedulerFlags: ['sh-port'] }],
    ['persistence: true,', { ...SH, persistence: { timeout: 360, netmask: 32 } }],
    ['persistence: 1m,', { ...SH, persistence: { timeout: 60, netmask: 32 } }],
    ['persistence: { netmask: 24 },', { ...SH, persistence: { timeout: 360, netmask: 24 } }],
    ['persistence: { timeout: 31d },', { ...SH, persistence: { timeout: 2678400, netmask: 32 } }],
    ['persistenceEngine: sip,', { ...SH, persistenceEngine: 'sip' }],
  ])('service: %s', (service, expected) => {
    const [found] = read(text(service, '')).services ?? [];
    expect(found?.service).toEqual({ protocol: 'tcp', address: '10.0.0.1', port: 80, ...expected });
  });
  test('onePacket', () => {
    const [found] = read('services: [{ service: "udp://10.0.0.1:53", onePacket: true }]').services ?? [];
    expect(found?.service).toMatchObject({ onePacket: true });
  });
  test('a mark gives no port', () => {
    expect(addresses(read('services: [{ service: "fwmark://1", destinations: [10.0.0.2] }]'))).toEqual(['10.0.0.2 0']);
  });
});

describe('everything wrong is told at once, with its place', () => {
  test('in every section', () => {
    const text = `version: 2
defaults:
  schedular: wrr
  weight: -1
  forward: masq
timeouts: { tcp: 0, udp: 40d }
daemons:
  - { role: master, interface: eth0, group: 10.0.0.1 }
  - { role: leader, interface: 'a b' }
pools:
  web:
    - 10.0.0.11:81
    - { adress: 10.0.0.12, weight: 3.5 }
    - { address: 10.0.0.14, tunnel: { type: gue } }
    - [10.0.0.15]
    -
services:
  - service: tcp://10.0.0.100:80-82
    scheduler: rr
    schedulerFlags: [sh-port]
    pool: [web, wep]
  - service: tcp://10.0.0.100:81
    persistence: { timout: 5 }
  - service: tcp://10.0.0.100:82
    onePacket: yes
  - scheduler: rr
  - service: tcp://[2001:db8::1]:82
    destinations: [10.0.0.1, 10.0.0.1]
  - service: tcp://10.0.0.101:82
    pool: web
    schedulerFlags: [nine]
director: { mode: dr, devise: eth0 }
realServer: { vips: 10.0.0.1 }
`;
    expect(problems(text)).toMatchInlineSnapshot(`
      "f:1:10: version: must be 1
      f:3:3: defaults.schedular: unknown field; known here: port, scheduler, schedulerFlags, persistence, forward, tunnel, weight, upperThreshold, lowerThreshold, destinationPort, checks, onFailure, notify, quorum, failOpen, ramp
      f:4:11: defaults.weight: must be a whole number from 0 to 2147483647
      f:5:12: defaults.forward: must be nat, dr, tun
      f:6:18: timeouts.tcp: must be 1 to 2678400 seconds, as a number or with a unit: 90s, 5m, 12h, 31d
      f:6:26: timeouts.udp: must be 1 to 2678400 seconds, as a number or with a unit: 90s, 5m, 12h, 31d
      f:8:45: daemons[0].group: must be a multicast address (224.0.0.0/4 or ff00::/8)
      f:9:13: daemons[1].role: must be master, backup
      f:9:32: daemons[1].interface: must be printable ASCII without blanks, and not empty
      f:12:7: pools.web[0]: must be 80, the port of tcp://10.0.0.100:80: dr does not rewrite ports
      f:13:7: pools.web[1].address: is required
      f:13:9: pools.web[1].adress: unknown field; known here: address, port, forward, tunnel, weight, upperThreshold, lowerThreshold, checks, onFailure, notify
      f:13:36: pools.web[1].weight: must be a whole number from 0 to 2147483647
      f:14:37: pools.web[2].tunnel.port: must be a whole number from 1 to 65535
      f:15:7: pools.web[3]: must be an address, or an object with an address
      f:16:6: pools.web[4]: must be an address, or an object with an address
      f:20:22: services[0].schedulerFlags[0]: "sh-port" belongs to the scheduler sh, not rr
      f:21:17: services[0].pool[1]: there is no pool "wep"; there are web
      f:23:20: services[1].persistence.timout: unknown field; known here: timeout, netmask
      f:25:16: services[2].onePacket: must be true or false
      and 7 more"
    `);
  });

  test('in the model: what does not go together, at the level that says it', () => {
    const text = `
defaults: { scheduler: rr, persistence: { netmask: 24.5 }, upperThreshold: 10 }
services:
  - service: tcp://10.0.0.1:80
    persistence: { netmask: 255.0.255.0 }
    lowerThreshold: 11
    destinations: [10.0.0.2]
  - service: tcp://10.0.0.1:81
    destinations:
      - { address: 10.0.0.2, port: 82 }
      - { address: 10.0.0.3, lowerThreshold: 12 }
      - { address: 10.0.0.4, forward: nat, tunnel: { type: gre } }
      - 2001:db8::1
      - 10.0.0.2-10.0.0.3:82
  - service: tcp://10.0.0.1:83
    onePacket: true
    persistence: 0
`;
    expect(problems(text)).toMatchInlineSnapshot(`
      "f:2:52: defaults.persistence.netmask: must be a prefix length from 0 to 32 or a dotted mask
      f:6:21: services[0].lowerThreshold: must not be above upperThreshold (10)
      f:10:36: services[1].destinations[0].port: must be 81, the port of tcp://10.0.0.1:81: dr does not rewrite ports
      f:11:46: services[1].destinations[1].lowerThreshold: must not be above upperThreshold (10)
      f:12:52: services[1].destinations[2].tunnel: is only for tun
      f:13:9: services[1].destinations[3]: must be ipv4 as tcp://10.0.0.1:81: only tun crosses address families
      f:14:9: services[1].destinations[4]: must be 81, the port of tcp://10.0.0.1:81: dr does not rewrite ports
      f:17:18: services[2].persistence: must be 1 to 2678400 seconds, as a number or with a unit: 90s, 5m, 12h, 31d"
    `);
  });

  test('what stands twice', () => {
    const text = `
pools:
  web: [10.0.0.11, 10.0.0.12, 10.0.0.12]
services:
  - service: [ 'tcp://10.0.0.1:80', 'tcp://10.0.0.1:79-80' ]
  - service: tcp://10.0.0.1:80
    scheduler: rr
    scheduler: wrr
  - service: tcp://10.0.0.2:80
    pool: [web, web]
    destinations: ['10.0.0.11:80']
daemons:
  - { role: backup, interface: eth0 }
  - { role: backup, interface: eth1 }
`;
    expect(problems(text)).toMatchInlineSnapshot(`
      "f:3:31: pools.web[2]: 10.0.0.12:80 of tcp://10.0.0.2:80 is already in pools.web[1]
      f:5:37: services[0].service[1]: tcp://10.0.0.1:80 is already in services[0].service[0]
      f:6:14: services[1].service: tcp://10.0.0.1:80 is already in services[0].service[0]
      f:8:5: this key stands twice in one object
      f:10:17: services[2].pool[1]: the pool "web" is named twice
      f:11:20: services[2].destinations[0]: 10.0.0.11:80 of tcp://10.0.0.2:80 is already in pools.web[0]
      f:14:13: daemons[1].role: a backup is already in daemons[0]"
    `);
  });

  test('director and real server', () => {
    expect(problems('director: { device: eth0 }\nrealServer: {}')).toMatchInlineSnapshot(`
      "f:1:11: director.mode: must be nat, dr, tun: it does not follow from the destinations, which are none or of several ways
      f:1:11: director.vips: must name the virtual IPs: no service here has an address"
    `);
    expect(
      problems('director: { device: eth0, mode: nat, vips: [x] }\nrealServer: { mode: nat }'),
    ).toMatchInlineSnapshot(`"f:1:11: director.inside: is required with nat: the network of the real servers"`);
    const mixed =
      'services: [{ service: "tcp://10.0.0.1:80", destinations: [10.0.0.2, { address: 10.0.0.3, forward: nat }] }]';
    expect(problems(`${mixed}\ndirector: { device: eth0 }`)).toMatchInlineSnapshot(
      `"f:2:11: director.mode: must be nat, dr, tun: it does not follow from the destinations, which are none or of several ways"`,
    );
  });

  test('an error of a range is told once', () => {
    expect(problems('services: [{ service: "tcp://10.0.0.1:1-4000", destinations: ["10.0.0.2-10.0.0.200:81"] }]')).toBe(
      'f:1:63: services[0].destinations[0]: must be 1, the port of tcp://10.0.0.1:1: dr does not rewrite ports',
    );
  });

  test('a message has at most twenty of them, issues has all', () => {
    const text = JSON.stringify({ pools: { web: Array.from({ length: 30 }, () => 'x') } });
    expect(problems(text).split('\n')).toHaveLength(21);
    expect(problems(text)).toMatch(/\nand 10 more$/);
    const issues: readonly ConfigIssue[] = error(() => read(text), ConfigError).issues;
    expect(issues).toHaveLength(30);
    expect(issues[29]).toEqual({
      line: 1,
      column: 134,
      path: 'pools.web[29]',
      message: '"x" is not an IPv4 or IPv6 address',
    });
  });

  test('a program finds all of it in the error', () => {
    const { code, name, file, issues } = error(() => parseStateText('version: 2', { name: 'x.yaml' }), ConfigError);
    expect({ code, name, file, issues }).toEqual({
      code: 'ERR_CONFIG',
      name: 'ConfigError',
      file: 'x.yaml',
      issues: [{ line: 1, column: 10, path: 'version', message: 'must be 1' }],
    });
  });

  test('of a value it is an InvalidArgumentError', () => {
    const input = { defaults: { weight: -1 }, services: [{ service: 'x' }] };
    expect(error(() => parseStateFile(input), InvalidArgumentError)).toMatchObject({
      subject: 'state file',
      issues: [{ path: 'defaults.weight' }, { path: 'services[0].service' }],
    });
  });

  test('too many destinations are told before they are made', () => {
    const text = `
pools: { web: [10.0.0.0-10.0.3.255] }
services:
  - { service: 'tcp://10.1.0.1:1-1000', pool: web }
  - { service: 'tcp://10.1.0.2:1-1000', pool: web, destinations: [10.2.0.1-10.2.0.200] }`;
    expect(problems(text)).toBe(
      'f:4:3: services: comes to 2000 services with 2248000 destinations; may have at most 262144 services with at most 1048576 destinations in all',
    );
  });
});

function error<Class extends Error>(run: () => unknown, type: abstract new (...values: never[]) => Class): Class {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof type) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

describe('YAML', () => {
  test('anchors, aliases and merge keys', () => {
    const text = `
services:
  - &web { service: 'tcp://10.0.0.1:80', scheduler: rr, destinations: &servers [10.0.0.2] }
  - { <<: *web, service: 'tcp://10.0.0.1:81' }
  - { service: 'tcp://10.0.0.1:82', destinations: *servers }`;
    const state = read(text);
    expect(keys(state)).toEqual(['10.0.0.1 80', '10.0.0.1 81', '10.0.0.1 82']);
    expect(state.services?.map(({ service }) => service.scheduler)).toEqual(['rr', 'rr', 'wlc']);
    expect([1, 2].map((index) => addresses(state, index))).toEqual([['10.0.0.2 81'], ['10.0.0.2 82']]);
  });
  test.each([
    ['brackets', `services: []\nx: ${'['.repeat(50_000)}`, '2:'],
    ['indents', Array.from({ length: 300 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), '200:'],
    ['dashes', `x:\n  ${'- '.repeat(20_000)}1`, '2:'],
  ])('what is nested too deep is refused where it is: %s', (_, text, place) => {
    // The parser recurses, and Node.js ends without an exception.
    expect(problems(text)).toMatch(new RegExp(`^f:${place}\\d+: more than 200 things stand within each other$`));
  });

  test('what is nested as deep as people write is read', () => {
    const text = `x: ${'['.repeat(90)}1${']'.repeat(90)}`;
    expect(problems(text)).not.toContain('more than 200');
  });

  test('what is wrong behind an alias is told where it stands, once', () => {
    const text =
      'pools: { a: &a [x], b: *a }\nservices: [&s { service: "fwmark://1", weight: -1 }, { <<: *s, service: "fwmark://2" }]';
    expect(problems(text)).toBe(
      'f:1:17: pools.b[0]: "x" is not an IPv4 or IPv6 address\n' +
        'f:2:48: services[1].weight: must be a whole number from 0 to 2147483647',
    );
  });
  test.each([
    ['a: [1\nb: 2\n', 'f:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['services:\n\t- service: x', 'f:2:1: Tabs are not allowed as indentation'],
    ['services: *x', 'f:1:11: services: there is no anchor &x before this'],
    ['services: &a [*a]', 'f:1:15: services[0]: *a stands within what it means, &a'],
    ['defaults: &a\n  <<: *a', 'f:2:7: *a stands within what it means, &a'],
    [
      'services:\n  - service: tcp://192.0.2.1:80000\n    pool: *nowhere\n---\nversion: 1',
      'f:2:14: services[0].service: "tcp://192.0.2.1:80000": "80000" is not a port (0 to 65535) or a range of ports ' +
        '(8000-8010)\nf:3:11: services[0].pool: there is no anchor &nowhere before this\nf:4:1: the file must be one YAML ' +
        'document',
    ],
    ['version: 1\n---\nversion: 1', 'f:2:1: the file must be one YAML document'],
    ['[a]: 1', 'f:1:1: a key must be text'],
    ['version: !one 1', 'f:1:10: Unresolved tag: !one\nf:1:15: version: must be 1'],
    ['version: 1\nversion: 1', 'f:2:1: this key stands twice in one object'],
    ['a: {b: ${C}}', 'f:1:9: within {} and [] a variable must stand in quotes: "${NAME}"'],
    [
      `a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [${'*a,'.repeat(40)}]\nc: &c [${'*b,'.repeat(40)}]\nd: [${'*c,'.repeat(40)}]`,
      'f:1:1: Excessive alias count indicates a resource exhaustion attack',
    ],
  ])('%j is refused', (text, message) => {
    expect(problems(text)).toBe(message);
  });
  test('names that objects have anyway', () => {
    const text =
      'pools: { __proto__: [10.0.0.2], constructor: [10.0.0.3] }\nservices: [{ service: "fwmark://1", pool: [__proto__, constructor] }]';
    expect(addresses(read(text))).toEqual(['10.0.0.2 0', '10.0.0.3 0']);
    expect(problems('toString: 1')).toContain('f:1:1: toString: unknown field; known here: version,');
    expect(problems('services: [{ service: "fwmark://1", pool: toString }]')).toContain('there is no pool "toString"');
  });
});

describe('variables', () => {
  const service = (text: string, env = {}) =>
    read(`services: [{ service: 'tcp://10.0.0.1:80' }, ${text}]`, env).services?.[1];
  test('stand in every text, and with defaults', () => {
    const env = { VIP: '10.0.0.9', PORT: '81', EMPTY: '' };
    expect(service('{ service: "tcp://${VIP}:${PORT}" }', env)?.service).toMatchObject({
      address: '10.0.0.9',
      port: 81,
    });
    expect(service('{ service: "tcp://${NO:-10.0.0.8}:${EMPTY:-82}" }', env)?.service).toMatchObject({
      address: '10.0.0.8',
      port: 82,
    });
  });
  test('numbers and booleans too', () => {
    const text = `
services:
  - service: udp://10.0.0.1:53
    onePacket: \${ONE}
    persistence: \${P:-60}
    destinations: [{ address: 10.0.0.2, weight: "\${W}" }]`;
    const [found] = read(text, { ONE: 'true', W: '0' }).services ?? [];
    expect(found?.service).toMatchObject({ onePacket: true, persistence: { timeout: 60 } });
    expect(found?.destinations).toMatchObject([{ weight: 0 }]);
  });
  test('quoted numbers are text where no variable is', () => {
    expect(problems('defaults: { weight: "3" }')).toBe(
      'f:1:21: defaults.weight: must be a whole number from 0 to 2147483647',
    );
  });
  test('text with more in it than a variable stays text', () => {
    const state = read('daemons: [{ role: master, interface: "1${X}" }]', { X: '0' });
    expect(state.daemons?.[0]?.interface).toBe('10');
  });
  test('never become YAML', () => {
    const state = read('services: [{ service: "fwmark://1", scheduler: "${S}" }]', { S: '{a:1}' });
    expect(state.services?.[0]?.service.scheduler).toBe('{a:1}');
  });
  test('$$ is a dollar', () => {
    expect(read('daemons: [{ role: master, interface: "$$a$${b}" }]').daemons?.[0]?.interface).toBe('$a${b}');
  });
  test('that are wrong are told with their place, and nothing else is said of it', () => {
    const text = `
services:
  - service: tcp://\${VIP}:\${PORT}
    pool: \${POOL}
    scheduler: a$b
    destinations: [{ address: 10.0.0.2, weight: "\${W}" }, "\${1}"]
director: { device: "\${DEVICE:-eth0}" }`;
    expect(problems(text)).toMatchInlineSnapshot(`
      "f:3:14: services[0].service: the environment has no VIP; set it, or write \${VIP:-default}
      f:3:14: services[0].service: the environment has no PORT; set it, or write \${PORT:-default}
      f:4:11: services[0].pool: the environment has no POOL; set it, or write \${POOL:-default}
      f:5:16: services[0].scheduler: a variable is \${NAME} or \${NAME:-default}; write $$ for a dollar sign
      f:6:49: services[0].destinations[0].weight: the environment has no W; set it, or write \${W:-default}
      f:6:59: services[0].destinations[1]: a variable is \${NAME} or \${NAME:-default}; write $$ for a dollar sign"
    `);
  });
  test('a value has none', () => {
    const services = [{ service: 'fwmark://1', scheduler: '${S}' }];
    expect(parseStateFile({ services }).services?.[0]?.service.scheduler).toBe('${S}');
  });
});

test('a pool that nobody uses is a warning', () => {
  const warnings: ConfigIssue[] = [];
  const text = 'pools:\n  web: [10.0.0.1]\n  spare: []\nservices: [{ service: "fwmark://1", pool: web }]';
  parseStateText(text, { onWarning: (warning) => warnings.push(warning) });
  expect(warnings).toEqual([{ line: 3, column: 10, path: 'pools.spare', message: 'no service uses this pool' }]);
});

describe('director and real server', () => {
  const nat = { service: 'tcp://10.0.0.1:80', forward: 'nat' as const, destinations: ['10.1.0.2'] };
  const tun = (type: 'ipip' | 'gre') => ({
    service: ['tcp://10.0.0.1:80,443', 'tcp://[2001:db8::1]:80', 'fwmark://1'],
    destinations: ['10.1.0.2'],
    forward: 'tun' as const,
    tunnel: { type },
  });
  test('follow from the services', () => {
    const vips = [
      { address: '10.0.0.1', prefix: 32 },
      { address: '2001:db8::1', prefix: 128 },
    ];
    const state = parseStateFile({ services: [tun('gre')], director: { device: 'eth0' }, realServer: {} });
    expect(state.director).toEqual({ mode: 'tun', device: 'eth0', vips });
    expect(state.realServer).toEqual({ mode: 'tun', vips, tunnel: 'gre' });
  });
  test('of NAT', () => {
    const inside = { network: '10.1.0.0/24' };
    const state = parseStateFile({
      services: [nat],
      director: { device: 'eth0', inside },
      realServer: { gateway: '10.1.0.1' },
    });
    expect(state.director).toMatchObject({ mode: 'nat', inside: { network: { address: '10.1.0.0', prefix: 24 } } });
    expect(state.realServer).toEqual({ mode: 'nat', gateway: '10.1.0.1' });
  });
  test('GRE checksums follow too, unless the destinations differ', () => {
    const services = (...checksums: string[]) => {
      const servers = checksums.map(
        (checksum, index) => `{ address: 10.0.0.${index + 2}, tunnel: { type: gre, checksum: ${checksum} } }`,
      );
      return `services: [{ service: "tcp://10.0.0.1:80", forward: tun, destinations: [${servers.join(', ')}] }]\n`;
    };
    expect(read(`${services('csum', 'csum')}realServer: {}`).realServer).toMatchObject({ checksum: true });
    expect(read(`${services('none')}realServer: {}`).realServer).not.toHaveProperty('checksum');
    expect(read(`${services('csum')}realServer: { checksum: false }`).realServer).toMatchObject({ checksum: false });
    expect(problems(`${services('csum', 'none')}realServer: {}`)).toContain(
      'realServer.checksum: does not follow from the destinations, some of which have checksums',
    );
    const local = read(`${services('csum')}realServer: { local: [10.0.0.2] }`).realServer;
    expect(local).toMatchObject({ checksum: true, local: ['10.0.0.2'] });
  });
  test('a tunnel that does not follow must be named', () => {
    const services = (...tunnels: string[]) => {
      const servers = tunnels.map((tunnel, index) => `{ address: 10.0.0.${index + 2}, tunnel: ${tunnel} }`);
      return `services: [{ service: "tcp://10.0.0.1:80", forward: tun, destinations: [${servers.join(', ')}] }]`;
    };
    const [one, two] = ['{ type: gue, port: 6080 }', '{ type: gue, port: 6081 }'];
    expect(problems(`${services(one, '{ type: gre }')}\nrealServer: {}`)).toBe(
      'f:2:13: realServer.tunnel: must be ipip, gre or gue: it does not follow from the destinations, which have several kinds',
    );
    expect(read(`${services(one, '{ type: gre }')}\nrealServer: { tunnel: ipip }`).realServer).toMatchObject({
      tunnel: 'ipip',
    });
    expect(read(`${services(one, one)}\nrealServer: {}`).realServer).toMatchObject({ tunnel: 'gue', port: 6080 });
    expect(read(`${services(one, two)}\nrealServer: { port: 6081 }`).realServer).toMatchObject({ port: 6081 });
    expect(problems(`${services(one, two)}\nrealServer: {}`)).toBe(
      'f:2:13: realServer.port: must be the UDP port of gue: it does not follow from the destinations, which have none or several',
    );
  });
  test('the file knows every field that the model has', () => {
    type Fields<Value> = Value extends object ? keyof Value : never;
    expectTypeOf<Fields<NonNullable<StateFile['director']>>>().toEqualTypeOf<Fields<Director>>();
    expectTypeOf<Fields<NonNullable<StateFile['realServer']>>>().toEqualTypeOf<Fields<RealServer>>();
    type Inside<Value> = Value extends { inside?: infer Found } ? Fields<Found> : never;
    expectTypeOf<Inside<NonNullable<StateFile['director']>>>().toEqualTypeOf<Inside<Director>>();
  });
  test('what is written stands', () => {
    const state = parseStateFile({
      services: [tun('gre')],
      realServer: { mode: 'dr', vips: ['10.0.0.7'] },
      director: { mode: 'dr', vips: ['10.0.0.8/24'], device: 'eth0', gateway: '10.0.0.254' },
    });
    expect(state.realServer).toEqual({ mode: 'dr', vips: [{ address: '10.0.0.7', prefix: 32 }] });
    expect(state.director).toEqual({
      mode: 'dr',
      vips: [{ address: '10.0.0.8', prefix: 24 }],
      device: 'eth0',
      gateway: '10.0.0.254',
    });
  });
});

describe('loadStateFile', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-config-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'state.yaml');

  test('takes the environment of the process, and the path as name', async () => {
    await writeFile(path, 'services: [{ service: "fwmark://${IPVS_TS_TEST_MARK}" }]');
    await expect(loadStateFile(path)).rejects.toThrow(`${path}:1:23: services[0].service: the environment has no`);
    process.env['IPVS_TS_TEST_MARK'] = '7';
    try {
      expect(keys(await loadStateFile(path))).toEqual([7]);
    } finally {
      delete process.env['IPVS_TS_TEST_MARK'];
    }
    expect(keys(await loadStateFile(path, { env: { IPVS_TS_TEST_MARK: '8' } }))).toEqual([8]);
  });
  test('tells of text that is not UTF-8, and of no file', async () => {
    await writeFile(path, Uint8Array.of(0xff));
    await expect(loadStateFile(path)).rejects.toThrow(`${path}:1:1: the file is not UTF-8 text`);
    await expect(loadStateFile(join(directory, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test.each([
  ['sorry: { address: 10.0.0.9, checks: [web] }', 'services[0].sorry.checks: a sorry server is not checked'],
  ['sorry: 10.0.0.8-10.0.0.9', 'services[0].sorry: must be one real server'],
  ['sorry: 10.0.0.1', 'services[0].sorry: 10.0.0.1:80 is a real server of the service already'],
  ['checks: [wep]', 'services[0].checks[0]: there is no check "wep"; there are web'],
  [
    'checks: [{ type: tcp, source: "2001:db8::1" }]',
    'services[0].destinations[0]: the check tcp cannot go from 2001:db8::1 to 10.0.0.1, which is of the other family',
  ],
  [
    'backups: [{ address: 10.0.0.2, checks: [{ type: ping, source: "2001:db8::1" }] }]',
    'services[0].backups[0].address: the check ping cannot go from 2001:db8::1 to 10.0.0.2, which is of the other family',
  ],
  [
    'checks: [{ type: tcp, address: "2001:db8::1", source: 10.0.0.5 }]',
    'services[0].checks[0].source: must be of the family of address',
  ],
  ['checks: [{ type: tcp, address: fe80::1 }]', 'services[0].checks[0].address: must not be a link-local address'],
  [
    'onFailure: { removeAfter: 2d }',
    'services[0].onFailure.removeAfter: must be 0s to 86400s: seconds as a number, or with a unit: 500ms, 2s, 1m, 12h',
  ],
  ['quorum: 0', 'services[0].quorum: must be a whole number from 1 to 2147483647'],
  ['ramp: 2h', 'services[0].ramp: must be 0s to 3600s: seconds as a number, or with a unit: 500ms, 2s, 1m, 12h'],
])('a mistake in the checks of a service: %s', (line, message) => {
  const checks = line.startsWith('checks') ? '' : '    checks: [web]\n';
  const text = `checks: { web: { type: tcp } }\nservices:\n  - service: tcp://10.0.0.100:80\n${checks}    ${line}\n    destinations: [10.0.0.1]\n`;
  expect(problems(text)).toContain(message);
});

test('a link-local real server cannot be checked, but by a program', () => {
  const text = (checks: string) =>
    `services:\n  - service: tcp://[2001:db8::100]:80\n    checks: ${checks}\n    destinations: ["fe80::1"]\n`;
  expect(problems(text('[{ type: tcp }]'))).toContain(
    'services[0].destinations[0]: the check tcp cannot go to fe80::1, a link-local address: give it an address',
  );
  expect(problems(text('[{ type: exec, command: [/bin/true] }]'))).toBe('');
});

test('a named check with a mistake is told once', () => {
  const text = `checks: { web: { type: tcp, fall: 0 } }\nservices:\n  - service: tcp://10.0.0.100:80\n    checks: [web]\n    destinations: [10.0.0.1]\n`;
  expect(problems(text)).toBe('f:1:35: checks.web.fall: must be a whole number from 1 to 1000');
});
