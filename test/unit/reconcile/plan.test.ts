import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidArgumentError, UnavailableError } from '../../../src/errors.js';
import type { NormalDesiredService } from '../../../src/model/desired.js';
import { formatDestinationKey, parseDestination } from '../../../src/model/destination.js';
import { parseService, type Service } from '../../../src/model/service.js';
import { formatServiceKey, type ServiceKey } from '../../../src/model/service-key.js';
import type { NormalSyncDaemon } from '../../../src/model/sync-daemon.js';
import type { NormalTableService } from '../../../src/model/table.js';
import { plan, STAGES, type Step } from '../../../src/reconcile/plan.js';
import { type Scope, scopeMatcher } from '../../../src/reconcile/scope.js';
import type { NormalState } from '../../../src/reconcile/state.js';
import { ModelTable } from './executor.js';
import { tablePair } from './tables.js';

const RUNS = 100;

/** Services by name, with their servers by name: order does not count. */
function outline(services: readonly NormalTableService[]) {
  return Object.fromEntries(
    services.map(({ service, destinations }) => [
      formatServiceKey(service),
      { service, servers: Object.fromEntries(destinations.map(({ destination: d }) => [formatDestinationKey(d), d])) },
    ]),
  );
}

const asState = (services: readonly NormalDesiredService[]): NormalTableService[] =>
  services.map(({ service, destinations }) => ({
    service,
    destinations: destinations.map((destination) => ({ destination })),
  }));

const asDesired = (services: readonly NormalTableService[]): NormalDesiredService[] =>
  services.map(({ service, destinations }) => ({
    service,
    destinations: destinations.map(({ destination }) => destination),
  }));

function execute(state: NormalState, steps: readonly Step[]): ModelTable {
  const table = new ModelTable(state);
  for (const { change } of steps) table.execute(change);
  return table;
}

