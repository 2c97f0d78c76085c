import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ListColumns } from '../../../src/ipvsadm/build-command.js';
import { formatListing, type ListingStyle } from '../../../src/ipvsadm/listing.js';
import type { ReverseNames } from '../../../src/ipvsadm/reverse-names.js';
import { type DestinationEntry, type DestinationFields, makeDestination } from '../../../src/model/destination.js';
import { makeService, parseService, type Service, type ServiceFields } from '../../../src/model/service.js';
import { Stats } from '../../../src/model/stats.js';
import type { TableService } from '../../../src/model/table.js';
import { normalTable, tableInput } from '../../arbitraries.js';

const NUMERIC: ListingStyle = { numeric: true, exact: false, sort: true };
const ALL_COLUMNS = [undefined, 'stats', 'rate', 'thresholds', 'persistent-conn', 'tun-info'] as const;
const info = { version: '1.2.1', connectionTableSize: 4096 };

const styled = (columns: ListColumns | undefined, style: Partial<ListingStyle> = {}): ListingStyle => ({
  ...NUMERIC,
  ...(columns !== undefined && { columns }),
  ...style,
});

/** Counters of one value, and rates of another. */
const statsOf = (counter: bigint, rate = 0) =>
  new Stats(
    { connections: counter, inPackets: counter, outPackets: counter, inBytes: counter, outBytes: counter },
    { connections: rate, inPackets: rate, outPackets: rate, inBytes: rate, outBytes: rate },
  );

const zeros = statsOf(0n);

function server(destination: DestinationFields, entry: Partial<DestinationEntry> = {}): DestinationEntry {
  return {
    destination: makeDestination(destination),
    activeConnections: 0,
    inactiveConnections: 0,
    persistentConnections: 0,
    stats: zeros,
    ...entry,
  };
}

const listed = (service: Service | ServiceFields, ...destinations: DestinationEntry[]): TableService => ({
  service: parseService(service),
  stats: zeros,
  destinations,
});

const web = { protocol: 'tcp', address: '10.0.0.1', port: 80 } as const;
const dr = { address: '10.0.0.9', port: 80, weight: 1, forward: 'dr' } as const;

/** The lines below the title. */
function rows(services: readonly TableService[], style = NUMERIC, names?: ReverseNames): string[] {
  const text = formatListing(services, style, names && { names });
  return text.split('\n').slice(2, -1);
}

describe('an empty table', () => {
  const usual = 'Prot LocalAddress:Port Scheduler Flags\n';
  it.each<[ListColumns | undefined, string]>([
    [undefined, `${usual}  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n`],
    ['tun-info', `${usual}  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn\n`],
    [
      'stats',
      'Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  -> RemoteAddress:Port\n',
    ],
    [
      'rate',
      'Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n  -> RemoteAddress:Port\n',
    ],
    [
      'thresholds',
      'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n  -> RemoteAddress:Port\n',
    ],
    [
      'persistent-conn',
      'Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n  -> RemoteAddress:Port\n',
    ],
  ])('has the title of %s', (columns, title) => {
    expect(formatListing([], styled(columns))).toBe(title);
    expect(formatListing([], styled(columns), { info })).toBe(`IP Virtual Server version 1.2.1 (size=4096)\n${title}`);
  });
});

