import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { parseStateText } from '../../../src/config/index.js';
import type { CheckOutcome } from '../../../src/health/check-outcome.js';
import { readHealthReport, readHealthReports } from '../../../src/health/journal.js';
import { type HealthEvent, HealthMonitor, type HealthMonitorOptions } from '../../../src/health/monitor.js';
import * as tiers from '../../../src/health/tiers.js';
import { formatServiceKey } from '../../../src/model/service-key.js';
import { effective } from '../../../src/reconcile/intent.js';
import type { Override } from '../../../src/reconcile/override.js';
import { FakeClock } from './fake-clock.js';

const UP: CheckOutcome = { result: 'passed', reason: 'connected' };
const DOWN: CheckOutcome = { result: 'failed', kind: 'hard', reason: 'connection refused' };

const FILE = `
version: 1
services:
  - service: tcp://192.0.2.1:80
    scheduler: rr
    checks: [{ type: tcp, interval: 1s, timeout: 1s, fall: 2, rise: 2 }]
    onFailure: { removeAfter: 10s }
    sorry: 10.0.0.9
    ramp: 10s
    destinations: [10.0.0.1, 10.0.0.2]
`;

const TWENTY = FILE.replace('[10.0.0.1, 10.0.0.2]', '[10.0.0.1-10.0.0.20]').replace('10.0.0.9', '10.0.1.9');

const SERVICE = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;

/** A network in which a test says who answers. */
class World {
  readonly clock = new FakeClock();
  readonly events: HealthEvent[] = [];
  readonly dead = new Set<string>();
  readonly runs: string[] = [];
  load: number | undefined;
  readonly monitor: HealthMonitor;

  constructor(options: HealthMonitorOptions = {}, clock?: FakeClock) {
    if (clock !== undefined) this.clock = clock;
    this.monitor = new HealthMonitor({
      clock: this.clock,
      onEvent: (event) => this.events.push(event),
      run: ({ address }) => {
        this.runs.push(address);
        const outcome = this.dead.has(address) ? DOWN : { ...UP, load: this.load };
        return Promise.resolve(outcome);
      },
      ...options,
    });
  }

  async follow(text: string): Promise<void> {
    const followed = this.monitor.follow(parseStateText(text));
    await this.clock.advance(1000);
    await followed;
  }

  get verdicts(): object {
    return Object.fromEntries(this.monitor.wishes().verdicts ?? []);
  }

  texts(): string[] {
    return this.events.splice(0).map((event) => {
      if (event.type === 'server') return `${event.server.replace(':80', '')} ${event.status}`;
      return event.type === 'tier' ? `tier ${event.tier}` : event.type;
    });
  }
}

const NAME = 'tcp://192.0.2.1:80 10.0.0.1:80';