describe('the plan of two random tables', () => {
  test('turns the first into the second, and then there is nothing left to do', () => {
    const property = fc.property(tablePair, ({ from, to }) => {
      const { steps } = plan({ services: from }, { services: to }, { prune: true });
      const after = execute({ services: from }, steps).state;
      expect(outline(after.services)).toEqual(outline(asState(to)));
      expect(plan(after, { services: to }, { prune: true })).toEqual({ steps: [], unmanaged: [] });
    });
    fc.assert(property, { numRuns: RUNS });
  });

  test('is plain JSON, and without prune touches nothing but what is wanted', () => {
    const property = fc.property(tablePair, ({ from, to }) => {
      const made = plan({ services: from }, { services: to });
      expect(JSON.parse(JSON.stringify(made))).toEqual(made);
      const names = new Set(to.map(({ service }) => formatServiceKey(service)));
      const others = from.filter(({ service }) => !names.has(formatServiceKey(service)));
      expect(made.unmanaged).toEqual(others.map(({ service }) => formatServiceKey(service)));
      const after = execute({ services: from }, made.steps).state;
      expect(outline(after.services)).toEqual({ ...outline(others), ...outline(asState(to)) });
    });
    fc.assert(property, { numRuns: RUNS });
  });

  test('taken back from any step, gives the first again', () => {
    const property = fc.property(tablePair, fc.nat(), ({ from, to }, number) => {
      const { steps } = plan({ services: from }, { services: to }, { prune: true });
      const done = steps.slice(0, steps.length === 0 ? 0 : number % (steps.length + 1));
      const table = execute({ services: from }, done);
      for (const { undo } of done.toReversed()) for (const change of undo) table.execute(change);
      expect(outline(table.state.services)).toEqual(outline(from));
    });
    fc.assert(property, { numRuns: RUNS });
  });

  test('stopped after any step, and made anew, arrives', () => {
    const property = fc.property(tablePair, fc.nat(), ({ from, to }, number) => {
      const { steps } = plan({ services: from }, { services: to }, { prune: true });
      const half = execute({ services: from }, steps.slice(0, number % (steps.length + 1))).state;
      const rest = plan(half, { services: to }, { prune: true }).steps;
      expect(outline(execute(half, rest).state.services)).toEqual(outline(asState(to)));
    });
    fc.assert(property, { numRuns: RUNS });
  });

  test('never leaves a service with fewer live servers than live on both sides, nor deletes what stays', () => {
    const live = (services: readonly NormalTableService[]) =>
      new Map(
        services.map(({ service, destinations }) => [
          formatServiceKey(service) as string,
          destinations
            .filter(({ destination }) => destination.weight > 0)
            .map(({ destination }) => formatDestinationKey(destination)),
        ]),
      );
    const property = fc.property(tablePair, ({ from, to }) => {
      const before = live(from);
      const wanted = live(asState(to));
      const table = new ModelTable({ services: from });
      for (const { change } of plan({ services: from }, { services: to }, { prune: true }).steps) {
        table.execute(change);
        const now = live(table.state.services);
        for (const [name, servers] of before) {
          const staying = servers.filter((server) => wanted.get(name)?.includes(server));
          expect(now.get(name) ?? []).toEqual(expect.arrayContaining(staying));
          if (servers.length > 0 && (wanted.get(name)?.length ?? 0) > 0) expect(now.get(name)).not.toEqual([]);
        }
      }
    });
    fc.assert(property, { numRuns: RUNS });
  });

  test('never touches what is out of scope, nor counts it', () => {
    const scopes = fc.constantFrom(
      { addresses: ['10.0.0.0/9'] },
      { addresses: ['2001:db8::/34'], marks: ['1-1000000000'] },
      { marks: [`1-${2 ** 30}`] },
      {},
    );
    const property = fc.property(tablePair, scopes, ({ from, to }, scope) => {
      const inside = scopeMatcher(scope);
      const wanted = to.filter(({ service }) => inside(service));
      const { steps, unmanaged } = plan({ services: from }, { services: wanted }, { scope, prune: true });
      expect(unmanaged).toEqual([]);
      const after = execute({ services: from }, steps).state.services;
      const outside = (services: readonly NormalTableService[]) =>
        outline(services.filter(({ service }) => !inside(service)));
      expect(outside(after)).toEqual(outside(from));
      expect(outline(after.filter(({ service }) => inside(service)))).toEqual(outline(asState(wanted)));
    });
    fc.assert(property, { numRuns: RUNS });
  });

  test('of equal tables is empty', () => {
    const property = fc.property(tablePair, ({ from }) => {
      const wanted = asDesired(from).map((entry) => ({ ...entry, destinations: entry.destinations.toReversed() }));
      expect(plan({ services: from }, { services: wanted.toReversed() }, { prune: true }).steps).toEqual([]);
    });
    fc.assert(property, { numRuns: RUNS });
  });
});

function entry(service: Service, ...destinations: Parameters<typeof parseDestination>[1][]): NormalDesiredService {
  const parsed = parseService(service);
  return { service: parsed, destinations: destinations.map((destination) => parseDestination(parsed, destination)) };
}

const WEB = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;

