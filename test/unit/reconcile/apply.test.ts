import { describe, expect, test } from 'vitest';
import { KernelError, ReconcileError, TimeoutError } from '../../../src/errors.js';
import type { Change } from '../../../src/model/change.js';
import type { TableAccess } from '../../../src/model/table-access.js';
import { applyPlan, reconcile } from '../../../src/reconcile/apply.js';
import { plan } from '../../../src/reconcile/plan.js';
import { readState } from '../../../src/reconcile/state.js';
import { DNS, rejection, tableOf, useSimulator, WEB, wanted } from './fixture.js';

const context = useSimulator();

const BEFORE = { services: [wanted(WEB, { address: '10.0.0.1' }), wanted(DNS, { address: '10.0.0.1' })] };
/** A multicast address is no destination: the kernel refuses it. */
const REFUSED = '224.0.0.1';

async function failure(promise: Promise<unknown>): Promise<ReconcileError> {
  const error = await rejection(promise);
  if (error instanceof ReconcileError) return error;
  throw error;
}

test('makes the table the wanted one, tells each step, and does nothing the second time', async () => {
  const { ipvs } = context;
  await reconcile(ipvs, BEFORE);
  const desired = {
    services: [wanted({ ...WEB, scheduler: 'rr' }, { address: '10.0.0.2', weight: 3 })],
    timeouts: { udp: 7 },
  };
  const told: string[] = [];
  const options = {
    prune: true,
    onProgress: ({ step, done, total }: { step: { what: string }; done: number; total: number }) =>
      told.push(`${done}/${total} ${step.what}`),
  };
  const made = await reconcile(ipvs, desired, options);
  expect(await tableOf(ipvs)).toEqual({ 'tcp://192.0.2.1:80 rr': ['10.0.0.2:80 3'] });
  expect(await ipvs.timeouts()).toEqual({ tcp: 900, tcpFin: 120, udp: 7 });
  expect(told).toEqual(made.steps.map(({ what }, index) => `${index + 1}/${made.steps.length} ${what}`));
  expect((await reconcile(ipvs, desired, options)).steps).toEqual([]);
});

describe('a refusal', () => {
  const desired = {
    services: [
      wanted({ ...WEB, scheduler: 'rr' }, { address: '10.0.0.2' }, { address: REFUSED }),
      wanted({ ...DNS, scheduler: 'rr' }, { address: '10.0.0.3' }),
    ],
  };

  test('takes back what was done', async () => {
    const { ipvs } = context;
    await reconcile(ipvs, BEFORE);
    const before = await tableOf(ipvs);
    const error = await failure(reconcile(ipvs, desired));
    expect(await tableOf(ipvs)).toEqual(before);
    expect(error.refused.map(({ step }) => step)).toEqual([`add destination ${REFUSED}:80 of tcp://192.0.2.1:80`]);
    expect(error.cause).toBeInstanceOf(KernelError);
    expect(error.cause).toBe(error.refused[0]?.error);
    expect(error.inForce).toEqual([]);
    expect(error.unknown).toEqual([]);
    expect(error.takenBack).toEqual([
      'add destination 10.0.0.3:53 of udp://192.0.2.1:53',
      'add destination 10.0.0.2:80 of tcp://192.0.2.1:80',
    ]);
    expect(error.notTried).toEqual([
      'update service tcp://192.0.2.1:80',
      'update service udp://192.0.2.1:53',
      'delete destination 10.0.0.1:80 of tcp://192.0.2.1:80',
      'delete destination 10.0.0.1:53 of udp://192.0.2.1:53',
    ]);
  });

  test('stops, where that is asked, and takes nothing away from what it has', async () => {
    const { ipvs } = context;
    await reconcile(ipvs, BEFORE);
    const error = await failure(reconcile(ipvs, desired, { onRefusal: 'stop' }));
    expect(error.inForce).toHaveLength(2);
    expect(error.takenBack).toEqual([]);
    expect(error.notTried).toHaveLength(4);
    expect(await tableOf(ipvs)).toEqual({
      'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 1', '10.0.0.2:80 1'],
      'udp://192.0.2.1:53 wlc': ['10.0.0.1:53 1', '10.0.0.3:53 1'],
    });
  });

  test('lets the rest go on, where that is asked, but takes nothing away from the service that it met', async () => {
    const { ipvs } = context;
    await reconcile(ipvs, BEFORE);
    const error = await failure(reconcile(ipvs, desired, { onRefusal: 'continue' }));
    expect(await tableOf(ipvs)).toEqual({
      'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 1', '10.0.0.2:80 1'],
      'udp://192.0.2.1:53 rr': ['10.0.0.3:53 1'],
    });
    expect(error.notTried).toEqual([
      'update service tcp://192.0.2.1:80',
      'delete destination 10.0.0.1:80 of tcp://192.0.2.1:80',
    ]);
    expect(error.message).toMatch(
      /^refused: add destination 224\.0\.0\.1:80 of tcp:\/\/\S+: EINVAL.*; in force: .*; not tried: /,
    );
  });

  test('of taking back is told too', async () => {
    const { ipvs } = context;
    await reconcile(ipvs, BEFORE);
    const stubborn = through(ipvs, (change, go) => {
      if (change.verb === 'delete-destination') throw new KernelError({ errno: -1, command: 'delete destination' });
      return go();
    });
    const error = await failure(reconcile(stubborn, desired));
    expect(error.takenBack).toEqual([]);
    expect(error.inForce.toSorted()).toEqual([
      'add destination 10.0.0.2:80 of tcp://192.0.2.1:80',
      'add destination 10.0.0.3:53 of udp://192.0.2.1:53',
    ]);
    expect(error.refused.map(({ step }) => step)).toEqual([
      `add destination ${REFUSED}:80 of tcp://192.0.2.1:80`,
      'take back: add destination 10.0.0.3:53 of udp://192.0.2.1:53',
      'take back: add destination 10.0.0.2:80 of tcp://192.0.2.1:80',
    ]);
  });
});

