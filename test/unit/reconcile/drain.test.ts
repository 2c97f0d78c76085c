import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InterruptedError, ProtocolError, ReconcileError } from '../../../src/errors.js';
import { parseService } from '../../../src/model/service.js';
import type { TableAccess } from '../../../src/model/table-access.js';
import { reconcile } from '../../../src/reconcile/apply.js';
import { type DrainOptions, drain, resumeDrains } from '../../../src/reconcile/drain.js';
import { drainNotes } from '../../../src/reconcile/drain-notes.js';
import { readOverrides } from '../../../src/reconcile/overrides.js';
import { ramp } from '../../../src/reconcile/ramp.js';
import { rejection, tableOf, useSimulator, WEB, wanted } from './fixture.js';

const context = useSimulator();
const SERVER = { address: '10.0.0.1', port: 80 };
const NAME = 'tcp://192.0.2.1:80 wlc';
let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-drain-'));
  await reconcile(context.ipvs, { services: [wanted(WEB, { ...SERVER, weight: 7 }, { address: '10.0.0.2' })] });
});
afterEach(() => rmSync(directory, { recursive: true }));

/** The simulator's servers have no connections: these have what each look is told to find, the last number for ever. */
function withActive(ipvs: TableAccess, ...counts: number[]): TableAccess {
  let looks = 0;
  return new Proxy(ipvs, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== 'listDestinations') return typeof value === 'function' ? value.bind(target) : value;
      return async (...args: Parameters<TableAccess['listDestinations']>) => {
        const activeConnections = counts[Math.min(looks++, counts.length - 1)] ?? 0;
        return (await target.listDestinations(...args)).map((entry) => ({ ...entry, activeConnections }));
      };
    },
  });
}

const quick: DrainOptions = { poll: 2 };

describe('a drain', () => {
  test('waits until two looks find no connection, and removes', async () => {
    const seen: number[] = [];
    const weights: string[][] = [];
    const onProgress = async ({ activeConnections }: { activeConnections: number }) => {
      seen.push(activeConnections);
      weights.push((await tableOf(context.ipvs))[NAME] ?? []);
    };
    const ipvs = withActive(context.ipvs, 9, 2, 1, 0, 3, 0, 0);
    const { finished } = drain(ipvs, WEB, SERVER, { poll: 20, onProgress });
    expect(await finished).toMatchObject({
      outcome: 'idle',
      removed: true,
      destination: '10.0.0.1:80',
      activeConnections: 0,
    });
    expect(seen).toEqual([2, 1, 0, 3, 0, 0]);
    expect(weights[0]).toEqual(['10.0.0.1:80 0', '10.0.0.2:80 1']);
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.2:80 1'] });
  });

  test('ends at its deadline, with what is left', async () => {
    const { finished } = drain(withActive(context.ipvs, 5), WEB, SERVER, { ...quick, deadline: 30 });
    const result = await finished;
    expect(result).toMatchObject({ outcome: 'deadline', removed: true, activeConnections: 5, left: 0 });
    expect(result.waited).toBeGreaterThanOrEqual(30);
  });

  test('cancelled, gives the weight back', async () => {
    const draining = drain(withActive(context.ipvs, 5), WEB, SERVER, { poll: 60_000, directory });
    await expect.poll(() => tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 0', '10.0.0.2:80 1'] });
    expect(await draining.cancel()).toMatchObject({ outcome: 'cancelled', removed: false });
    expect(await draining.finished).toMatchObject({ outcome: 'cancelled' });
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 7', '10.0.0.2:80 1'] });
    expect(readOverrides(directory)).toEqual([]);
  });

  test('that does not remove can be cancelled when it has ended', async () => {
    const draining = drain(context.ipvs, WEB, SERVER, { ...quick, remove: false });
    expect(await draining.finished).toMatchObject({ outcome: 'idle', removed: false });
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 0', '10.0.0.2:80 1'] });
    await draining.cancel();
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 7', '10.0.0.2:80 1'] });
  });

  test('respects whoever gives the server weight, or removes it', async () => {
    const first = drain(withActive(context.ipvs, 5), WEB, SERVER, {
      ...quick,
      onProgress: () => void context.ipvs.updateDestination(WEB, { ...SERVER, weight: 2, forward: 'dr' }),
    });
    expect(await first.finished).toMatchObject({ outcome: 'taken over', removed: false });
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 2', '10.0.0.2:80 1'] });
    const second = drain(withActive(context.ipvs, 5), WEB, SERVER, {
      ...quick,
      onProgress: () => void context.ipvs.deleteDestination(WEB, SERVER),
    });
    expect(await second.finished).toMatchObject({ outcome: 'gone', removed: false });
    expect(await drain(context.ipvs, WEB, SERVER).finished).toMatchObject({ outcome: 'absent', removed: false });
  });

  test('of many servers of one service shares its looks', async () => {
    const others = Array.from({ length: 20 }, (_, index) => ({ address: `10.0.1.${index + 1}` }));
    await reconcile(context.ipvs, { services: [wanted(WEB, ...others)] });
    let listings = 0;
    const counting = new Proxy(withActive(context.ipvs, 1), {
      get(target, name) {
        if (name === 'listDestinations') listings += 1;
        return Reflect.get(target, name);
      },
    });
    const drains = others.map((server) => drain(counting, WEB, server, { poll: 20, deadline: 200 }));
    await Promise.all(drains.map(({ finished }) => finished));
    // Without it 2 for each to begin with, and 20 at each of 10 moments.
    expect(listings).toBeLessThan(2 * 20 + 20 * 3);
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: [] });
  });

  test.each([{ poll: 0 }, { deadline: -1 }, { until: 'never' }])('refuses %j', (options) => {
    expect(() => drain(context.ipvs, WEB, SERVER, options as DrainOptions)).toThrow(/^drain: /);
  });
});