describe('the steps', () => {
  test('say what, why, and how to take it back, what adds before what removes', () => {
    const from = entry(WEB, { address: '10.0.0.1' }, { address: '10.0.0.2', weight: 3 }, { address: '10.0.0.3' });
    const to = entry(
      { ...WEB, scheduler: 'rr' },
      { address: '10.0.0.2' },
      { address: '10.0.0.3', weight: 9, forward: 'tun' },
      { address: '10.0.0.4' },
    );
    const { steps } = plan({ services: asState([from]) }, { services: [to] });
    expect(steps.map(({ stage, what, why }) => `${stage}: ${what}: ${why}`)).toEqual([
      'add: add destination 10.0.0.4:80 of tcp://192.0.2.1:80: wanted, and not there',
      'change: update destination 10.0.0.3:80 of tcp://192.0.2.1:80: weight 1 -> 9, forward dr -> tun, tunnel none -> ipip',
      'settings: update service tcp://192.0.2.1:80: scheduler wlc -> rr',
      'lower: update destination 10.0.0.2:80 of tcp://192.0.2.1:80: weight 3 -> 1',
      'remove: delete destination 10.0.0.1:80 of tcp://192.0.2.1:80: there, and not wanted',
    ]);
    expect(steps.at(-1)).toEqual({
      stage: 'remove',
      change: { verb: 'delete-destination', key: WEB, destination: { address: '10.0.0.1', port: 80 } },
      what: 'delete destination 10.0.0.1:80 of tcp://192.0.2.1:80',
      why: 'there, and not wanted',
      undo: [
        { verb: 'add-destination', key: WEB, destination: { address: '10.0.0.1', port: 80, weight: 1, forward: 'dr' } },
      ],
    });
  });

  test.each<[string, Service, Service]>([
    ['scheduler rr -> sh', { ...WEB, scheduler: 'rr' }, { ...WEB, scheduler: 'sh' }],
    [
      'scheduler flags none -> sh-port',
      { ...WEB, scheduler: 'sh' },
      { ...WEB, scheduler: 'sh', schedulerFlags: ['sh-port'] },
    ],
    ['one-packet none -> on', { ...WEB, protocol: 'udp' }, { ...WEB, protocol: 'udp', onePacket: true }],
    ['persistence none -> 360 s, netmask none -> 32', WEB, { ...WEB, persistence: {} }],
    ['netmask 32 -> 24', { ...WEB, persistence: {} }, { ...WEB, persistence: { netmask: 24 } }],
    ['engine sip -> none', { ...WEB, persistenceEngine: 'sip' }, WEB],
  ])('change a service in place: %s', (why, from, to) => {
    const { steps } = plan({ services: asState([entry(from)]) }, { services: [entry(to)] });
    expect(steps.map((step) => [step.change.verb, step.why])).toEqual([['update-service', why]]);
  });

  test('of services and timeouts are those of what is said: an absent section says nothing', () => {
    const services = asState([entry(WEB)]);
    expect(plan({ services }, {}, { prune: true })).toEqual({ steps: [], unmanaged: [] });
    expect(plan({ services }, { services: [] }).unmanaged).toEqual(['tcp://192.0.2.1:80']);
    expect(plan({ services }, { services: [] }, { prune: true }).steps.map(({ what }) => what)).toEqual([
      'delete service tcp://192.0.2.1:80',
    ]);
    const timeouts = { tcp: 900, tcpFin: 120, udp: 300 };
    const [step, ...others] = plan({ services: [], timeouts }, { timeouts: { tcp: 60, udp: 300 } }).steps;
    expect(others).toEqual([]);
    expect(step).toMatchObject({
      change: { verb: 'set-timeouts', timeouts: { tcp: 60 } },
      why: 'tcp 900 -> 60',
      undo: [{ verb: 'set-timeouts', timeouts: { tcp: 900 } }],
    });
  });

  test('bring a deleted service back with its servers, the oldest first, as the kernel tells the newest first', () => {
    const web = entry(WEB, { address: '10.0.0.2' }, { address: '10.0.0.1' });
    const { steps } = plan({ services: asState([web]) }, { services: [] }, { prune: true });
    expect(steps.map(({ undo }) => undo)).toEqual([
      [
        { verb: 'add-service', service: web.service },
        { verb: 'add-destination', key: WEB, destination: web.destinations[1] },
        { verb: 'add-destination', key: WEB, destination: web.destinations[0] },
      ],
    ]);
  });

  const running: NormalSyncDaemon = {
    role: 'master',
    interface: 'eth0',
    syncId: 1,
    maxLength: 1472,
    group: '224.0.0.81',
    port: 8848,
    ttl: 1,
  };

  test.each<[string, Partial<NormalSyncDaemon>, string | undefined]>([
    ['the defaults of the kernel', {}, undefined],
    ['another interface', { interface: 'eth1' }, 'interface eth0 -> eth1'],
    ['another id', { syncId: 2 }, 'syncId 1 -> 2'],
    ['a length', { maxLength: 1000 }, 'maxLength 1472 -> 1000'],
    [
      'an IPv6 group, whose header is longer',
      { group: 'ff02::81' },
      'group 224.0.0.81 -> ff02::81, maxLength 1472 -> 1452',
    ],
  ])('start a sync daemon again only for what differs: %s', (_, change, why) => {
    const wanted: NormalSyncDaemon = { role: 'master', interface: 'eth0', syncId: 1, ...change };
    const { steps } = plan({ services: [], daemons: [running] }, { daemons: [wanted] });
    expect(steps.map((step) => step.why)).toEqual(why === undefined ? [] : [why, why]);
    expect(steps.map((step) => step.change.verb)).toEqual(why === undefined ? [] : ['stop-daemon', 'start-daemon']);
    expect(steps.every(({ stage }) => stage === 'start')).toBe(true);
  });

  test('stop sync daemons before, and start them after all else', () => {
    const backup: NormalSyncDaemon = { ...running, role: 'backup' };
    const desired = { daemons: [backup], services: [entry(WEB)] };
    const { steps } = plan({ services: [], daemons: [running] }, desired);
    expect(steps.map(({ what }) => what)).toEqual([
      'stop daemon master',
      'add service tcp://192.0.2.1:80',
      'start daemon backup on eth0',
    ]);
    const stages = steps.map(({ stage }) => STAGES.indexOf(stage));
    expect(stages).toEqual(stages.toSorted((a, b) => a - b));
  });
});

