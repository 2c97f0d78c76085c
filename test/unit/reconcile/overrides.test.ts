import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LockedError } from '../../../src/errors.js';
import type { DesiredTable } from '../../../src/model/desired.js';
import type { TableAccess } from '../../../src/model/table-access.js';
import { reconcile } from '../../../src/reconcile/apply.js';
import { type Drain, drain, resumeDrains } from '../../../src/reconcile/drain.js';
import { type KeepEvent, type KeepHealth, type KeepOptions, keep } from '../../../src/reconcile/keep.js';
import { claimServices, keeperOf, keepersOf } from '../../../src/reconcile/keepers.js';
import { type Override, serverName } from '../../../src/reconcile/override.js';
import { Overrides, readOverrides } from '../../../src/reconcile/overrides.js';
import { type Scope, scopesOverlap } from '../../../src/reconcile/scope.js';
import { giveBack, overrideWeight } from '../../../src/reconcile/weight.js';
import { DNS, rejection, tableOf, useSimulator, WEB, wanted } from './fixture.js';

const context = useSimulator();
const SERVER = { address: '10.0.0.1', port: 80 };
const OTHER = { address: '10.0.0.2', port: 80 };
const DESIRED: DesiredTable = { services: [wanted(WEB, { ...SERVER, weight: 7 }, OTHER)] };
const NAME = 'tcp://192.0.2.1:80 wlc';
const table = (...servers: string[]) => ({ [NAME]: servers });

let directory: string;
let endings: (() => Promise<void>)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-overrides-'));
  endings = [];
});
afterEach(async () => {
  for (const end of endings) await end();
  rmSync(directory, { recursive: true });
});

/** A keep beside which tests work, on the same table. */
async function keeping(options: KeepOptions = {}, source = { now: DESIRED }) {
  const ending = new AbortController();
  const events: KeepEvent[] = [];
  const onEvent = (event: KeepEvent) => void events.push(event);
  const kept = keep(
    context.ipvs,
    { read: () => source.now },
    { directory, interval: 100, ...options, signal: ending.signal, onEvent },
  );
  const end = async () => {
    ending.abort();
    await kept;
  };
  endings.push(end);
  await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain('ready'));
  return { events, end, source };
}

const becomes = (...servers: string[]) =>
  vi.waitFor(async () => expect(await tableOf(context.ipvs)).toEqual(table(...servers)), 5000);

/** The simulator's servers have no connections: these have one, until told otherwise. */
function busy(connections: { active: number }): TableAccess {
  return new Proxy<TableAccess>(context.ipvs, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== 'listDestinations') return typeof value === 'function' ? value.bind(target) : value;
      return async (...args: Parameters<TableAccess['listDestinations']>) =>
        (await target.listDestinations(...args)).map((entry) => ({ ...entry, activeConnections: connections.active }));
    },
  });
}

