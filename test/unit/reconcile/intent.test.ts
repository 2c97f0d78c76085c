import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DesiredTable } from '../../../src/model/desired.js';
import { effective, overriddenWeight, type Wishes } from '../../../src/reconcile/intent.js';
import {
  type DrainOverride,
  type DrainState,
  overrideText,
  type ServerName,
  serverName,
  type WeightOverride,
} from '../../../src/reconcile/override.js';
import { DNS, WEB, wanted } from './fixture.js';

const SERVER = { address: '10.0.0.1', port: 80 };
const NAME: ServerName = 'tcp://192.0.2.1:80 10.0.0.1:80';
const COMMON = { version: 1, service: WEB, destination: SERVER, before: 1, owner: 'root', since: 0 } as const;

const weightOverride = (fields: { weight?: number; percent?: number }): WeightOverride => ({
  ...COMMON,
  kind: 'weight',
  ...fields,
});
const drainOverride = (state: DrainState): DrainOverride => ({
  ...COMMON,
  kind: 'drain',
  state,
  poll: 1000,
  until: 'active',
  remove: true,
});

const tableWith = (weight: number): DesiredTable => ({
  services: [
    wanted(WEB, { ...SERVER, weight }, { address: '10.0.0.2', weight: 5 }),
    wanted(DNS, { address: '10.0.0.1' }),
  ],
});

/** The weight of the server; undefined where it is not in the table. */
function weightOf(table: DesiredTable): number | undefined {
  return table.services?.[0]?.destinations.find(({ address }) => address === SERVER.address)?.weight;
}

const percents = (max: number) => fc.option(fc.integer({ min: 0, max }), { nil: undefined });
const wishes = fc.record({
  weight: fc.option(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { nil: undefined }),
  percent: percents(1000),
  verdict: fc.constantFrom('quiesce' as const, 'remove' as const, undefined),
  load: percents(1000),
  ramp: percents(100),
  drain: fc.option(fc.constantFrom<DrainState>('begun', 'quiesced', 'ended', 'removing', 'removed'), {
    nil: undefined,
  }),
});

function toWishes({
  weight,
  percent,
  verdict,
  load,
  ramp,
  drain,
}: typeof wishes extends fc.Arbitrary<infer T> ? T : never): Wishes {
  const hasWeight = weight !== undefined || percent !== undefined;
  return {
    overrides: [
      ...(hasWeight
        ? [weightOverride({ ...(weight !== undefined && { weight }), ...(percent !== undefined && { percent }) })]
        : []),
      ...(drain === undefined ? [] : [drainOverride(drain)]),
    ],
    verdicts: new Map(verdict === undefined ? [] : [[NAME, verdict]]),
    load: new Map(load === undefined ? [] : [[NAME, load]]),
    ramps: new Map(ramp === undefined ? [] : [[NAME, ramp]]),
  };
}