describe('a plan refuses', () => {
  const issuesOf = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      if (error instanceof InvalidArgumentError) return error.issues.map(({ path, message }) => `${path}: ${message}`);
    }
    throw new Error('this should have been refused');
  };

  test('a wanted service outside the scope, by name', () => {
    const run = () => plan({ services: [] }, { services: [entry(WEB)] }, { scope: { addresses: ['10.0.0.0/8'] } });
    expect(issuesOf(run)).toEqual(['services[0]: tcp://192.0.2.1:80 is outside the scope']);
  });

  test('what is wanted twice', () => {
    const twice = entry(WEB, { address: '10.0.0.1' }, { address: '10.0.0.1', weight: 2 });
    expect(issuesOf(() => plan({ services: [] }, { services: [twice, entry(WEB)] }))).toEqual([
      'services[1]: tcp://192.0.2.1:80 is wanted twice (0)',
      'services[0].destinations[1]: 10.0.0.1:80 is wanted twice (0)',
    ]);
  });

  test('a state that lacks what is compared', () => {
    expect(issuesOf(() => plan({ services: [] }, { timeouts: { tcp: 1 } }))).toEqual([
      'timeouts: is needed, since the desired table has them',
    ]);
    expect(() => plan({ source: 'proc', services: [] }, {})).toThrow(UnavailableError);
  });

  test.each([
    [{ addresses: ['10.0.0.0/33'] }, 'addresses[0]'],
    [{ addresses: ['web'] }, 'addresses[0]'],
    [{ marks: ['9-5'] }, 'marks[0]'],
    [{ marks: [0] }, 'marks[0]'],
    [{ names: ['web'] }, 'names'],
  ])('the scope %j', (scope, path) => {
    expect(issuesOf(() => plan({ services: [] }, {}, { scope: scope as Scope }))[0]).toContain(`${path}: `);
  });
});

test.each<[ServiceKey, boolean]>([
  [WEB, true],
  [{ ...WEB, address: '192.0.2.128' }, false],
  [{ ...WEB, address: '198.51.100.7', port: 1 }, true],
  [{ ...WEB, address: '2001:db8:0:ffff::1' }, true],
  [{ ...WEB, address: '2001:db9::1' }, false],
  [{ protocol: 'fwmark', mark: 100 }, true],
  [{ protocol: 'fwmark', mark: 199, family: 'ipv6' }, true],
  [{ protocol: 'fwmark', mark: 200 }, false],
  [{ protocol: 'fwmark', mark: 7 }, true],
  [{ protocol: 'udp', address: '203.0.113.1', port: 53 }, true],
  [{ protocol: 'tcp', address: '203.0.113.1', port: 53 }, false],
])('whether %j is in scope', (key, expected) => {
  const inside = scopeMatcher({
    addresses: ['192.0.2.0/25', '198.51.100.7', '2001:db8::/45'],
    marks: ['100-199', 7],
    services: ['udp://203.0.113.1:53'],
  });
  expect(inside(key)).toBe(expected);
});