describe('the monitor', () => {
  test('takes the first outcome for a verdict before it is followed', async () => {
    const world = new World();
    world.dead.add('10.0.0.1');
    await world.follow(FILE);
    expect(world.verdicts).toEqual({ [NAME]: 'quiesce' });
    expect(world.texts().sort()).toEqual(['10.0.0.1 down', '10.0.0.2 up']);
  });

  test('says when a server falls, is removed, and returns, with a ramp', async () => {
    const world = new World();
    await world.follow(FILE);
    expect(world.verdicts).toEqual({});
    expect(world.monitor.wishes().ramps?.size ?? 0).toBe(0);
    world.texts();
    world.dead.add('10.0.0.1');
    await world.clock.advance(2500);
    expect(world.texts()).toEqual(['10.0.0.1 down']);
    expect(world.verdicts).toEqual({ [NAME]: 'quiesce' });
    await world.clock.advance(11_000);
    expect(world.verdicts).toEqual({ [NAME]: 'remove' });
    world.dead.clear();
    await world.clock.advance(3000);
    expect(world.texts()).toEqual(['10.0.0.1 up']);
    expect(world.verdicts).toEqual({});
    const first = world.monitor.wishes().ramps?.get(NAME) ?? 100;
    expect(first).toBeLessThanOrEqual(30);
    await world.clock.advance(3000);
    expect(world.monitor.wishes().ramps?.get(NAME)).toBeGreaterThan(first);
    await world.clock.advance(10_000);
    expect(world.monitor.wishes().ramps?.size ?? 0).toBe(0);
  });

  test('brings in the sorry server when all are down', async () => {
    const world = new World();
    await world.follow(FILE);
    world.texts();
    for (const each of ['10.0.0.1', '10.0.0.2']) world.dead.add(each);
    await world.clock.advance(3000);
    expect(world.texts().sort()).toEqual(['10.0.0.1 down', '10.0.0.2 down', 'tier sorry'].sort());
    const standIns = [...(world.monitor.wishes().standIns?.values() ?? [])].flat();
    expect(standIns.map(({ address }) => address)).toEqual(['10.0.0.9']);
  });

  test('runs equal checks once, whatever services they are for', async () => {
    const world = new World();
    const second = FILE.replace('version: 1', '').replace('services:', '').replace('192.0.2.1:80', '192.0.2.2:80');
    await world.follow(FILE + second);
    world.runs.length = 0;
    await world.clock.advance(1000);
    expect(world.runs.sort()).toEqual(['10.0.0.1', '10.0.0.2']);
    world.dead.add('10.0.0.1');
    await world.clock.advance(3000);
    expect(Object.keys(world.verdicts).length).toBe(2);
  });

  test('goes on with what it knows when the table changes; a changed check starts anew', async () => {
    const world = new World();
    await world.follow(FILE);
    world.dead.add('10.0.0.1');
    await world.clock.advance(3000);
    world.texts();
    await world.follow(FILE.replace('[10.0.0.1, 10.0.0.2]', '[10.0.0.1, 10.0.0.2, 10.0.0.3]'));
    expect(world.texts()).toEqual(['10.0.0.3 up']);
    expect(world.verdicts).toEqual({ [NAME]: 'quiesce' });
    world.dead.clear();
    await world.follow(FILE.replace('rise: 2', 'rise: 3'));
    expect(world.verdicts).toEqual({});
  });

  test('acts together upon what comes together', async () => {
    const world = new World();
    await world.follow(FILE);
    const changes = world.monitor.changes[Symbol.asyncIterator]();
    let count = 0;
    void (async () => {
      while (!(await changes.next()).done) count += 1;
    })().catch(() => undefined);
    world.dead.add('10.0.0.1');
    await world.clock.advance(5000);
    expect(count).toBe(1);
  });

  test('a load of 0 is weight 0; another is a share, smoothed', async () => {
    const world = new World();
    world.load = 100;
    await world.follow(FILE);
    expect(world.monitor.wishes().load?.get(NAME)).toBe(100);
    world.load = 50;
    await world.clock.advance(12_000);
    expect(world.monitor.wishes().load?.get(NAME)).toBeLessThan(60);
    world.load = 0;
    await world.clock.advance(1500);
    expect(world.verdicts).toMatchObject({ [NAME]: 'quiesce' });
    world.load = 100;
    await world.clock.advance(1500);
    expect(world.verdicts).toEqual({});
  });

  test('a load ends when nobody asks for one any more', async () => {
    const world = new World();
    world.load = 0;
    await world.follow(FILE);
    expect(world.verdicts).toMatchObject({ [NAME]: 'quiesce' });
    world.load = undefined;
    await world.clock.advance(1500);
    expect(world.verdicts).toEqual({});
    expect(world.monitor.wishes().load?.size).toBe(0);
  });

  test('holds the table when most servers fall at once, and lets go after a while', async () => {
    const world = new World({ massFailure: { hold: 20_000 } });
    await world.follow(TWENTY);
    world.texts();
    for (let host = 1; host <= 20; host++) world.dead.add(`10.0.0.${host}`);
    await world.clock.advance(4000);
    expect(world.verdicts).toEqual({});
    expect(world.monitor.report().heldSince).toBeDefined();
    expect(world.texts()).toContain('mass-failure');
    await world.clock.advance(20_000);
    expect(world.texts()).toContain('mass-failure-over');
    // Though they are down for longer than removeAfter, they have weight 0 first.
    expect(Object.values(world.verdicts)).toEqual(Array.from({ length: 20 }, () => 'quiesce'));
    await world.clock.advance(10_000);
    expect(Object.values(world.verdicts)).toEqual(Array.from({ length: 20 }, () => 'remove'));
  });

  test('who had its weight all the time gets no ramp after a hold', async () => {
    const world = new World();
    await world.follow(TWENTY);
    for (let host = 1; host <= 20; host++) world.dead.add(`10.0.0.${host}`);
    // All fall in the second half of this, together.
    await world.clock.advance(4000);
    const quiesced = Object.keys(world.verdicts);
    expect(quiesced).toEqual([]);
    world.dead.clear();
    await world.clock.advance(4000);
    expect(world.verdicts).toEqual({});
    const ramps = world.monitor.wishes().ramps ?? new Map();
    expect(ramps.size).toBeLessThan(20);
  });

  test('lets go at once when they are back', async () => {
    const world = new World();
    await world.follow(TWENTY);
    for (let host = 1; host <= 20; host++) world.dead.add(`10.0.0.${host}`);
    await world.clock.advance(4000);
    world.dead.clear();
    await world.clock.advance(4000);
    expect(world.texts()).toContain('mass-failure-over');
    expect(world.monitor.report().heldSince).toBeUndefined();
    expect(world.verdicts).toEqual({});
  });

  test('tells trouble of its own, and makes no verdict of it', async () => {
    const world = new World({ run: () => Promise.resolve({ result: 'not measured', reason: 'EMFILE' }) });
    const followed = world.monitor.follow(parseStateText(FILE));
    await world.clock.advance(6000);
    await followed;
    expect(world.texts()).toEqual(['not-measured']);
    expect(world.verdicts).toEqual({});
  });
});