describe('the line of a service', () => {
  const fwmark = { protocol: 'fwmark', mark: 8 } as const;
  it.each<[string, Service]>([
    ['TCP  10.0.0.1:80 wlc', web],
    ['TCP  [2001:db8::1]:443 rr', { protocol: 'tcp', address: '2001:db8::1', port: 443, scheduler: 'rr' }],
    ['UDP  [::ffff:10.0.0.1]:53 wlc', { protocol: 'udp', address: '::ffff:10.0.0.1', port: 53 }],
    ['SCTP 10.0.0.1:9 wlc', { protocol: 'sctp', address: '10.0.0.1', port: 9 }],
    ['TCP  10.0.0.1:0 wlc persistent 360', { ...web, port: 0, persistence: {} }],
    ['FWM  8 wlc', fwmark],
    ['FWM  8 IPv6 wlc', { ...fwmark, family: 'ipv6' }],
    // ipvsadm 1.31 prints -1.
    ['FWM  4294967295 wlc', { protocol: 'fwmark', mark: 4294967295 }],
    [
      'UDP  10.0.0.1:53 sh (sh-fallback,sh-port) ops',
      {
        ...web,
        protocol: 'udp',
        port: 53,
        scheduler: 'sh',
        schedulerFlags: ['sh-port', 'sh-fallback'],
        onePacket: true,
      },
    ],
    ['FWM  8 mh (mh-port)', { ...fwmark, scheduler: 'mh', schedulerFlags: ['mh-port', 'flag-3'] }],
    // A flag without a name.
    ['FWM  8 sh ()', { ...fwmark, scheduler: 'sh', schedulerFlags: ['flag-3'] }],
    ['FWM  8 rr (flag-1,flag-3)', { ...fwmark, scheduler: 'rr', schedulerFlags: ['flag-1', 'flag-3'] }],
    ['FWM  8 wlc persistent 30 mask 255.255.255.0', { ...fwmark, persistence: { timeout: 30, netmask: 24 } }],
    ['FWM  8 wlc persistent 30 mask 255.0.255.0', { ...fwmark, persistence: { timeout: 30, netmask: '255.0.255.0' } }],
    ['FWM  8 wlc persistent 30 mask 0.0.0.0', { ...fwmark, persistence: { timeout: 30, netmask: 0 } }],
    ['FWM  8 IPv6 wlc persistent 30 mask 64', { ...fwmark, family: 'ipv6', persistence: { timeout: 30, netmask: 64 } }],
    ['FWM  8 IPv6 wlc persistent 30', { ...fwmark, family: 'ipv6', persistence: { timeout: 30, netmask: 128 } }],
    [
      'UDP  10.0.0.1:5060 wlc persistent 360 mask 255.0.0.0 pe sip ops',
      {
        protocol: 'udp',
        address: '10.0.0.1',
        port: 5060,
        persistence: { netmask: 8 },
        persistenceEngine: 'sip',
        onePacket: true,
      },
    ],
    // Unlike `ipvsadm -S`.
    ['FWM  8 wlc', { ...fwmark, persistenceEngine: 'sip' }],
  ])('%s', (line, service) => {
    for (const columns of [undefined, 'thresholds', 'persistent-conn', 'tun-info'] as const) {
      expect(rows([listed(service)], styled(columns))).toEqual([line]);
    }
  });

  it('has a question mark for other protocols', () => {
    const service = makeService({ protocol: 'ip47', address: '10.0.0.1', port: 80 }, { scheduler: 'wlc' });
    expect(rows([{ service, destinations: [] }])).toEqual(['?    10.0.0.1:80 wlc']);
  });

  it.each<[bigint, boolean, string]>([
    [0n, false, '        0        0        0        0        0'],
    [123_456_789n, false, '  123456K  123456K  123456K  123456K  123456K'],
    [123_456_789n, true, ' 123456789 123456789 123456789 123456789 123456789'],
  ])('counts %d, exact: %s', (counter, exact, columns) => {
    const stats = statsOf(counter, Number(counter));
    const service: TableService = { ...listed(web), stats };
    for (const choice of ['stats', 'rate'] as const) {
      expect(rows([service], styled(choice, { exact }))).toEqual([`TCP  10.0.0.1:80                 ${columns}`]);
    }
  });

  it('is widened by long IPv6 addresses', () => {
    const address = '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff';
    expect(rows([listed({ protocol: 'tcp', address, port: 65535 })], styled('stats'))).toEqual([
      `TCP  [${address}]:65535        0        0        0        0        0`,
    ]);
  });
});