/** The same client, whose changes pass a function. */
function through(ipvs: TableAccess, pass: (change: Change, go: () => Promise<void>) => Promise<void>): TableAccess {
  return new Proxy(ipvs, {
    get(target, name) {
      if (name === 'apply') return async (change: Change) => pass(change, () => target.apply(change));
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('an answer that was lost', () => {
  const lost = new TimeoutError('no answer');

  test('to a change that was made is no failure', async () => {
    const deaf = through(context.ipvs, async (_, go) => {
      await go();
      throw lost;
    });
    await reconcile(deaf, BEFORE);
    await reconcile(
      deaf,
      { services: [wanted({ ...WEB, scheduler: 'rr' }, { address: '10.0.0.1', weight: 2 })] },
      { prune: true },
    );
    expect(await tableOf(context.ipvs)).toEqual({ 'tcp://192.0.2.1:80 rr': ['10.0.0.1:80 2'] });
  });

  test('to a change that was not made is a refusal', async () => {
    const mute = through(context.ipvs, () => Promise.reject(lost));
    const error = await failure(reconcile(mute, BEFORE));
    expect(error.refused.map(({ error: reason }) => reason)).toEqual([lost, lost, lost, lost]);
  });

  test('is told as not known, where the kernel cannot be asked again', async () => {
    const { ipvs } = context;
    const made = plan(await readState(ipvs, BEFORE), BEFORE);
    await ipvs.close();
    const error = await failure(applyPlan(ipvs, made, { onRefusal: 'stop' }));
    expect(error.unknown).toEqual(made.steps.map(({ what }) => what));
    expect(error.refused).toEqual([]);
    expect(error.cause).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('ended by its signal', () => {
  const reason = new Error('enough');
  const desired = { services: [wanted(WEB, { address: '10.0.0.2' })] };

  test('before it began, it changes nothing', async () => {
    const signal = AbortSignal.abort(reason);
    const made = plan(await readState(context.ipvs, desired), desired);
    expect(await rejection(applyPlan(context.ipvs, made, { signal }))).toBe(reason);
    expect(await tableOf(context.ipvs)).toEqual({});
  });

  test.each([
    ['rollback', { 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 1'] }],
    ['stop', { 'tcp://192.0.2.1:80 wlc': ['10.0.0.1:80 1', '10.0.0.2:80 1'] }],
  ] as const)('in the middle: %s', async (onRefusal, after) => {
    const { ipvs } = context;
    await reconcile(ipvs, { services: [wanted(WEB, { address: '10.0.0.1' })] });
    const ending = new AbortController();
    const options = { onRefusal, signal: ending.signal, onProgress: () => ending.abort(reason) };
    const error = await rejection(reconcile(ipvs, desired, options));
    expect(await tableOf(ipvs)).toEqual(after);
    if (onRefusal === 'rollback') return expect(error).toBe(reason);
    expect(error).toMatchObject({ code: 'ERR_RECONCILE', cause: reason, refused: [] });
    expect(error).toMatchObject({ notTried: ['delete destination 10.0.0.1:80 of tcp://192.0.2.1:80'] });
  });
});