describe('the guard counts servers, not checks', () => {
  const two = (count: number) =>
    FILE.replace('checks: [', 'checks: [{ type: http, interval: 1s, timeout: 1s, fall: 2 }, ')
      .replace('[10.0.0.1, 10.0.0.2]', `[10.0.0.1-10.0.0.${count}]`)
      .replace('10.0.0.9', '10.0.1.9');

  test('nine servers with two checks each are not ten', async () => {
    const world = new World();
    await world.follow(two(9));
    for (let host = 1; host <= 9; host++) world.dead.add(`10.0.0.${host}`);
    await world.clock.advance(4000);
    expect(world.texts()).not.toContain('mass-failure');
    expect(Object.keys(world.verdicts).length).toBe(9);
  });

  test('a server is held while one of its checks is', async () => {
    const world = new World();
    await world.follow(two(10));
    for (let host = 1; host <= 10; host++) world.dead.add(`10.0.0.${host}`);
    await world.clock.advance(4000);
    expect(world.texts()).toContain('mass-failure');
    expect(world.verdicts).toEqual({});
  });
});

const drainOf = (address: string): Override => ({
  version: 1,
  kind: 'drain',
  service: SERVICE,
  destination: { address, port: 80 },
  before: 1,
  state: 'quiesced',
  owner: 'anna',
  since: 0,
  poll: 1000,
  until: 'active',
  remove: true,
});

describe('servers that are drained', () => {
  test('are no quorum: when the last other server falls, the sorry server serves', async () => {
    const world = new World();
    world.monitor.override([drainOf('10.0.0.2')]);
    await world.follow(FILE);
    expect(world.monitor.report().services).toMatchObject([{ tier: 'primary' }]);
    world.dead.add('10.0.0.1');
    await world.clock.advance(3000);
    expect(world.monitor.report().services).toMatchObject([{ tier: 'sorry', standIns: ['10.0.0.9:80'] }]);
    world.monitor.override([]);
    expect(world.monitor.report().services).toMatchObject([{ tier: 'primary', standIns: [] }]);
    expect(world.monitor.wishes().standIns?.size).toBe(0);
  });

  test('nor are those that ask for no connections', async () => {
    const world = new World();
    world.load = 0;
    await world.follow(FILE);
    expect(world.monitor.report().services).toMatchObject([{ tier: 'sorry' }]);
  });
});

test('a backup that fails has weight 0, and leaves later', async () => {
  const world = new World();
  const file = FILE.replace('sorry: 10.0.0.9', 'backups: [10.0.0.7, 10.0.0.8]');
  await world.follow(file);
  const standIns = () => [...(world.monitor.wishes().standIns?.values() ?? [])].flat().map(({ address }) => address);
  for (const each of ['10.0.0.1', '10.0.0.2']) world.dead.add(each);
  await world.clock.advance(3000);
  expect(standIns()).toEqual(['10.0.0.7', '10.0.0.8']);
  world.dead.add('10.0.0.7');
  await world.clock.advance(3000);
  const name = 'tcp://192.0.2.1:80 10.0.0.7:80';
  expect(standIns()).toEqual(['10.0.0.7', '10.0.0.8']);
  expect(world.verdicts).toMatchObject({ [name]: 'quiesce' });
  await world.clock.advance(10_000);
  expect(standIns()).toEqual(['10.0.0.8']);
  expect(world.verdicts).toMatchObject({ [name]: 'remove' });
});

