import { EventEmitter, on } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import type { CallOptions } from '../../../src/model/call-options.js';
import type { DesiredTable } from '../../../src/model/desired.js';
import type { Table } from '../../../src/model/table.js';
import type { TableAccess } from '../../../src/model/table-access.js';
import { type KeepEvent, type KeepOptions, keep } from '../../../src/reconcile/keep.js';
import { DNS, rejection, tableOf, useSimulator, WEB, wanted } from './fixture.js';

const context = useSimulator();

const ONE: DesiredTable = { services: [wanted(WEB, { address: '10.0.0.1' })] };
const TWO: DesiredTable = { services: [wanted(WEB, { address: '10.0.0.2' })] };
const BAD_SERVER: DesiredTable = { services: [wanted(WEB, { address: '10.0.0.1' }, { address: '224.0.0.1' })] };

/** The simulator's servers have no connections: here all have these. */
function busy(connections = { active: 1 }): TableAccess {
  return new Proxy<TableAccess>(context.ipvs, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== 'snapshot') return typeof value === 'function' ? value.bind(target) : value;
      return async (options?: CallOptions): Promise<Table> => {
        const table = await target.snapshot(options);
        const services = table.services.map((service) => ({
          ...service,
          destinations: service.destinations.map((entry) => ({ ...entry, activeConnections: connections.active })),
        }));
        return { ...table, services };
      };
    },
  });
}

/** Keeps what `source` says, and lets go of it with the test. */
function start({ table = context.ipvs, ...options }: KeepOptions & { readonly table?: TableAccess } = {}) {
  const emitter = new EventEmitter();
  const ending = new AbortController();
  const events: KeepEvent[] = [];
  const source: { now: DesiredTable | Error } = { now: ONE };
  const read = () => {
    if (source.now instanceof Error) throw source.now;
    return source.now;
  };
  const kept = keep(
    table,
    { read, changes: on(emitter, 'changed') },
    { prune: true, ...options, signal: ending.signal, onEvent: (event) => void events.push(event) },
  );
  return {
    events,
    kept,
    ending,
    change(now: DesiredTable | Error) {
      source.now = now;
      emitter.emit('changed');
    },
    async end() {
      ending.abort();
      await kept;
    },
    seen: (...types: KeepEvent['type'][]) => vi.waitFor(() => expect(events.map(({ type }) => type)).toEqual(types)),
  };
}