describe('a drain that was left behind', () => {
  /** As a program that dies while it waits. */
  async function leave(options: DrainOptions): Promise<void> {
    const dying = new AbortController();
    const onProgress = () => dying.abort(new Error('dying'));
    const draining = drain(withActive(context.ipvs, 5), WEB, SERVER, {
      ...options,
      directory,
      signal: dying.signal,
      onProgress,
    });
    expect(await rejection(draining.finished)).toMatchObject({ message: 'dying' });
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 0', '10.0.0.2:80 1'] });
  }

  test('is gone on with', async () => {
    await leave(quick);
    const [resumed, ...others] = resumeDrains(withActive(context.ipvs, 3, 0), directory);
    expect(others).toEqual([]);
    expect(await resumed?.finished).toMatchObject({ outcome: 'idle', removed: true, service: 'tcp://192.0.2.1:80' });
    expect(resumeDrains(context.ipvs, directory)).toEqual([]);
  });

  test('keeps its deadline', async () => {
    await leave({ ...quick, deadline: 500 });
    await sleep(510);
    const [resumed] = resumeDrains(withActive(context.ipvs, 3), directory);
    expect(await resumed?.finished).toMatchObject({ outcome: 'deadline' });
  });

  test('knows the weight that the server had, also if it is begun anew', async () => {
    await leave({ poll: 2 });
    const again = drain(withActive(context.ipvs, 5), WEB, SERVER, { ...quick, directory });
    await again.cancel();
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 7', '10.0.0.2:80 1'] });
  });

  test('is over if somebody gave the server weight meanwhile', async () => {
    await leave(quick);
    await context.ipvs.updateDestination(WEB, { ...SERVER, weight: 3, forward: 'dr' });
    const [resumed] = resumeDrains(context.ipvs, directory);
    expect(await resumed?.finished).toMatchObject({ outcome: 'taken over' });
    expect(readOverrides(directory)).toEqual([]);
  });

  test('is not read from what is none of ours, nor from a file that is unfinished', () => {
    mkdirSync(join(directory, 'overrides'));
    writeFileSync(join(directory, 'overrides', 'a.json.77.unfinished'), '{"ver');
    expect(readOverrides(directory)).toEqual([]);
    writeFileSync(join(directory, 'overrides', 'a.json'), '{"ver');
    expect(() => readOverrides(directory)).toThrow(ProtocolError);
    expect(readOverrides(join(directory, 'none'))).toEqual([]);
  });
});