describe('a drain beside a keep', () => {
  test('ends idle, and the server stays away though the file has it', async () => {
    const keeper = await keeping();
    const connections = { active: 1 };
    const draining = drain(busy(connections), WEB, SERVER, { poll: 10, directory, owner: 'anna', reason: 'new disk' });
    await becomes('10.0.0.1:80 0', '10.0.0.2:80 1');
    // Several looks of the keep later it still is.
    await sleep(300);
    expect(await tableOf(context.ipvs)).toEqual(table('10.0.0.1:80 0', '10.0.0.2:80 1'));
    connections.active = 0;
    expect(await draining.finished).toMatchObject({ outcome: 'idle', removed: true });
    await becomes('10.0.0.2:80 1');
    await sleep(300);
    expect(await tableOf(context.ipvs)).toEqual(table('10.0.0.2:80 1'));
    expect(keeper.events.filter(({ type }) => type === 'drift' || type === 'refused' || type === 'failed')).toEqual([]);
    expect(readOverrides(directory)).toMatchObject([
      { kind: 'drain', state: 'removed', owner: 'anna', reason: 'new disk' },
    ]);
    expect(await giveBack(context.ipvs, { directory })).toMatchObject([{ outcome: 'keeper' }]);
    await becomes('10.0.0.1:80 7', '10.0.0.2:80 1');
  });

  test('is no drift; what others do to the server is, and is mended, and the drain goes on', async () => {
    const keeper = await keeping();
    const connections = { active: 1 };
    const draining = drain(busy(connections), WEB, SERVER, { poll: 10, directory });
    await becomes('10.0.0.1:80 0', '10.0.0.2:80 1');
    // Nothing that is wanted changes from here on: what keep sees next is what others did.
    const isQuiesced = (event: KeepEvent) =>
      event.type === 'override' && event.overrides.some((each) => each.kind === 'drain' && each.state === 'quiesced');
    await vi.waitFor(() => expect(keeper.events.some(isQuiesced)).toBe(true), { timeout: 10_000 });
    await context.ipvs.updateDestination(WEB, { ...SERVER, weight: 9, forward: 'dr' });
    await becomes('10.0.0.1:80 0', '10.0.0.2:80 1');
    await vi.waitFor(() => expect(keeper.events.filter(({ type }) => type === 'drift')).toHaveLength(1));
    connections.active = 0;
    expect(await draining.finished).toMatchObject({ outcome: 'idle' });
  });

  test('cancelled, has its weight back from the file', async () => {
    const { source } = await keeping();
    const draining = drain(busy({ active: 1 }), WEB, SERVER, { poll: 10, directory });
    await becomes('10.0.0.1:80 0', '10.0.0.2:80 1');
    source.now = { services: [wanted(WEB, { ...SERVER, weight: 8 }, OTHER)] };
    expect(await draining.cancel()).toMatchObject({ outcome: 'cancelled' });
    await vi.waitFor(async () => expect((await tableOf(context.ipvs))[NAME]?.[0]).not.toBe('10.0.0.1:80 0'));
  });

  test('is over when it is taken back by somebody else', async () => {
    await keeping();
    const draining = drain(busy({ active: 1 }), WEB, SERVER, { poll: 10, directory });
    await becomes('10.0.0.1:80 0', '10.0.0.2:80 1');
    await giveBack(context.ipvs, { directory });
    expect(await draining.finished).toMatchObject({ outcome: 'taken over', removed: false });
    await becomes('10.0.0.1:80 7', '10.0.0.2:80 1');
  });

  test('that leaves the server there leaves it with weight 0', async () => {
    await keeping();
    const { finished } = drain(context.ipvs, WEB, SERVER, { poll: 10, directory, remove: false });
    expect(await finished).toMatchObject({ outcome: 'idle', removed: false });
    await sleep(250);
    expect(await tableOf(context.ipvs)).toEqual(table('10.0.0.1:80 0', '10.0.0.2:80 1'));
    expect(readOverrides(directory)).toMatchObject([{ state: 'ended' }]);
    expect(resumeDrains(context.ipvs, directory)).toEqual([]);
  });

  test('is forgotten when the file has the server no more: later it comes as new', async () => {
    const keeper = await keeping();
    await drain(context.ipvs, WEB, SERVER, { poll: 10, directory }).finished;
    await becomes('10.0.0.2:80 1');
    await keeper.end();
    await (await keeping({}, { now: { services: [wanted(WEB, OTHER)] } })).end();
    expect(readOverrides(directory)).toEqual([]);
    await keeping();
    await becomes('10.0.0.1:80 7', '10.0.0.2:80 1');
  });

  test('either of them killed at any step and started again, the end is the same', async () => {
    for (let step = 1; step <= 8; step++) {
      await context.ipvs.flush();
      await giveBack(context.ipvs, { directory });
      await reconcile(context.ipvs, DESIRED);
      const keeper = await keeping();
      const draining = drain(dying(step), WEB, SERVER, { poll: 5, directory });
      await rejection(draining.finished).catch(() => undefined);
      if (step % 2 === 0) await keeper.end();
      const resumed: readonly Drain[] = resumeDrains(context.ipvs, directory);
      if (step % 2 === 0) await keeping();
      for (const { finished } of resumed) expect((await finished).outcome).toBe('idle');
      const drained = readOverrides(directory).length > 0;
      await becomes(...(drained ? [] : ['10.0.0.1:80 7']), '10.0.0.2:80 1');
      expect(readOverrides(directory)).toMatchObject(drained ? [{ state: 'removed' }] : []);
      // Only before anything was done at all is nothing to go on with.
      expect(drained).toBe(step > 1);
      for (const end of endings.splice(0)) await end();
    }
  });
});

