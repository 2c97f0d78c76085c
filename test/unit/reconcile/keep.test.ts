import { EventEmitter, on } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import type { DesiredTable } from '../../../src/model/desired.js';
import { type KeepEvent, type KeepOptions, keep } from '../../../src/reconcile/keep.js';
import { DNS, rejection, tableOf, useSimulator, WEB, wanted } from './fixture.js';

const context = useSimulator();

const ONE: DesiredTable = { services: [wanted(WEB, { address: '10.0.0.1' })] };
const TWO: DesiredTable = { services: [wanted(WEB, { address: '10.0.0.2' })] };
const BAD_SERVER: DesiredTable = { services: [wanted(WEB, { address: '10.0.0.1' }, { address: '224.0.0.1' })] };

/** Keeps what `source` says, and lets go of it with the test. */
function start(options: KeepOptions = {}) {
  const emitter = new EventEmitter();
  const ending = new AbortController();
  const events: KeepEvent[] = [];
  const source: { now: DesiredTable | Error } = { now: ONE };
  const read = () => {
    if (source.now instanceof Error) throw source.now;
    return source.now;
  };
  const kept = keep(
    context.ipvs,
    { read, changes: on(emitter, 'changed') },
    { prune: true, ...options, signal: ending.signal, onEvent: (event) => void events.push(event) },
  );
  return {
    events,
    kept,
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
    await context.ipvs.updateDestination(WEB, { address: '10.0.0.1', weight: 9 });
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

  test('ends while it drains, and gives the weight back', async () => {
    const keeper = start({ drain: { poll: 60_000 } });
    await keeper.seen('applied', 'ready');
    keeper.change(TWO);
    await vi.waitFor(async () =>
      expect(await tableOf(context.ipvs)).toEqual({ 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 0', '10.0.0.2:80 1'] }),
    );
    await keeper.end();
    expect(await tableOf(context.ipvs)).toEqual({ 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 1', '10.0.0.2:80 1'] });
  });

  test('takes a change while it drains: what is wanted again has its weight back', async () => {
    const keeper = start({ drain: { poll: 60_000 } });
    await keeper.seen('applied', 'ready');
    keeper.change(TWO);
    await vi.waitFor(async () =>
      expect(await tableOf(context.ipvs)).toEqual({ 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 0', '10.0.0.2:80 1'] }),
    );
    keeper.change({ services: [wanted(WEB, { address: '10.0.0.1' }, { address: '10.0.0.2' })] });
    await keeper.seen('applied', 'ready', 'reloading', 'reloading', 'applied');
    expect(await tableOf(context.ipvs)).toEqual({ 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 1', '10.0.0.2:80 1'] });
    await keeper.end();
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