const WEB_ONE = { 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 1'] };
const WEB_TWO = { 'tcp://192.0.2.1:80 wlc': ['10.0.0.2:80 1'] };

describe('keep', () => {
  test('does what the source wants, when it changes, and leaves the table in the end', async () => {
    const keeper = start();
    await keeper.seen('applied', 'ready');
    expect(await tableOf(context.ipvs)).toEqual(WEB_ONE);
    keeper.change(TWO);
    await keeper.seen('applied', 'ready', 'reloading', 'applied');
    expect(await tableOf(context.ipvs)).toEqual(WEB_TWO);
    await keeper.end();
    await keeper.seen('applied', 'ready', 'reloading', 'applied', 'stopping');
    expect(await tableOf(context.ipvs)).toEqual(WEB_TWO);
  });

  test('repairs drift', async () => {
    const keeper = start({ interval: 100 });
    await keeper.seen('applied', 'ready');
    await context.ipvs.updateDestination(WEB, { address: '10.0.0.1', weight: 9, forward: 'dr' });
    await context.ipvs.addService(DNS);
    await keeper.seen('applied', 'ready', 'drift');
    expect(keeper.events[2]).toMatchObject({
      plan: { steps: [{ why: 'weight 9 -> 1' }, { what: 'delete service udp://192.0.2.1:53' }] },
    });
    expect(await tableOf(context.ipvs)).toEqual(WEB_ONE);
    await keeper.end();
  });

  test('reports a bad source, changes nothing, and takes the next good one', async () => {
    const keeper = start();
    await keeper.seen('applied', 'ready');
    const error = new Error('line 3: what?');
    keeper.change(error);
    await keeper.seen('applied', 'ready', 'reloading', 'bad-source');
    expect(keeper.events[3]).toEqual({ type: 'bad-source', error });
    keeper.change({ services: [...(ONE.services ?? []), ...(ONE.services ?? [])] });
    await keeper.seen('applied', 'ready', 'reloading', 'bad-source', 'reloading', 'bad-source');
    expect(keeper.events[5]).toMatchObject({ error: { code: 'ERR_INVALID_ARGUMENT' } });
    expect(await tableOf(context.ipvs)).toEqual(WEB_ONE);
    keeper.change(TWO);
    await vi.waitFor(async () => expect(await tableOf(context.ipvs)).toEqual(WEB_TWO));
    await keeper.end();
  });

  test('goes on keeping the last good table beside a bad source', async () => {
    const keeper = start({ interval: 100 });
    await keeper.seen('applied', 'ready');
    keeper.change(new Error('line 3: what?'));
    await keeper.seen('applied', 'ready', 'reloading', 'bad-source');
    await context.ipvs.flush();
    await keeper.seen('applied', 'ready', 'reloading', 'bad-source', 'drift');
    expect(await tableOf(context.ipvs)).toEqual(WEB_ONE);
    await keeper.end();
  });

  test('does as much as the kernel takes, and tells a refusal once', async () => {
    const keeper = start({ interval: 100 });
    await keeper.seen('applied', 'ready');
    keeper.change(BAD_SERVER);
    await keeper.seen('applied', 'ready', 'reloading', 'refused');
    await context.ipvs.flush();
    // Told again, since something was done besides.
    await keeper.seen('applied', 'ready', 'reloading', 'refused', 'refused');
    expect(await tableOf(context.ipvs)).toEqual(WEB_ONE);
    const looks = vi.spyOn(context.ipvs, 'snapshot');
    await vi.waitFor(() => expect(looks.mock.calls.length).toBeGreaterThan(2));
    expect(keeper.events).toHaveLength(5);
    await keeper.end();
  });

  test('survives a look that fails', async () => {
    const keeper = start({ interval: 100 });
    await keeper.seen('applied', 'ready');
    vi.spyOn(context.ipvs, 'snapshot').mockRejectedValueOnce(new Error('not now'));
    await keeper.seen('applied', 'ready', 'failed');
    await context.ipvs.flush();
    await keeper.seen('applied', 'ready', 'failed', 'drift');
    await keeper.end();
  });

  test('withdraws its own services in the end, and only those', async () => {
    const keeper = start({ withdraw: true, prune: false });
    await keeper.seen('applied', 'ready');
    await context.ipvs.addService(DNS);
    await keeper.end();
    await keeper.seen('applied', 'ready', 'stopping', 'withdrawn');
    expect(await tableOf(context.ipvs)).toEqual({ 'udp://192.0.2.1:53 wlc': [] });
  });

  test('ends while it drains, leaves the weight 0, and says so', async () => {
    const keeper = start({ drain: { until: 'all', poll: 60_000 }, table: busy() });
    await keeper.seen('applied', 'ready');
    keeper.change(TWO);
    await keeper.seen('applied', 'ready', 'reloading', 'applied');
    const half = { 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 0', '10.0.0.2:80 1'] };
    expect(await tableOf(context.ipvs)).toEqual(half);
    await keeper.end();
    expect(await tableOf(context.ipvs)).toEqual(half);
    expect(keeper.events[4]).toEqual({ type: 'stopping', draining: ['10.0.0.1:80 of tcp://192.0.2.1:80'] });
  });

  test('takes a change while it drains: what is wanted again has its weight back, what is not never has', async () => {
    const keeper = start({ drain: { poll: 10 }, table: busy() });
    await keeper.seen('applied', 'ready');
    keeper.change(TWO);
    await keeper.seen('applied', 'ready', 'reloading', 'applied');
    const weights: string[] = [];
    const apply = vi.spyOn(context.ipvs, 'apply');
    for (let touch = 0; touch < 8; touch++) {
      keeper.change(TWO);
      await vi.waitFor(() => expect(keeper.events.filter(({ type }) => type === 'applied')).toHaveLength(3 + touch));
      weights.push(...((await tableOf(context.ipvs))['tcp://192.0.2.1:80 wlc'] ?? []));
    }
    expect(new Set(weights)).toEqual(new Set(['10.0.0.1:80 0', '10.0.0.2:80 1']));
    expect(apply).not.toHaveBeenCalled();
    keeper.change({ services: [wanted(WEB, { address: '10.0.0.1' }, { address: '10.0.0.2' })] });
    await vi.waitFor(async () =>
      expect(await tableOf(context.ipvs)).toEqual({ 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 1', '10.0.0.2:80 1'] }),
    );
    await keeper.end();
    expect(keeper.events.at(-1)).toEqual({ type: 'stopping', draining: [] });
  });

  test('mends drift while a server drains, and removes the server when its connections are gone', async () => {
    const connections = { active: 3 };
    const keeper = start({ drain: { poll: 10 }, interval: 100, table: busy(connections) });
    await keeper.seen('applied', 'ready');
    keeper.change(TWO);
    await keeper.seen('applied', 'ready', 'reloading', 'applied');
    await context.ipvs.updateDestination(WEB, { address: '10.0.0.2', weight: 9, forward: 'dr' });
    await keeper.seen('applied', 'ready', 'reloading', 'applied', 'drift');
    await context.ipvs.updateDestination(WEB, { address: '10.0.0.1', weight: 9, forward: 'dr' });
    await keeper.seen('applied', 'ready', 'reloading', 'applied', 'drift', 'drift');
    expect(await tableOf(context.ipvs)).toEqual({ 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 0', '10.0.0.2:80 1'] });
    connections.active = 0;
    await keeper.seen('applied', 'ready', 'reloading', 'applied', 'drift', 'drift', 'drained');
    expect(await tableOf(context.ipvs)).toEqual(WEB_TWO);
    await keeper.end();
  });

  test('removes at the drain timeout, and a service only with all its servers', async () => {
    const keeper = start({ drain: { poll: 10, deadline: 150 }, table: busy() });
    await keeper.seen('applied', 'ready');
    const begun = performance.now();
    keeper.change({ services: [] });
    await keeper.seen('applied', 'ready', 'reloading', 'applied');
    expect(await tableOf(context.ipvs)).toEqual({ 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 0'] });
    await keeper.seen('applied', 'ready', 'reloading', 'applied', 'drained');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(149);
    expect(keeper.events[4]).toMatchObject({ plan: { steps: [{ what: 'delete service tcp://192.0.2.1:80' }] } });
    expect(await tableOf(context.ipvs)).toEqual({});
    await keeper.end();
  });

  test('refuses a source that wants much less, unless it may', async () => {
    const many = { services: [wanted(WEB, ...[1, 2, 3, 4].map((last) => ({ address: `10.0.0.${last}` })))] };
    const keeper = start({ maxRemoval: 50 });
    await keeper.seen('applied', 'ready');
    keeper.change(many);
    await keeper.seen('applied', 'ready', 'reloading', 'applied');
    keeper.change(ONE);
    await keeper.seen('applied', 'ready', 'reloading', 'applied', 'reloading', 'bad-source');
    expect(keeper.events[5]).toMatchObject({
      error: {
        message: 'desired table: services: 3 of 4 real servers would go, more than 50 %: half a file, or allow more',
      },
    });
    keeper.change({ services: [wanted(WEB, { address: '10.0.0.7' }, { address: '10.0.0.8' })] });
    await vi.waitFor(async () =>
      expect(await tableOf(context.ipvs)).toEqual({ 'tcp://192.0.2.1:80 wlc': ['10.0.0.7:80 1', '10.0.0.8:80 1'] }),
    );
    keeper.change({ services: [] });
    await vi.waitFor(() => expect(keeper.events.at(-1)).toMatchObject({ type: 'bad-source' }));
    await keeper.end();
  });

  test('says which steps are done when its end comes in between', async () => {
    await context.ipvs.addService(DNS);
    const keeper = start({ onProgress: () => ending.abort() });
    const ending = keeper.ending;
    await keeper.kept;
    await keeper.seen('interrupted', 'stopping');
    expect(keeper.events[0]).toMatchObject({ error: { notTried: ['delete service udp://192.0.2.1:53'], refused: [] } });
  });

  test('throws what the first source throws, and when its client is closed', async () => {
    const error = new Error('line 3: what?');
    const read = () => Promise.reject(error);
    expect(await rejection(keep(context.ipvs, { read }))).toBe(error);
    const keeper = start({ interval: 100 });
    await keeper.seen('applied', 'ready');
    await context.ipvs.close();
    expect(await rejection(keeper.kept)).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('connections of servers that leave', () => {
  const [LEAVING, STAYING] = ['10.0.0.1', '10.0.0.2'];
  const BOTH: DesiredTable = { services: [wanted(WEB, { address: LEAVING }, { address: STAYING })] };
  const LEFT = `${LEAVING}:80 of tcp://192.0.2.1:80`;

  /** A table in which calls to end connections are written down. */
  function ending(outcome: { changed: number; left: unknown[] } | Error = { changed: 2, left: [] }) {
    const asked: unknown[] = [];
    const table = new Proxy<TableAccess>(context.ipvs, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name !== 'endConnections') return typeof value === 'function' ? value.bind(target) : value;
        return async (filter: unknown) => {
          asked.push(filter, await tableOf(context.ipvs));
          if (outcome instanceof Error) throw outcome;
          return outcome;
        };
      },
    });
    return { table, asked };
  }

  /** Health checks whose outcome a test says. */
  function health() {
    const emitter = new EventEmitter();
    const name = `tcp://192.0.2.1:80 ${LEAVING}:80` as const;
    let isDown = false;
    return {
      follow: async () => undefined,
      changes: on(emitter, 'changed'),
      wishes: () => (isDown ? { verdicts: new Map([[name, 'remove' as const]]), cut: new Set([name]) } : {}),
      turn(down: boolean) {
        isDown = down;
        emitter.emit('changed');
      },
    };
  }

  test('are ended once it is out, once for each time that it is', async () => {
    const [{ table, asked }, checks] = [ending(), health()];
    const kept = start({ table, health: checks });
    kept.change(BOTH);
    await vi.waitFor(() => expect(kept.events.map(({ type }) => type)).toContain('applied'));
    await vi.waitFor(async () => expect(Object.values(await tableOf(context.ipvs))[0]).toHaveLength(2));
    checks.turn(true);
    await vi.waitFor(() => expect(kept.events.at(-1)).toEqual({ type: 'ended', server: LEFT, ended: 2, left: 0 }));
    expect(asked).toEqual([
      { service: 'tcp://192.0.2.1:80', server: `${LEAVING}:80` },
      { 'tcp://192.0.2.1:80 wlc': [`${STAYING}:80 1`] },
    ]);
    checks.turn(true);
    checks.turn(false);
    await vi.waitFor(async () => expect(Object.values(await tableOf(context.ipvs))[0]).toHaveLength(2));
    expect(asked).toHaveLength(2);
    checks.turn(true);
    await vi.waitFor(() => expect(asked).toHaveLength(4));
    await kept.end();
  });

  test('that cannot be ended are told, and it leaves all the same', async () => {
    const [{ table }, checks] = [ending(new Error('no way for sync messages')), health()];
    const kept = start({ table, health: checks });
    kept.change(BOTH);
    await vi.waitFor(async () => expect(Object.values(await tableOf(context.ipvs))[0]).toHaveLength(2));
    checks.turn(true);
    const failed = {
      type: 'not-ended',
      server: LEFT,
      error: expect.objectContaining({ message: 'no way for sync messages' }),
    };
    await vi.waitFor(() => expect(kept.events).toContainEqual(failed));
    expect(await tableOf(context.ipvs)).toEqual({ 'tcp://192.0.2.1:80 wlc': [`${STAYING}:80 1`] });
    await kept.end();
  });

  test.each([
    [true, 1],
    [false, 0],
  ])('are ended at the drain timeout with end %s', async (end, times) => {
    const clients = busy();
    const asked: unknown[] = [];
    const table = new Proxy<TableAccess>(clients, {
      get: (target, name) =>
        name === 'endConnections'
          ? async (filter: unknown) => {
              asked.push(filter);
              return { matched: 1, changed: 1, left: [] };
            }
          : Reflect.get(target, name),
    });
    const kept = start({ table, drain: { deadline: 60, poll: 10, end } });
    await vi.waitFor(() => expect(kept.events.map(({ type }) => type)).toContain('ready'));
    kept.change(TWO);
    await vi.waitFor(() => expect(kept.events.map(({ type }) => type)).toContain('drained'));
    await kept.end();
    expect(asked).toEqual(Array(times).fill({ service: 'tcp://192.0.2.1:80', server: '10.0.0.1:80' }));
  });
});