describe('the line of a destination', () => {
  it.each<[string, DestinationFields]>([
    ['  -> 10.0.0.9:80                  Route   1      0          0         ', dr],
    ['  -> 10.0.0.9:80                  Masq    5      0          0         ', { ...dr, forward: 'nat', weight: 5 }],
    ['  -> 10.0.0.9:80                  Local   0      0          0         ', { ...dr, forward: 'local', weight: 0 }],
    ['  -> 10.0.0.9:80                  Tunnel  1      0          0         ', { ...dr, forward: 'tun' }],
    ['  -> 10.0.0.9:80                  (null)  1      0          0         ', { ...dr, forward: 'bypass' }],
    ['  -> 10.0.0.9:80                  (null)  1      0          0         ', { ...dr, forward: 'method6' }],
    ['  -> 10.0.0.9:80                  Route   2147483647 0          0         ', { ...dr, weight: 2147483647 }],
    [
      '  -> [2001:db8::99]:80            Tunnel  1      0          0         ',
      { ...dr, address: '2001:db8::99', forward: 'tun' },
    ],
  ])('%s', (line, destination) => {
    expect(rows([listed(web, server(destination))])[1]).toBe(line);
  });

  it('tells connections', () => {
    const entry = server(dr, { activeConnections: 4294967295, inactiveConnections: 7 });
    expect(rows([listed(web, entry)])[1]).toBe(
      '  -> 10.0.0.9:80                  Route   1      4294967295 7         ',
    );
  });

  const tun = { ...dr, forward: 'tun' } as const;
  it.each<[string, DestinationFields]>([
    ['Route   n/a           1      0          0         ', dr],
    ['Tunnel  ipip          1      0          0         ', { ...tun, tunnel: { type: 'ipip' } }],
    [
      'Tunnel  gue:5555:-c   1      0          0         ',
      { ...tun, tunnel: { type: 'gue', port: 5555, checksum: 'none' } },
    ],
    [
      'Tunnel  gue:65535:r+c 1      0          0         ',
      { ...tun, tunnel: { type: 'gue', port: 65535, checksum: 'remcsum' } },
    ],
    ['Tunnel  gre:-c        1      0          0         ', { ...tun, tunnel: { type: 'gre', checksum: 'none' } }],
    ['Tunnel  gre:+c        1      0          0         ', { ...tun, tunnel: { type: 'gre', checksum: 'csum' } }],
    ['Tunnel  n/a           1      0          0         ', { ...tun, tunnel: { type: 'type3' } }],
    ['(null)  n/a           1      0          0         ', { ...dr, forward: 'bypass' }],
  ])('with its tunnel: %s', (columns, destination) => {
    expect(rows([listed(web, server(destination))], styled('tun-info'))[1]).toBe(
      `  -> 10.0.0.9:80                  ${columns}`,
    );
  });

  it('with its thresholds', () => {
    const limited = server({ ...dr, upperThreshold: 2147483647, lowerThreshold: 50 }, { activeConnections: 3 });
    expect(rows([listed(web, server({ ...dr, address: '10.0.0.8' }), limited)], styled('thresholds')).slice(1)).toEqual(
      [
        '  -> 10.0.0.8:80                  0          0          0          0         ',
        '  -> 10.0.0.9:80                  2147483647 50         3          0         ',
      ],
    );
  });

  it('with its persistent connections', () => {
    const entry = server(dr, { persistentConnections: 1234, activeConnections: 1, inactiveConnections: 2 });
    expect(rows([listed(web, entry)], styled('persistent-conn'))[1]).toBe(
      '  -> 10.0.0.9:80                  1         1234        1          2         ',
    );
  });

  it('with counters, which do not wrap at 2^32 as those of ipvsadm 1.31', () => {
    const entry = server(dr, { stats: statsOf(2n ** 32n, 2 ** 32) });
    expect(rows([listed(web, entry)], styled('stats'))[1]).toBe(
      '  -> 10.0.0.9:80                     4294M    4294M    4294M    4294M    4294M',
    );
    expect(rows([listed(web, entry)], styled('stats', { exact: true }))[1]).toBe(
      '  -> 10.0.0.9:80                  4294967296 4294967296 4294967296 4294967296 4294967296',
    );
  });

  it('with rates, of which only bytes are shortened', () => {
    const entry = server(dr, { stats: statsOf(0n, 123_456_789) });
    expect(rows([listed(web, entry)], styled('rate'))[1]).toBe(
      '  -> 10.0.0.9:80                  123456789 123456789 123456789  123456K  123456K',
    );
  });
});