describe('a server that health checks took out', () => {
  /** Health checks that want it out, and whatever operators want of it. */
  function out(): KeepHealth & { readonly told: (readonly Override[])[] } {
    const told: (readonly Override[])[] = [];
    return {
      told,
      changes: (async function* () {})(),
      follow: async () => {},
      override: (overrides) => void told.push(overrides),
      wishes: () => ({ verdicts: new Map([[serverName(WEB, SERVER), 'remove']]) }),
    };
  }
  const checked = {
    ...DESIRED,
    health: [{ service: WEB, checks: [{ type: 'tcp' }], backups: [{ address: '10.0.0.8' }] }],
  };

  test('can be drained all the same, and does not come back then', async () => {
    const health = out();
    await keeping({ health }, { now: checked as DesiredTable });
    await becomes('10.0.0.2:80 1');
    const { finished } = drain(context.ipvs, WEB, SERVER, { directory });
    expect(await finished).toMatchObject({ outcome: 'idle', removed: true });
    expect(readOverrides(directory)).toMatchObject([{ kind: 'drain', state: 'removed', before: 7 }]);
    await vi.waitFor(() => expect(health.told.at(-1)).toMatchObject([{ kind: 'drain' }]), 5000);
  });

  test('can be given a weight, and so can a backup that waits', async () => {
    await keeping({ health: out() }, { now: checked as DesiredTable });
    await becomes('10.0.0.2:80 1');
    for (const server of [SERVER, { address: '10.0.0.8' }]) {
      expect(await overrideWeight(context.ipvs, WEB, server, { directory, weight: 0 })).toMatchObject({
        outcome: 'done',
      });
    }
    expect(readOverrides(directory)).toMatchObject([{ before: 7 }, { before: 1 }]);
  });

  test('is absent if no file has it, or nobody keeps the file any more', async () => {
    const keeper = await keeping({ health: out() }, { now: checked as DesiredTable });
    const stranger = { address: '10.0.0.77' };
    expect(await drain(context.ipvs, WEB, stranger, { directory }).finished).toMatchObject({ outcome: 'absent' });
    expect(await overrideWeight(context.ipvs, WEB, stranger, { directory, weight: 2 })).toEqual({ outcome: 'absent' });
    await keeper.end();
    expect(await drain(context.ipvs, WEB, SERVER, { directory }).finished).toMatchObject({ outcome: 'absent' });
  });
});

/** A table whose client dies with its nth call, before or after the kernel has heard of it. */
function dying(calls: number): TableAccess {
  let left = calls;
  return new Proxy<TableAccess>(context.ipvs, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        left -= 1;
        if (left <= 0) {
          if (calls % 2 === 0) await value.apply(target, args);
          throw new Error('killed');
        }
        return value.apply(target, args);
      };
    },
  });
}

describe('a weight that an operator sets', () => {
  test('is what a keep keeps, until it is given back', async () => {
    const keeper = await keeping();
    expect(await overrideWeight(context.ipvs, WEB, SERVER, { directory, weight: 3, owner: 'anna' })).toMatchObject({
      outcome: 'done',
      keeper: { pid: process.pid },
    });
    await becomes('10.0.0.1:80 3', '10.0.0.2:80 1');
    await overrideWeight(context.ipvs, WEB, SERVER, { directory, percent: 200 });
    await becomes('10.0.0.1:80 14', '10.0.0.2:80 1');
    await context.ipvs.updateDestination(WEB, { ...SERVER, weight: 9, forward: 'dr' });
    await becomes('10.0.0.1:80 14', '10.0.0.2:80 1');
    expect(keeper.events.map(({ type }) => type)).toEqual(['applied', 'ready', 'override', 'override', 'drift']);
    await giveBack(context.ipvs, { directory, which: ({ kind }) => kind === 'weight' });
    await becomes('10.0.0.1:80 7', '10.0.0.2:80 1');
  });

  test('ends when its time is over, without waiting for a look', async () => {
    await keeping({ interval: 60_000 });
    await overrideWeight(context.ipvs, WEB, SERVER, { directory, weight: 3, duration: 400 });
    await becomes('10.0.0.1:80 3', '10.0.0.2:80 1');
    await becomes('10.0.0.1:80 7', '10.0.0.2:80 1');
    expect(new Overrides(directory).list(0)).toEqual([]);
  });

  test('is set and given back where no keep runs', async () => {
    await reconcile(context.ipvs, DESIRED);
    expect(await overrideWeight(context.ipvs, WEB, SERVER, { directory, weight: 3 })).toEqual({ outcome: 'done' });
    await overrideWeight(context.ipvs, WEB, SERVER, { directory, percent: 50 });
    expect(await tableOf(context.ipvs)).toEqual(table('10.0.0.1:80 4', '10.0.0.2:80 1'));
    expect(await giveBack(context.ipvs, { directory })).toMatchObject([{ outcome: 'given back' }]);
    expect(await tableOf(context.ipvs)).toEqual(table('10.0.0.1:80 7', '10.0.0.2:80 1'));
    expect(await giveBack(context.ipvs, { directory })).toEqual([]);
  });

  test('comes after a drain, and is in force again when that is taken back', async () => {
    await reconcile(context.ipvs, DESIRED);
    await overrideWeight(context.ipvs, WEB, SERVER, { directory, weight: 3 });
    const { finished } = drain(context.ipvs, WEB, SERVER, { poll: 5, directory, remove: false });
    await finished;
    await overrideWeight(context.ipvs, WEB, SERVER, { directory, weight: 4 });
    expect(await tableOf(context.ipvs)).toEqual(table('10.0.0.1:80 0', '10.0.0.2:80 1'));
    await giveBack(context.ipvs, { directory, which: ({ kind }) => kind === 'drain' });
    expect(await tableOf(context.ipvs)).toEqual(table('10.0.0.1:80 4', '10.0.0.2:80 1'));
    await context.ipvs.updateDestination(WEB, { ...SERVER, weight: 9, forward: 'dr' });
    expect(await giveBack(context.ipvs, { directory })).toMatchObject([{ outcome: 'left' }]);
    await overrideWeight(context.ipvs, WEB, SERVER, { directory, weight: 4 });
    await context.ipvs.deleteDestination(WEB, SERVER);
    expect(await giveBack(context.ipvs, { directory })).toMatchObject([{ outcome: 'gone' }]);
  });

  test('of a server that is not there is said to be so', async () => {
    expect(await overrideWeight(context.ipvs, WEB, SERVER, { directory, weight: 3 })).toEqual({ outcome: 'absent' });
    expect(readOverrides(directory)).toEqual([]);
  });

  test.each([{}, { weight: -1 }, { percent: 1001 }, { weight: 1, duration: 0 }, { weight: 1.5 }])(
    'is not %j',
    async (options) => {
      expect(await rejection(overrideWeight(context.ipvs, WEB, SERVER, { directory, ...options }))).toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    },
  );
});

