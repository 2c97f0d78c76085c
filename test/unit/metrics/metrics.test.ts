import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidArgumentError } from '../../../src/errors.js';
import { formatDestinationKey, formatServiceKey, Ipvs, type TableService } from '../../../src/index.js';
import {
  formatMetrics,
  METRIC_FAMILIES,
  type MetricsFormat,
  type MetricsInput,
  type MetricsOptions,
  metricsChunks,
  metricsFormatFor,
  metricsMediaType,
  readMetrics,
} from '../../../src/metrics/index.js';
import { makeService } from '../../../src/model/service.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';
import { parseMetrics, type ReadFamily } from './parse-metrics.js';
import { anyTable, counters, report, tableService } from './tables.js';

const FORMATS: readonly MetricsFormat[] = ['prometheus', 'openmetrics'];
const WEB = 'tcp://192.0.2.1:80';

/** The values of a metric, each under its labels: `in tcp://...`. */
function values(families: ReadonlyMap<string, ReadFamily>, name: string): Record<string, string> {
  const samples = families.get(name)?.samples ?? [];
  return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
}

async function whole(chunks: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += chunk;
  return text;
}

function read(input: MetricsInput, options: MetricsOptions = {}) {
  return parseMetrics(formatMetrics(input, options), options.format ?? 'prometheus');
}