describe('what /proc/net/ip_vs does not tell', () => {
  const service = makeService(web, { scheduler: 'wlc', persistence: { netmask: 24 } });
  const table: TableService[] = [
    { service, destinations: [{ destination: makeDestination(dr), activeConnections: 4, inactiveConnections: 5 }] },
  ];
  it.each<[ListColumns | undefined, string, string]>([
    [
      undefined,
      'TCP  10.0.0.1:80 wlc persistent mask 255.255.255.0',
      '  -> 10.0.0.9:80                  Route   1      4          5         ',
    ],
    [
      'stats',
      'TCP  10.0.0.1:80                         -        -        -        -        -',
      '  -> 10.0.0.9:80                         -        -        -        -        -',
    ],
    [
      'rate',
      'TCP  10.0.0.1:80                         -        -        -        -        -',
      '  -> 10.0.0.9:80                         -        -        -        -        -',
    ],
    [
      'thresholds',
      'TCP  10.0.0.1:80 wlc persistent mask 255.255.255.0',
      '  -> 10.0.0.9:80                  -          -          4          5         ',
    ],
    [
      'persistent-conn',
      'TCP  10.0.0.1:80 wlc persistent mask 255.255.255.0',
      '  -> 10.0.0.9:80                  1         -           4          5         ',
    ],
  ])('is no zero: %s', (columns, ...lines) => {
    expect(rows(table, styled(columns))).toEqual(lines);
  });
});

describe('order', () => {
  const table = [
    listed({ protocol: 'fwmark', mark: 2147483648 }),
    listed({ protocol: 'fwmark', mark: 1 }),
    listed({ protocol: 'tcp', address: '::5', port: 1 }),
    listed({ protocol: 'udp', address: '1.1.1.1', port: 1 }),
    listed(
      { protocol: 'tcp', address: '255.0.0.1', port: 1 },
      server({ ...dr, address: '200.0.0.1' }),
      server({ ...dr, address: '10.0.0.1', port: 8080 }),
      server({ ...dr, address: '10.0.0.1' }),
    ),
    listed({ protocol: 'tcp', address: '1.1.1.1', port: 1 }),
  ];
  const names = (sort: boolean) => rows(table, styled(undefined, { sort })).map((row) => row.trim().split(/ +/)[1]);

  it('is by mark, family, protocol, address and port', () => {
    expect(names(true)).toEqual([
      '1.1.1.1:1',
      '255.0.0.1:1',
      '10.0.0.1:80',
      '10.0.0.1:8080',
      '200.0.0.1:80',
      '1.1.1.1:1',
      '[::5]:1',
      '1',
      '2147483648',
    ]);
  });

  it("is the kernel's where that is wanted", () => {
    expect(names(false)).toEqual([
      '2147483648',
      '1',
      '[::5]:1',
      '1.1.1.1:1',
      '255.0.0.1:1',
      '200.0.0.1:80',
      '10.0.0.1:8080',
      '10.0.0.1:80',
      '1.1.1.1:1',
    ]);
  });

  it('does not disturb the table', () => {
    const before = structuredClone(table.map(({ service }) => service));
    rows(table);
    expect(table.map(({ service }) => service)).toEqual(before);
  });
});