describe('hooks', () => {
  const NOTIFIED = FILE.replace(
    '    ramp: 10s',
    '    notify: { up: [up], down: [down], quorumUp: [quorum-up], quorumDown: [quorum-down] }',
  );
  /** A world that writes down which programs it was to run. */
  function notified(options: HealthMonitorOptions = {}, clock?: FakeClock) {
    const told: string[] = [];
    const runHook: HealthMonitorOptions['runHook'] = async ({ command }, { NOTIFY_SERVER = '', NOTIFY_REASON }) => {
      told.push(`${command.join(' ')} ${NOTIFY_SERVER} ${NOTIFY_REASON}`);
      return undefined;
    };
    return { told, world: new World({ runHook, ...options }, clock) };
  }
  const ENOUGH = 'quorum-up  enough real servers are up';
  const TOO_FEW = 'quorum-down  too few real servers are up';

  test('learn the quorum at first, and a first pass is no news', async () => {
    const { told, world } = notified();
    await world.follow(NOTIFIED);
    expect(told).toEqual([ENOUGH]);
    await world.follow(NOTIFIED);
    expect(told).toEqual([ENOUGH]);
  });

  test('are not told of a quorum before all is measured', async () => {
    const { told, world } = notified();
    for (const each of ['10.0.0.1', '10.0.0.2']) world.dead.add(each);
    await world.follow(NOTIFIED);
    expect(told).toEqual(
      ['down 10.0.0.1:80 connection refused', 'down 10.0.0.2:80 connection refused', TOO_FEW].sort(
        (left, right) => told.indexOf(left) - told.indexOf(right),
      ),
    );
    expect(told).toHaveLength(3);
  });

  test('learn of each fall and return', async () => {
    const { told, world } = notified();
    await world.follow(NOTIFIED);
    world.dead.add('10.0.0.1');
    await world.clock.advance(3000);
    world.dead.add('10.0.0.2');
    await world.clock.advance(3000);
    world.dead.delete('10.0.0.1');
    await world.clock.advance(4000);
    expect(told).toEqual([
      ENOUGH,
      'down 10.0.0.1:80 connection refused',
      'down 10.0.0.2:80 connection refused',
      TOO_FEW,
      'up 10.0.0.1:80 connected',
      ENOUGH,
    ]);
  });

  test('of a server stand above those of its service', async () => {
    const { told, world } = notified();
    await world.follow(NOTIFIED.replace('10.0.0.1,', '{ address: 10.0.0.1, notify: { down: [own] } },'));
    world.dead.add('10.0.0.1');
    await world.clock.advance(3000);
    world.dead.clear();
    await world.clock.advance(4000);
    expect(told.slice(1)).toEqual(['own 10.0.0.1:80 connection refused', 'up 10.0.0.1:80 connected']);
  });

  test('that fail are events, and no verdict', async () => {
    const { world } = notified({ runHook: async () => 'exit code 1' });
    await world.follow(NOTIFIED);
    expect(world.verdicts).toEqual({});
    expect(world.events).toContainEqual({
      type: 'hook-failed',
      service: 'tcp://192.0.2.1:80',
      event: 'quorum-up',
      hook: 'quorum-up',
      reason: 'exit code 1',
    });
  });
});

test('a sorry server that stands in the table with weight 0 is not checked, and serves there', async () => {
  const world = new World();
  const file = FILE.replace('[10.0.0.1, 10.0.0.2]', '[10.0.0.1, 10.0.0.2, { address: 10.0.0.9, weight: 0 }]');
  await world.follow(file);
  expect(world.runs).not.toContain('10.0.0.9');
  const weights = () => {
    const { services = [] } = effective(parseStateText(file), world.monitor.wishes());
    return services[0]?.destinations.map(({ address, weight }) => `${address} ${weight}`);
  };
  expect(weights()).toEqual(['10.0.0.1 1', '10.0.0.2 1', '10.0.0.9 0']);
  for (const each of ['10.0.0.1', '10.0.0.2']) world.dead.add(each);
  await world.clock.advance(3000);
  expect(weights()).toEqual(['10.0.0.1 0', '10.0.0.2 0', '10.0.0.9 1']);
  world.dead.clear();
  await world.clock.advance(30_000);
  expect(weights()).toEqual(['10.0.0.1 1', '10.0.0.2 1', '10.0.0.9 0']);
});

