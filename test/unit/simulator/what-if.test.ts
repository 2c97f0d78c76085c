import { describe, expect, it } from 'vitest';
import { chartOption } from '../../../src/cli/simulate-chart.js';
import type { Service } from '../../../src/model/service.js';
import { type Traffic, type WhatIfOptions, whatIf } from '../../../src/simulator/index.js';
import { Chance } from '../../../src/simulator/what-if/traffic.js';

const SERVICE: Service = { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'wrr' };
const TRAFFIC: Traffic = { clients: 5000, rate: 500, seconds: 20, duration: { distribution: 'fixed', mean: 2 } };

function table(weights: readonly number[], service: Service = SERVICE) {
  const destinations = weights.map((weight, index) => ({
    destination: { address: `198.51.100.${index + 1}`, port: 80, weight },
  }));
  return { services: [{ service, destinations: destinations.reverse() }] };
}

describe('what if', () => {
  it('spreads by weight, and is the same again', async () => {
    const [result] = await whatIf(table([1, 3]), TRAFFIC);
    expect(result?.servers.map(({ address }) => address)).toEqual(['198.51.100.1', '198.51.100.2']);
    expect(result?.servers[1]?.share).toBeCloseTo(0.75, 3);
    expect(result?.imbalance).toBeCloseTo(1, 2);
    expect(result?.moved).toBeUndefined();
    // 500 a second for 2 s are 1000 at once.
    expect((result?.servers[0]?.peak ?? 0) + (result?.servers[1]?.peak ?? 0)).toBeGreaterThan(950);
    expect(await whatIf(table([1, 3]), TRAFFIC)).toEqual([result]);
    expect(await whatIf(table([1, 3]), { ...TRAFFIC, seed: 2 })).not.toEqual([result]);
  });

  it.each<[string, WhatIfOptions['changes'], number, number]>([
    ['mh', [{ change: 'add', server: { address: '198.51.100.9' } }], 0.18, 0.24],
    ['mh', [{ change: 'remove', server: { address: '198.51.100.1' } }], 0.24, 0.3],
    ['rr', [{ change: 'add', server: { address: '198.51.100.9' } }], 0.75, 0.85],
  ])('tells how many move under %s with %j', async (scheduler, changes = [], least, most) => {
    const [result] = await whatIf(table([1, 1, 1, 1]), TRAFFIC, { schedulers: [scheduler], changes });
    const { clients, changed, anyway } = result?.moved ?? { clients: 0, changed: 0, anyway: -1 };
    expect(clients).toBeGreaterThan(1500);
    expect(changed / clients).toBeGreaterThan(least);
    expect(changed / clients).toBeLessThan(most);
    if (scheduler === 'mh') expect(anyway).toBe(0);
    else expect(anyway / clients).toBeCloseTo(0.75, 1);
  });

  it('tells whom nobody takes, and a weight that changed', async () => {
    const changes = [{ change: 'weight', server: { address: '198.51.100.1' }, weight: 0 }] as const;
    const [result] = await whatIf(table([1]), TRAFFIC, { changes, at: 5 });
    expect(result?.servers[0]?.weight).toBe(0);
    expect((result?.refused ?? 0) / (result?.connections ?? 1)).toBeCloseTo(3, 0);
  });

  it.each<[Traffic, WhatIfOptions, string]>([
    [{ ...TRAFFIC, rate: 0 }, {}, 'traffic: rate: '],
    [{ ...TRAFFIC, clients: '2001:db8::/64' }, {}, 'traffic: clients: '],
    [{ ...TRAFFIC, clients: 'many' }, {}, 'traffic: clients: '],
    [{ ...TRAFFIC, duration: { distribution: 'pareto', mean: 1, shape: 1 } }, {}, 'traffic: duration.shape: '],
    [TRAFFIC, { at: 21 }, 'what-if: at: '],
    [TRAFFIC, { service: 'tcp://192.0.2.2:80' }, 'what-if: service: '],
    [TRAFFIC, { changes: [{ change: 'remove', server: { address: '10.0.0.1' } }] }, 'what-if: changes: '],
  ])('refuses %j with %j', async (traffic, options, message) => {
    await expect(whatIf(table([1]), traffic, options)).rejects.toThrow(message);
  });
});

it.each(['fixed', 'exponential', 'pareto'] as const)(
  'durations are %s with the mean that is asked for',
  (distribution) => {
    const chance = new Chance(7);
    const duration = distribution === 'pareto' ? { distribution, mean: 4, shape: 3 } : { distribution, mean: 4 };
    let sum = 0;
    for (let count = 0; count < 100_000; count++) sum += chance.duration(duration);
    expect(sum / 100_000).toBeCloseTo(4, 0);
  },
);

it('the chart has a bar for each real server under each scheduler', async () => {
  const results = await whatIf(table([1, 3]), TRAFFIC, { schedulers: ['wrr', 'rr'] });
  expect(chartOption(results)).toMatchObject({
    yAxis: { data: ['wrr', 'rr'] },
    series: [{ name: '198.51.100.1', data: results.map(({ servers }) => servers[0]?.connections) }, {}],
  });
});