describe('names', () => {
  const hosts: Record<string, string> = {
    '10.0.0.1': 'www.example.com',
    '10.0.0.2': 'a-rather-long-name.example.com',
    '10.0.0.3': `${'x'.repeat(57)}.example.com`,
    '2001:db8::1': 'six.example.com',
    '2001:db8::2': `${'y'.repeat(57)}.example.com`,
  };
  const services: Record<string, string> = { 'tcp 80': 'http', 'udp 53': 'domain' };
  const names: ReverseNames = {
    host: (address) => hosts[address],
    port: (port, protocol) => services[`${protocol} ${port}`],
  };
  const plain = styled(undefined, { numeric: false });
  const first = (service: Service, style = plain) => rows([listed(service)], style, names)[0];

  it('of hosts and services take the place of numbers, where there are some', () => {
    expect(first(web)).toBe('TCP  www.example.com:http wlc');
    expect(first({ ...web, address: '10.0.0.77' })).toBe('TCP  10.0.0.77:http wlc');
    expect(first({ ...web, port: 81 })).toBe('TCP  www.example.com:81 wlc');
    expect(first({ ...web, protocol: 'udp', port: 53 })).toBe('UDP  www.example.com:domain wlc');
    expect(first({ ...web, protocol: 'sctp' })).toBe('SCTP www.example.com:80 wlc');
    expect(first({ ...web, address: '2001:db8::1' })).toBe('TCP  [six.example.com]:http wlc');
  });

  it('are not asked for with -n', () => {
    expect(first(web, NUMERIC)).toBe('TCP  10.0.0.1:80 wlc');
  });

  it('of IPv4 services end at 33 characters, with the protocol', () => {
    expect(first({ ...web, address: '10.0.0.2' })).toBe('TCP  a-rather-long-name.example.c wlc');
    expect(first({ ...web, address: '10.0.0.2' }, styled('stats', { numeric: false }))).toBe(
      'TCP  a-rather-long-name.example.c        0        0        0        0        0',
    );
    expect(first({ ...web, address: '10.0.0.3' })).toBe(`TCP  ${'x'.repeat(28)} wlc`);
  });

  it('of IPv6 end where the buffer of 59 characters does', () => {
    expect(first({ ...web, address: '2001:db8::2' })).toBe(`TCP  [${'y'.repeat(57)}. wlc`);
  });

  it('of IPv4 destinations end at 28 characters, of IPv6 ones at 59', () => {
    const lines = rows(
      [
        listed(
          web,
          server(dr),
          server({ ...dr, address: '10.0.0.2' }),
          server({ ...dr, address: '2001:db8::2', forward: 'tun' }),
        ),
      ],
      plain,
      names,
    );
    expect(lines.slice(1)).toEqual([
      '  -> a-rather-long-name.example.c Route   1      0          0         ',
      '  -> 10.0.0.9:http                Route   1      0          0         ',
      `  -> [${'y'.repeat(57)}. Tunnel  1      0          0         `,
    ]);
  });

  it('of services are unknown where the protocol is: marks and other protocols', () => {
    const entry = server({ ...dr, address: '10.0.0.1' });
    expect(rows([listed({ protocol: 'fwmark', mark: 80 }, entry)], plain, names)).toEqual([
      'FWM  80 wlc',
      '  -> www.example.com:80           Route   1      0          0         ',
    ]);
    const service = makeService({ ...web, protocol: 'ip47' }, { scheduler: 'wlc' });
    expect(rows([{ service, destinations: [] }], plain, names)).toEqual(['?    www.example.com:80 wlc']);
  });
});

describe('random tables', () => {
  // From 10^19 on ipvsadm's T fills its column, and no blank is left between two.
  const count = fc.bigInt({ min: 0n, max: 10n ** 19n - 1n });
  const smallCount = fc.nat(4294967295);
  const table = fc.tuple(tableInput, count, smallCount).map(([inputs, counter, connections]) =>
    normalTable(inputs).services.map(
      ({ service, destinations }): TableService => ({
        service,
        stats: statsOf(counter, connections),
        destinations: destinations.map(({ destination }) => ({
          destination,
          activeConnections: connections,
          inactiveConnections: connections,
          persistentConnections: connections,
          stats: statsOf(counter, connections),
        })),
      }),
    ),
  );
  /** How many words follow a destination's name. */
  const WORDS = { stats: 5, rate: 5, thresholds: 4, 'persistent-conn': 4, 'tun-info': 5, usual: 4 };

  it('have a line for everything, whose columns can be read back', () => {
    fc.assert(
      fc.property(table, fc.constantFrom(...ALL_COLUMNS), fc.boolean(), (services, columns, exact) => {
        const text = formatListing(services, styled(columns, { exact, sort: false }));
        expect(text.endsWith('\n')).toBe(true);
        const lines = text.split('\n').slice(2, -1);
        for (const { service, destinations } of services) {
          const words = lines.shift()?.split(/ +/) ?? [];
          const name = service.protocol === 'fwmark' ? String(service.mark) : endpoint(service.address, service.port);
          expect(words[1]).toBe(name);
          for (const { destination } of destinations) {
            const line = lines.shift() ?? '';
            const [arrow, server, ...rest] = line.trim().split(/ +/);
            expect([arrow, server]).toEqual(['->', endpoint(destination.address, destination.port)]);
            expect(rest).toHaveLength(WORDS[columns ?? 'usual']);
            expect(line.indexOf(rest[0] ?? '', 5 + (server?.length ?? 0))).toBeGreaterThanOrEqual(34);
          }
        }
        expect(lines).toEqual([]);
      }),
    );
  });

  function endpoint(address: string, port: number): string {
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  }
});