test('a server may have an onFailure of its own', async () => {
  const world = new World();
  const own =
    '[{ address: 10.0.0.1, onFailure: { removeAfter: never } }, { address: 10.0.0.2, onFailure: { quiesce: false } }]';
  await world.follow(FILE.replace('[10.0.0.1, 10.0.0.2]', own).replace('    sorry: 10.0.0.9\n', ''));
  for (const each of ['10.0.0.1', '10.0.0.2']) world.dead.add(each);
  await world.clock.advance(3000);
  expect(world.verdicts).toEqual({ [NAME]: 'quiesce' });
  await world.clock.advance(11_000);
  expect(world.verdicts).toEqual({ [NAME]: 'quiesce', 'tcp://192.0.2.1:80 10.0.0.2:80': 'remove' });
});

test('what cannot be measured is told with its servers, and stands in the report until it is', async () => {
  const world = new World({ run: () => Promise.resolve({ result: 'not measured', reason: 'no such address' }) });
  const followed = world.monitor.follow(parseStateText(FILE));
  await world.clock.advance(6000);
  await followed;
  expect(world.events[0]).toMatchObject({
    servers: [expect.stringMatching(/^10\.0\.0\.[12]:80 of tcp:..192\.0\.2\.1:80$/)],
  });
  expect(world.monitor.report().servers.map(({ checks }) => checks[0]?.notMeasured)).toEqual([
    'no such address',
    'no such address',
  ]);
});

test('decides only on the services of which something changed', async () => {
  const world = new World();
  const services = Array.from({ length: 50 }, (_, index) =>
    FILE.replace('version: 1', '')
      .replace('services:', '')
      .replace('192.0.2.1', `192.0.2.${index + 1}`)
      .replace('[10.0.0.1, 10.0.0.2]', `[10.1.${index}.1, 10.1.${index}.2]`),
  );
  await world.follow(`version: 1\nservices:${services.join('')}`);
  const asked = vi.spyOn(tiers, 'decide');
  world.dead.add('10.1.7.1');
  await world.clock.advance(20_000);
  expect(new Set(asked.mock.calls.map(([{ health }]) => formatServiceKey(health.service)))).toEqual(
    new Set(['tcp://192.0.2.8:80']),
  );
  expect(world.verdicts).toEqual({ 'tcp://192.0.2.8:80 10.1.7.1:80': 'remove' });
});