describe('an apply that drains', () => {
  const desired = { services: [wanted(WEB, { address: '10.0.0.2' })] };
  const drainSettings = { poll: 2, deadline: 5000 };

  test('removes when the connections are gone', async () => {
    const drained: number[] = [];
    const onProgress = ({ activeConnections }: { activeConnections: number }) => drained.push(activeConnections);
    await reconcile(withActive(context.ipvs, 4, 4, 1, 0), desired, { drain: { ...drainSettings, onProgress } });
    expect(drained).toEqual([4, 1, 0, 0]);
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.2:80 1'] });
  });

  test('removes a service when all its servers are drained', async () => {
    await reconcile(withActive(context.ipvs, 4, 0), { services: [] }, { prune: true, drain: drainSettings });
    expect(await tableOf(context.ipvs)).toEqual({});
  });

  test.each([desired, { services: [] }])('ended while it drains, gives the weights back: %j', async (other) => {
    const ending = new AbortController();
    const reason = new Error('enough');
    const onProgress = () => ending.abort(reason);
    const options = { prune: true, signal: ending.signal, drain: { poll: 60_000, onProgress } };
    expect(await rejection(reconcile(withActive(context.ipvs, 4), other, options))).toBe(reason);
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 7', '10.0.0.2:80 1'] });
  });

  test('is refused by whoever gives the server weight', async () => {
    const onProgress = () => void context.ipvs.updateDestination(WEB, { ...SERVER, weight: 2, forward: 'dr' });
    const error = await rejection(reconcile(withActive(context.ipvs, 4), desired, { drain: { poll: 2, onProgress } }));
    expect(error).toBeInstanceOf(ReconcileError);
    expect((error as ReconcileError).cause).toBeInstanceOf(InterruptedError);
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 2', '10.0.0.2:80 1'] });
  });
});

describe('a ramp', () => {
  test('goes up in equal steps', async () => {
    await context.ipvs.updateDestination(WEB, { ...SERVER, weight: 0, forward: 'dr' });
    const weights: number[] = [];
    const options = {
      to: 100,
      over: 20,
      steps: 5,
      onProgress: ({ weight }: { weight: number }) => weights.push(weight),
    };
    expect(await ramp(context.ipvs, WEB, SERVER, options)).toBe('done');
    expect(weights).toEqual([20, 40, 60, 80, 100]);
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 100', '10.0.0.2:80 1'] });
  });

  test('goes down, and leaves out what would change nothing', async () => {
    const weights: number[] = [];
    const options = { to: 5, over: 2, steps: 10, onProgress: ({ weight }: { weight: number }) => weights.push(weight) };
    expect(await ramp(context.ipvs, WEB, SERVER, options)).toBe('done');
    expect(weights).toEqual([6, 5]);
  });

  test('respects whoever gives the server another weight, or removes it', async () => {
    const take = {
      to: 100,
      over: 20,
      onProgress: () => void context.ipvs.updateDestination(WEB, { ...SERVER, weight: 1, forward: 'dr' }),
    };
    expect(await ramp(context.ipvs, WEB, SERVER, take)).toBe('taken over');
    const remove = { to: 100, over: 20, onProgress: () => void context.ipvs.deleteDestination(WEB, SERVER) };
    expect(await ramp(context.ipvs, WEB, SERVER, remove)).toBe('gone');
    expect(await ramp(context.ipvs, WEB, SERVER, remove)).toBe('gone');
  });

  test('stops where it is told to', async () => {
    const ending = new AbortController();
    const reason = new Error('enough');
    const options = { to: 107, over: 60_000, steps: 10, signal: ending.signal, onProgress: () => ending.abort(reason) };
    expect(await rejection(ramp(context.ipvs, WEB, SERVER, options))).toBe(reason);
    expect(await tableOf(context.ipvs)).toEqual({ [NAME]: ['10.0.0.1:80 17', '10.0.0.2:80 1'] });
  });
});

describe('what is worth knowing before a drain', () => {
  const defaults = { expire_quiescent_template: 0, conn_reuse_mode: 1, expire_nodest_conn: 0 };
  const names = (service: Parameters<typeof parseService>[0], sysctls: Parameters<typeof drainNotes>[1]) =>
    drainNotes(parseService(service), sysctls).map(({ sysctl }) => sysctl.replace('net.ipv4.vs.', ''));

  test.each([
    ['the defaults', {}, ['expire_nodest_conn']],
    ['all set for it', { expire_nodest_conn: 1 }, []],
    ['reuse', { expire_nodest_conn: 1, conn_reuse_mode: 0 }, ['conn_reuse_mode']],
    [
      'nothing known',
      { expire_quiescent_template: undefined, conn_reuse_mode: undefined, expire_nodest_conn: undefined },
      [],
    ],
  ])('%s', (_, sysctls, expected) => {
    expect(names(WEB, { ...defaults, ...sysctls })).toEqual(expected);
    const persistent = { ...WEB, persistence: {} };
    const template = { ...defaults, ...sysctls }.expire_quiescent_template === 0 ? ['expire_quiescent_template'] : [];
    expect(names(persistent, { ...defaults, ...sysctls })).toEqual([...template, ...expected]);
  });
});