describe('who keeps', () => {
  test('is one for each scope, and the second is told who', async () => {
    const web: Scope = { addresses: ['192.0.2.0/24'] };
    const first = await claimServices(directory, { scope: web, program: 'ipvs-ts keep a.yaml' });
    const error = await rejection(claimServices(directory, { scope: { services: ['tcp://192.0.2.1:80'] } }));
    expect(error).toBeInstanceOf(LockedError);
    expect((error as LockedError).message).toMatch(/^the table is locked by ipvs-ts keep a.yaml \(pid \d+\) since /);
    expect(await rejection(keep(context.ipvs, { read: () => DESIRED }, { directory }))).toBeInstanceOf(LockedError);
    const second = await claimServices(directory, { scope: { marks: ['1-9'] } });
    expect(keepersOf(directory)).toHaveLength(2);
    expect(keeperOf(directory, WEB)).toMatchObject({ program: 'ipvs-ts keep a.yaml' });
    expect(keeperOf(directory, { ...DNS, address: '198.51.100.1' })).toBeUndefined();
    first[Symbol.dispose]();
    second[Symbol.dispose]();
    expect(keepersOf(directory)).toEqual([]);
    (await claimServices(directory))[Symbol.dispose]();
  });

  test.each<[Scope | undefined, Scope | undefined, boolean]>([
    [undefined, { marks: [] }, true],
    [{ addresses: ['10.0.0.0/8'] }, { addresses: ['10.1.2.3'] }, true],
    [{ addresses: ['10.0.0.0/8'] }, { addresses: ['11.0.0.0/8', '2001:db8::/32'] }, false],
    [{ addresses: ['2001:db8::1'] }, { services: ['udp://[2001:db8::1]:53'] }, true],
    [{ marks: ['1-5'] }, { marks: [5] }, true],
    [{ marks: ['1-5'] }, { marks: ['6-9'] }, false],
    [{ marks: ['1-5'] }, { services: ['fwmark://3'] }, true],
    [{ services: ['tcp://10.0.0.1:80'] }, { services: ['tcp://10.0.0.1:80'] }, true],
    [{ services: ['tcp://10.0.0.1:80'] }, { services: ['tcp://10.0.0.1:81'], addresses: ['10.0.0.2'] }, false],
  ])('%j and %j meet: %s', (left, right, expected) => {
    expect(scopesOverlap(left, right)).toBe(expected);
    expect(scopesOverlap(right, left)).toBe(expected);
  });
});

test('overrides that cannot be read stop nothing else', async () => {
  const keeper = await keeping();
  await overrideWeight(context.ipvs, WEB, SERVER, { directory, weight: 3 });
  await becomes('10.0.0.1:80 3', '10.0.0.2:80 1');
  writeFileSync(join(directory, 'overrides', 'broken.json'), '{"ver');
  await vi.waitFor(() =>
    expect(keeper.events.at(-1)).toMatchObject({ type: 'failed', error: { code: 'ERR_PROTOCOL' } }),
  );
  await context.ipvs.flush();
  await becomes('10.0.0.1:80 3', '10.0.0.2:80 1');
});