describe('what is known outlives the program', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ipvs-health-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('a restart flaps nothing', async () => {
    const clock = new FakeClock();
    const first = new World({ directory }, clock);
    first.dead.add('10.0.0.1');
    await first.follow(FILE);
    await clock.advance(1000);
    first.monitor[Symbol.dispose]();
    expect(clock.timers).toBe(0);
    const second = new World({ directory }, clock);
    second.dead.add('10.0.0.1');
    await second.follow(FILE);
    expect(second.texts()).toEqual([]);
    expect(second.verdicts).toEqual({ [NAME]: 'quiesce' });
  });

  test('unless it is older than ten intervals, or another start is wanted', async () => {
    const clock = new FakeClock();
    const first = new World({ directory }, clock);
    first.dead.add('10.0.0.1');
    await first.follow(FILE);
    first.monitor[Symbol.dispose]();
    const up = new World({ directory, start: 'up' }, clock);
    up.dead.add('10.0.0.1');
    const followed = up.monitor.follow(parseStateText(FILE));
    await followed;
    expect(up.verdicts).toEqual({});
    up.monitor[Symbol.dispose]();
    await clock.advance(21_000);
    const late = new World({ directory }, clock);
    await late.follow(FILE);
    expect(late.texts().sort()).toEqual(['10.0.0.1 up', '10.0.0.2 up']);
  });

  /** What the next program makes of it, `pause` milliseconds later. */
  async function restarted(first: World, file: string, pause = 500): Promise<World> {
    first.monitor[Symbol.dispose]();
    await first.clock.advance(pause);
    const second = new World({ directory }, first.clock);
    for (const each of first.dead) second.dead.add(each);
    second.load = first.load;
    await second.follow(file);
    return second;
  }

  test('a ramp goes on', async () => {
    const first = new World({ directory });
    await first.follow(FILE);
    first.dead.add('10.0.0.1');
    await first.clock.advance(3000);
    first.dead.clear();
    await first.clock.advance(5000);
    expect(first.monitor.wishes().ramps?.get(NAME)).toBeLessThan(100);
    const second = await restarted(first, FILE);
    expect(second.monitor.wishes().ramps?.get(NAME)).toBeLessThan(100);
    await second.clock.advance(10_000);
    expect(second.monitor.wishes().ramps?.size).toBe(0);
  });

  test('a load goes on, smoothed', async () => {
    const first = new World({ directory });
    first.load = 30;
    await first.follow(FILE);
    first.load = 100;
    const second = await restarted(first, FILE, 100);
    expect(second.monitor.wishes().load?.get(NAME)).toBe(30);
  });

  test('a quorum that was lost is had again only with its hysteresis', async () => {
    const file = FILE.replace('[10.0.0.1, 10.0.0.2]', '[10.0.0.1, 10.0.0.2, 10.0.0.3]').replace(
      'sorry',
      'quorum: { up: 2, hysteresis: 1 }\n    sorry',
    );
    const first = new World({ directory });
    await first.follow(file);
    for (const each of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) first.dead.add(each);
    await first.clock.advance(3000);
    first.dead.delete('10.0.0.1');
    first.dead.delete('10.0.0.2');
    await first.clock.advance(3000);
    expect(first.monitor.report().services).toMatchObject([{ tier: 'sorry', hasQuorum: false }]);
    const second = await restarted(first, file);
    expect(second.monitor.report().services).toMatchObject([{ tier: 'sorry', hasQuorum: false }]);
    expect(second.texts()).toEqual([]);
  });

  test('a backup that fails while it stands in does not leave for a restart', async () => {
    const file = FILE.replace('sorry: 10.0.0.9', 'backups: [10.0.0.7]');
    const first = new World({ directory });
    await first.follow(file);
    for (const each of ['10.0.0.1', '10.0.0.2']) first.dead.add(each);
    await first.clock.advance(3000);
    first.dead.add('10.0.0.7');
    await first.clock.advance(3000);
    const second = await restarted(first, file);
    expect(second.monitor.report().services).toMatchObject([{ standIns: ['10.0.0.7:80'] }]);
  });

  test('two scopes have a file each, and all are read together', async () => {
    const web = new World({ directory, scope: { addresses: ['192.0.2.1'] } });
    await web.follow(FILE);
    const other = new World({ directory, scope: { addresses: ['192.0.2.2'] } }, web.clock);
    await other.follow(FILE.replace('192.0.2.1', '192.0.2.2'));
    expect(readHealthReport(directory)).toBeUndefined();
    expect(readHealthReport(directory, { addresses: ['192.0.2.1/32'] })?.services).toMatchObject([
      { service: 'tcp://192.0.2.1:80' },
    ]);
    expect(
      readHealthReports(directory)
        .flatMap(({ services }) => services.map(({ service }) => service))
        .sort(),
    ).toEqual(['tcp://192.0.2.1:80', 'tcp://192.0.2.2:80']);
  });

  test('a hold goes on in the next program', async () => {
    const clock = new FakeClock();
    const file = TWENTY;
    const first = new World({ directory }, clock);
    await first.follow(file);
    for (let host = 1; host <= 20; host++) first.dead.add(`10.0.0.${host}`);
    await clock.advance(4000);
    expect(first.verdicts).toEqual({});
    first.monitor[Symbol.dispose]();
    const second = new World({ directory }, clock);
    for (const each of first.dead) second.dead.add(each);
    await second.follow(file);
    expect(second.verdicts).toEqual({});
    await clock.advance(61_000);
    expect(Object.keys(second.verdicts).length).toBe(20);
  });

  test.each(['', '{"version":1}', '{"version":1,"states":null}', '{"version":2}', '[]'])(
    'a file that is none of ours counts as none: %s',
    async (text) => {
      writeFileSync(join(directory, 'health.json'), text);
      expect(readHealthReport(directory)).toBeUndefined();
      const world = new World({ directory });
      await world.follow(FILE);
      expect(readHealthReport(directory)?.servers.length).toBe(2);
    },
  );

  test('others read it', async () => {
    const world = new World({ directory });
    world.dead.add('10.0.0.1');
    await world.follow(FILE);
    const report = readHealthReport(directory);
    expect(report?.services).toEqual([
      { service: 'tcp://192.0.2.1:80', tier: 'primary', hasQuorum: true, standIns: [] },
    ]);
    expect(report?.servers.map(({ server, status, action }) => [server, status, action])).toEqual([
      ['10.0.0.1:80', 'down', 'quiesce'],
      ['10.0.0.2:80', 'up', 'none'],
    ]);
    expect(report?.servers[0]?.checks[0]).toMatchObject({
      check: 'tcp',
      target: '10.0.0.1:80',
      reason: 'connection refused',
    });
  });
});