describe('the effective table', () => {
  test('is the wanted one where nobody wants anything', () => {
    const table = tableWith(7);
    expect(effective(table, {})).toEqual(table);
    expect(effective(table, { overrides: [], verdicts: new Map() })).toEqual(table);
    expect(effective({ timeouts: { tcp: 5 } }, { overrides: [drainOverride('begun')] })).toEqual({
      timeouts: { tcp: 5 },
    });
    const far = effective(table, {
      overrides: [{ ...drainOverride('begun'), destination: { address: '10.9.9.9', port: 80 } }],
    });
    expect(far).toEqual(table);
  });

  test.each<[string, number, Wishes, number | undefined]>([
    ['a weight of an operator', 7, { overrides: [weightOverride({ weight: 3 })] }, 3],
    ['a share', 7, { overrides: [weightOverride({ percent: 50 })] }, 4],
    ['a share of another weight', 7, { overrides: [weightOverride({ weight: 100, percent: 25 })] }, 25],
    ['an operator may say 0', 7, { overrides: [weightOverride({ weight: 0 })] }, 0],
    ['and 0 percent', 7, { overrides: [weightOverride({ percent: 0 })] }, 0],
    ['a drain', 7, { overrides: [drainOverride('begun'), weightOverride({ weight: 3 })] }, 0],
    ['a drain that left the server there', 7, { overrides: [drainOverride('ended')] }, 0],
    ['a drain about to remove', 7, { overrides: [drainOverride('removing')] }, undefined],
    ['a drain that removed', 7, { overrides: [drainOverride('removed')] }, undefined],
    [
      'down while it is drained',
      7,
      { overrides: [drainOverride('quiesced')], verdicts: new Map([[NAME, 'remove']]) },
      0,
    ],
    [
      'down, when its drain is over',
      7,
      { overrides: [drainOverride('removed')], verdicts: new Map([[NAME, 'quiesce']]) },
      undefined,
    ],
    ['down', 7, { verdicts: new Map([[NAME, 'quiesce']]) }, 0],
    ['down, and removed', 7, { verdicts: new Map([[NAME, 'remove']]) }, undefined],
    [
      'all shares at once',
      100,
      { overrides: [weightOverride({ percent: 50 })], load: new Map([[NAME, 50]]), ramps: new Map([[NAME, 10]]) },
      3,
    ],
    ['the smallest shares', 1, { load: new Map([[NAME, 0]]), ramps: new Map([[NAME, 0]]) }, 1],
    ['the largest', 2 ** 31 - 1, { load: new Map([[NAME, 1000]]) }, 2 ** 31 - 1],
    ['nothing of 0', 0, { load: new Map([[NAME, 1000]]), overrides: [weightOverride({ percent: 1000 })] }, 0],
  ])('%s', (_, base, by, expected) => {
    expect(weightOf(effective(tableWith(base), by))).toBe(expected);
  });

  test('for any wishes: within bounds, at least 1 while up, product of its shares, and nothing else changes', () => {
    const property = fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), wishes, (base, wish) => {
      const table = tableWith(base);
      const joined = effective(table, toWishes(wish));
      const weight = weightOf(joined);
      const isOut =
        wish.drain === undefined ? wish.verdict === 'remove' : wish.drain === 'removing' || wish.drain === 'removed';
      expect(weight === undefined).toBe(isOut);
      expect(joined.services?.[1]).toEqual(table.services?.[1]);
      expect(joined.services?.[0]?.destinations.at(-1)).toEqual(table.services?.[0]?.destinations[1]);
      if (weight === undefined) return;
      const { weight: _, ...rest } = joined.services?.[0]?.destinations[0] ?? { weight: 0 };
      const { weight: __, ...before } = table.services?.[0]?.destinations[0] ?? { weight: 0 };
      expect(rest).toEqual(before);
      const own = wish.weight ?? base;
      if (wish.verdict !== undefined || wish.drain !== undefined || own === 0 || wish.percent === 0) {
        expect(weight).toBe(0);
        return;
      }
      expect(weight).toBeGreaterThanOrEqual(1);
      expect(weight).toBeLessThanOrEqual(2 ** 31 - 1);
      const overridden = Math.min(Math.max(Math.round((own * (wish.percent ?? 100)) / 100), 1), 2 ** 31 - 1);
      const product = (overridden * (wish.load ?? 100) * (wish.ramp ?? 100)) / 10_000;
      expect(Math.abs(weight - Math.min(Math.max(product, 1), 2 ** 31 - 1))).toBeLessThanOrEqual(0.5 + product * 1e-12);
    });
    fc.assert(property, { numRuns: 500 });
  });

  test('joined again with the same wishes is a table that differs from nothing: a drain is no drift', () => {
    const property = fc.property(wishes, (wish) => {
      const by = toWishes({ ...wish, percent: undefined, load: undefined, ramp: undefined });
      const once = effective(tableWith(7), by);
      expect(effective(once, by)).toEqual(once);
    });
    fc.assert(property, { numRuns: 200 });
  });
});

test('stand-ins serve besides, once, and overrides hold for them', () => {
  const service = { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' } as const;
  const table = {
    services: [{ service, destinations: [{ address: '10.0.0.2' }] }],
    health: [{ service: 'tcp://192.0.2.1:80', checks: [{ type: 'tcp' }], sorry: { address: '10.0.0.9' } }],
  } as const;
  const standIns = new Map([
    ['tcp://192.0.2.1:80', [{ address: '10.0.0.9' }, { address: '10.0.0.2', weight: 7 }]],
  ] as const);
  const found = effective(table, { standIns });
  expect(found.health).toBeUndefined();
  expect(found.services?.[0]?.destinations).toMatchObject([
    { address: '10.0.0.2', weight: 1 },
    { address: '10.0.0.9', weight: 1 },
  ]);
  // The result is a table like any other.
  expect(effective(found, {})).toEqual(found);
  const drained = effective(table, { standIns, verdicts: new Map([['tcp://192.0.2.1:80 10.0.0.9:80', 'quiesce']]) });
  expect(drained.services?.[0]?.destinations[1]).toMatchObject({ address: '10.0.0.9', weight: 0 });
});

test('overrides in words', () => {
  expect(serverName(WEB, SERVER)).toBe(NAME);
  const drains = (['begun', 'quiesced', 'removing', 'removed', 'ended'] as const).map(drainOverride);
  const weights = [{ weight: 5 }, { percent: 50 }, { weight: 4, percent: 50 }].map(weightOverride);
  expect([...drains, ...weights].map((override) => [overrideText(override), overriddenWeight(8, override)])).toEqual([
    ['draining', 0],
    ['draining', 0],
    ['drained, being removed', 0],
    ['drained, removed', 0],
    ['drained, weight 0', 0],
    ['weight 5', 5],
    ['50 % of its weight', 4],
    ['50 % of weight 4', 2],
  ]);
});