describe('any table', () => {
  test.each(FORMATS)('each number of %s is the number of the table, and nothing more is there', (format) => {
    fc.assert(
      fc.property(anyTable, (services) => {
        const families = read({ table: { services } }, { format });
        expect(values(families, 'ipvs_service_bytes_total')).toEqual(byDirection(services));
        const servers = services.flatMap((each) =>
          each.destinations.map((entry) => ({ ...entry, ...named(each, entry) })),
        );
        const expected = {
          ipvs_services: { '': String(services.length) },
          ipvs_service_connections_total: of(services, (each) => [[key(each), each.stats?.connections]]),
          ipvs_destination_effective_weight: of(servers, (each) => [[each.name, each.destination.weight]]),
          ipvs_destination_connections: of(servers, (each) => [
            [`${each.name} active`, each.activeConnections],
            [`${each.name} inactive`, each.inactiveConnections],
            [`${each.name} persistent`, each.persistentConnections],
          ]),
          ipvs_destination_threshold: of(servers, (each) => [
            [`${each.name} upper`, each.destination.upperThreshold || undefined],
          ]),
          ipvs_destination_scheduled_connections_total: of(servers, (each) => [[each.name, each.stats?.connections]]),
          ipvs_destination_packets_total: of(servers, (each) => [
            [`${each.name} in`, each.stats?.inPackets],
            [`${each.name} out`, each.stats?.outPackets],
          ]),
        };
        for (const [name, found] of Object.entries(expected)) expect(values(families, name)).toEqual(found);
      }),
      { numRuns: 100 },
    );
  });

  test('the pieces are the page, in both formats and with both names', async () => {
    const names = ['ipvs', 'node_exporter'] as const;
    await fc.assert(
      fc.asyncProperty(
        anyTable,
        fc.constantFrom(...FORMATS),
        fc.constantFrom(...names),
        fc.nat(4),
        async (services, format, name, top) => {
          const options = { format, names: name, top };
          const page = formatMetrics({ table: { services } }, options);
          parseMetrics(page, format);
          expect(await whole(metricsChunks({ table: { services } }, options))).toBe(page);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('the sums of other and of those that are shown are the sums of the table', () => {
    fc.assert(
      fc.property(anyTable, fc.nat(5), (services, top) => {
        const counted = services.map((each, place) => ({
          ...each,
          stats: { ...counters(BigInt(place)), rates: tableService(0, 0, 0n).stats?.rates },
        })) as unknown as readonly TableService[];
        const table = { services: counted };
        const sum = (options: MetricsOptions, name: string) =>
          Object.values(values(read({ table }, options), name)).reduce((all, value) => all + BigInt(value), 0n);
        for (const name of ['ipvs_service_bytes_total', 'ipvs_service_destinations', 'ipvs_destinations']) {
          expect(sum({ top }, name)).toBe(sum({}, name));
        }
        expect(Object.keys(values(read({ table }, { top }), 'ipvs_service_connections_total')).length).toBe(
          Math.min(services.length, top + 1),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('labels come back as they were', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const families = read(
          { table: { services: [tableService(1, 1, 0n)] } },
          { serviceNames: { 'tcp://10.0.0.1:80': name } },
        );
        expect(families.get('ipvs_service_connections_total')?.samples[0]?.labels['name']).toBe(name);
      }),
    );
  });
});

type Numbers = [string, number | bigint | undefined][];

function of<T>(all: readonly T[], numbers: (each: T) => Numbers): Record<string, string> {
  const known = all.flatMap(numbers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [name, String(value)]));
}

function key({ service }: TableService): string {
  return formatServiceKey(service);
}

function named(service: TableService, { destination }: TableService['destinations'][number]) {
  return { name: `${key(service)} ${formatDestinationKey(destination)}` };
}

function byDirection(services: readonly TableService[]) {
  return of(services, (each) => [
    [`${key(each)} in`, each.stats?.inBytes],
    [`${key(each)} out`, each.stats?.outBytes],
  ]);
}

describe('the page', () => {
  const table = { services: [tableService(1, 2, 100n)] };

  test('is this in the text format', () => {
    const input = { table, info: { version: '1.2.1', connectionTableSize: 4096 }, countsTraffic: true };
    expect(formatMetrics(input, { serviceNames: { 'tcp://10.0.0.1:80': 'a "web"' } })).toMatchSnapshot();
  });

  test('is this in OpenMetrics', () => {
    expect(
      formatMetrics(
        { table: { services: [] }, totals: counters(2n ** 63n), info: { version: '1.2.1', connectionTableSize: 0 } },
        { format: 'openmetrics' },
      ),
    ).toMatchSnapshot();
  });

  test('has no counters where the kernel does not count, and says so', () => {
    const families = read({ table, totals: counters(5n), countsTraffic: false });
    expect([...families.keys()].filter((name) => name.endsWith('_total'))).toEqual([]);
    expect(values(families, 'ipvs_traffic_counted')).toEqual({ '': '0' });
    expect(values(families, 'ipvs_destination_connections')).not.toEqual({});
    expect(read({ table }).has('ipvs_traffic_counted')).toBe(false);
  });

  test('has the weights that the file says beside those in force', () => {
    const [entry] = table.services;
    const desired = {
      services: [{ service: entry?.service, destinations: [{ ...entry?.destinations[1]?.destination, weight: 9 }] }],
    };
    const families = read({ table, desired } as never);
    expect(values(families, 'ipvs_destination_weight')).toEqual({ 'tcp://10.0.0.1:80 192.0.2.2:80': '9' });
    expect(values(families, 'ipvs_destination_effective_weight')).toEqual({
      'tcp://10.0.0.1:80 192.0.2.1:80': '0',
      'tcp://10.0.0.1:80 192.0.2.2:80': '1',
    });
  });

  test('tells daemons, timeouts and overrides', () => {
    const daemons = [{ role: 'master', interface: 'eth0', syncId: 7 }] as const;
    const families = read({
      table,
      daemons,
      timeouts: { tcp: 900, tcpFin: 120, udp: 300 },
      overrides: [{ kind: 'drain' }],
    });
    expect(values(families, 'ipvs_sync_daemon_running')).toEqual({ master: '1', backup: '0' });
    expect(values(families, 'ipvs_sync_daemon_info')).toEqual({ 'master eth0 7': '1' });
    expect(values(families, 'ipvs_timeout_seconds')).toEqual({ tcp: '900', 'tcp-fin': '120', udp: '300' });
    expect(values(families, 'ipvs_overrides')).toEqual({ drain: '1', weight: '0' });
  });

  test('with top shows those with most bytes, and the sum of the others', () => {
    const services = [tableService(1, 1, 5n), tableService(2, 2, 700n), tableService(3, 1, 60n)];
    const families = read({ table: { services } }, { top: 1 });
    expect(values(families, 'ipvs_service_connections_total')).toEqual({ 'tcp://10.0.0.2:80': '700', other: '65' });
    expect(values(families, 'ipvs_service_destinations')).toMatchObject({
      'other serving': '0',
      'other quiesced': '2',
    });
    expect(values(families, 'ipvs_destination_scheduled_connections_total')['other other']).toBe('65');
    expect(Object.keys(values(families, 'ipvs_destination_effective_weight')).length).toBe(2);
    expect(values(families, 'ipvs_services')).toEqual({ '': '3' });
  });

  test('with top goes by connections where traffic is not known', () => {
    const services = [tableService(1, 1, 500n), tableService(2, 3, 1n)];
    const families = read({ table: { services }, countsTraffic: false }, { top: 1 });
    expect(Object.keys(values(families, 'ipvs_service_destinations'))).toEqual([
      'tcp://10.0.0.2:80 serving',
      'tcp://10.0.0.2:80 quiesced',
      'other serving',
      'other quiesced',
    ]);
  });
});

describe('health', () => {
  const service = tableService(1, 1, 0n);
  const health = report('tcp://10.0.0.1:80');

  test('is told as far as it was measured', () => {
    const families = read({ table: { services: [service] }, health, checker: { lag: 15, running: 2, waiting: 0 } });
    const [first, second, third] = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'].map(
      (each) => `tcp://10.0.0.1:80 ${each}`,
    );
    expect(values(families, 'ipvs_destination_up')).toEqual({ [`${first} server`]: '1', [`${second} server`]: '0' });
    expect(values(families, 'ipvs_pool_healthy_ratio')).toEqual({ 'tcp://10.0.0.1:80': '0.5' });
    expect(values(families, 'ipvs_pool_tier')).toEqual({
      'tcp://10.0.0.1:80 primary': '0',
      'tcp://10.0.0.1:80 backups': '1',
      'tcp://10.0.0.1:80 sorry': '0',
      'tcp://10.0.0.1:80 fail-open': '0',
      'tcp://10.0.0.1:80 nobody': '0',
    });
    expect(values(families, 'ipvs_pool_quorum')).toEqual({ 'tcp://10.0.0.1:80': '0' });
    expect(values(families, 'ipvs_check_up')).toEqual({
      [`${first} http 10.0.0.1:80`]: '1',
      [`${first} http-2 10.0.0.1:80`]: '1',
      [`${second} tcp 10.0.0.2:80`]: '0',
    });
    expect(values(families, 'ipvs_check_duration_seconds')[`${first} http-2 10.0.0.1:80`]).toBe('0.25');
    expect(values(families, 'ipvs_check_last_run_timestamp_seconds')[`${first} http-2 10.0.0.1:80`]).toBe(
      '1700000000.25',
    );
    expect(values(families, 'ipvs_flap_held')).toMatchObject({
      [`${second} tcp 10.0.0.2:80`]: '1',
      [`${third} tcp 10.0.0.3:80`]: '0',
    });
    expect(values(families, 'ipvs_checks')).toEqual({ up: '2', down: '1', unknown: '1' });
    expect(values(families, 'ipvs_checker_table_held')).toEqual({ '': '0' });
    expect(values(families, 'ipvs_checker_lag_seconds')).toEqual({ '': '0.015' });
    expect(values(families, 'ipvs_checker_queue')).toEqual({ '': '0' });
  });

  test('with top, only of services that are shown, but all checks are counted', () => {
    const families = read({ table: { services: [service, tableService(2, 1, 9n)] }, health }, { top: 1 });
    expect(families.has('ipvs_check_up')).toBe(false);
    expect(families.has('ipvs_pool_tier')).toBe(false);
    expect(values(families, 'ipvs_checks')).toEqual({ up: '2', down: '1', unknown: '1' });
  });
});

describe("node_exporter's names", () => {
  // collector/fixtures/e2e-output.txt of node_exporter has this line, of the same table.
  test('are written as its collector writes them', () => {
    const line =
      'node_ipvs_backend_connections_active{local_address="192.168.0.22",local_mark="",local_port="3306",proto="TCP",remote_address="192.168.82.22",remote_port="3306"} 248\n';
    const service = { protocol: 'tcp', address: '192.168.0.22', port: 3306, scheduler: 'wlc' } as const;
    const destination = { address: '192.168.82.22', port: 3306, forward: 'nat', weight: 100 } as const;
    const mark = { protocol: 'fwmark', mark: 0x10001000, family: 'ipv4', scheduler: 'wlc' } as const;
    const entry = { destination, activeConnections: 248, inactiveConnections: 2 };
    const services = [service, mark].map((each) => ({ service: each, destinations: [entry] }));
    const page = formatMetrics({ table: { services }, totals: counters(7n) } as never, { names: 'node_exporter' });
    expect(page).toContain(line);
    expect(page).toContain(
      '{local_address="",local_mark="10001000",local_port="0",proto="FWM",remote_address="192.168.82.22",remote_port="3306"} 248\n',
    );
    expect(page).toContain(
      '# HELP node_ipvs_connections_total The total number of connections made.\n# TYPE node_ipvs_connections_total counter\nnode_ipvs_connections_total 7\n',
    );
    expect(parseMetrics(page, 'prometheus').has('ipvs_service_connections_total')).toBe(false);
  });

  test('book SCTP servers on their own service', () => {
    const server = (address: string, activeConnections: number) => ({
      destination: { address, port: 80, forward: 'nat', weight: 1 },
      activeConnections,
      inactiveConnections: 0,
    });
    const services = [
      { service: { protocol: 'tcp', address: '192.0.2.1', port: 80 }, destinations: [server('10.0.0.1', 1)] },
      { service: { protocol: 'sctp', address: '192.0.2.1', port: 80 }, destinations: [server('10.0.0.1', 2)] },
    ];
    const families = read({ table: { services } } as never, { names: 'node_exporter' });
    expect(values(families, 'node_ipvs_backend_connections_active')).toEqual({
      '192.0.2.1  80 TCP 10.0.0.1 80': '1',
      '192.0.2.1  80 SCTP 10.0.0.1 80': '2',
    });
  });
});

describe('what is wrong is named by its path', () => {
  const right = tableService(1, 1, 0n);

  test.each<[string, unknown, unknown, string[]]>([
    ['no table', {}, {}, ['table']],
    ['a format', { table: { services: [] } }, { format: 'json' }, ['format']],
    ['a top', { table: { services: [] } }, { top: -1 }, ['top']],
    ['a name of nothing', { table: { services: [] } }, { serviceNames: { web: 'web' } }, ['serviceNames["web"]']],
    [
      'counters as text',
      { table: { services: [{ ...right, stats: { ...counters(1n), inBytes: '4' } }] } },
      {},
      ['table.services[0].stats.inBytes'],
    ],
    [
      'a number of connections',
      {
        table: {
          services: [
            right,
            { ...tableService(2, 0, 0n), destinations: [{ ...right.destinations[0], activeConnections: -1 }] },
          ],
        },
      },
      {},
      ['table.services[1].destinations[0].activeConnections'],
    ],
    [
      'a service twice',
      { table: { services: [right, right] } },
      {},
      ['table.services[1].service', 'table.services[1].destinations[0].destination'],
    ],
    [
      'a health report',
      { table: { services: [] }, health: { written: 1, servers: [{}], services: [] } },
      {},
      ['health.servers[0].service'],
    ],
    ['counts', { table: { services: [] }, keep: { ready: 2 } }, {}, ['keep.ready']],
    ['a daemon', { table: { services: [] }, daemons: [{ role: 'boss', interface: 'eth0' }] }, {}, ['daemons[0].role']],
    ['totals', { table: { services: [] }, totals: { connections: 1 } }, {}, ['totals.connections']],
  ])('%s', async (_, input, options, paths) => {
    const issues = (error: unknown) => (error as InvalidArgumentError).issues.map(({ path }) => path);
    try {
      formatMetrics(input as never, options as never);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(issues(error)).toEqual(expect.arrayContaining(paths));
    }
    await expect(metricsChunks(input as never, options as never).next()).rejects.toThrow(InvalidArgumentError);
  });
});

test('a mark of both families is one service where /proc told the table, which knows no families', () => {
  const service = makeService({ protocol: 'fwmark', mark: 5 }, { scheduler: 'wlc' });
  const services = ['10.0.0.1', '2001:db8::1'].map((address) => ({
    service,
    destinations: [{ destination: { address, port: 0, forward: 'tun' }, activeConnections: 1, inactiveConnections: 0 }],
  }));
  const families = read({ table: { services } } as never);
  expect(values(families, 'ipvs_destination_effective_weight')).toEqual({
    'fwmark://5 10.0.0.1:0': '1',
    'fwmark://5 [2001:db8::1]:0': '1',
  });
});

test('a table is read with all that it tells of itself', async () => {
  await using ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
  await ipvs.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80 });
  await ipvs.addDestination(WEB, { address: '10.0.0.1', weight: 3, forward: 'nat' });
  await ipvs.startDaemon({ role: 'backup', interface: 'lo', syncId: 4 });
  const families = read(await readMetrics(ipvs));
  expect(values(families, 'ipvs_destination_effective_weight')).toEqual({ [`${WEB} 10.0.0.1:80`]: '3' });
  expect(values(families, 'ipvs_connections_total')).toEqual({ '': '0' });
  expect(values(families, 'ipvs_sync_daemon_running')).toEqual({ master: '0', backup: '1' });
  expect(values(families, 'ipvs_version_info')).toEqual({ '1.2.1': '1' });
});

test('a large table never holds the loop for long', { timeout: 120_000 }, async () => {
  const services = Array.from({ length: 2000 }, (_, number) => tableService(number, 10, BigInt(number)));
  let longest = 0;
  let isOver = false;
  const watch = (async () => {
    for (let last = performance.now(); !isOver; last = performance.now()) {
      await nextTurn();
      longest = Math.max(longest, performance.now() - last);
    }
  })();
  let length = 0;
  let turns = 0;
  for await (const chunk of metricsChunks({ table: { services } })) {
    length += chunk.length;
    turns++;
  }
  isOver = true;
  await watch;
  expect(length).toBeGreaterThan(10_000_000);
  expect(turns).toBeGreaterThan(100);
  // 20 ms are the aim; other tests keep the machine busy beside this one.
  expect(longest).toBeLessThan(200);
});

describe('formats', () => {
  test('have their media types', () => {
    expect(metricsMediaType('prometheus')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(metricsMediaType('openmetrics')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  });

  test.each<[string | undefined, MetricsFormat]>([
    [undefined, 'prometheus'],
    ['*/*', 'prometheus'],
    ['text/plain', 'prometheus'],
    // Prometheus 2.42, and 2.55 of 2024.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    ['application/openmetrics-text;q=0.2,text/plain;q=0.5', 'prometheus'],
    ['application/openmetrics-text;q=0', 'prometheus'],
  ])('are chosen by Accept: %s', (accept, format) => {
    expect(metricsFormatFor(accept)).toBe(format);
  });
});

test('each metric says what it is in one line, and its unit in its name', () => {
  const all = [...METRIC_FAMILIES.ipvs, ...METRIC_FAMILIES.node_exporter];
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  for (const { name, type, unit, help } of all) {
    expect(help).toMatch(/^[^\\"\n]+\.$/);
    if (unit !== undefined) expect(name.replace(/_total$/, '').endsWith(`_${unit}`)).toBe(true);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    expect([name, name.endsWith('_info')]).toEqual([name, type === 'info']);
  }
});
