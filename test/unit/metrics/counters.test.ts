import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ReconcileError } from '../../../src/errors.js';
import { Ipvs } from '../../../src/index.js';
import { formatMetrics, HealthCounters, KeepCounters } from '../../../src/metrics/index.js';
import { keep, type Plan } from '../../../src/reconcile/index.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';
import { parseMetrics } from './parse-metrics.js';

const KEY = 'tcp://192.0.2.1:80';

test('what keep does is counted: applied at the start, and drift that it puts right', { timeout: 60_000 }, async () => {
  await using ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
  const counters = new KeepCounters();
  const end = new AbortController();
  const wanted = { services: [{ service: KEY, destinations: [{ address: '10.0.0.1', weight: 2 }] }] };
  const read = () => ({
    services: wanted.services.map((each) => ({
      ...each,
      service: { protocol: 'tcp' as const, address: '192.0.2.1', port: 80 },
    })),
  });
  const kept = keep(ipvs, { read }, { interval: 100, signal: end.signal, onEvent: (event) => counters.tell(event) });
  while (counters.counts().ready === 0) await setTimeout(5);
  expect(counters.counts()).toMatchObject({ ready: 1, applied: 1, drift: 0, steps: { applied: 2, drift: 0 } });
  await ipvs.setWeight(KEY, { address: '10.0.0.1' }, 7);
  while (counters.counts().drift === 0) await setTimeout(5);
  end.abort();
  await kept;
  expect(counters.counts()).toMatchObject({ applied: 1, drift: 1, steps: { applied: 2, drift: 1 } });
  const page = parseMetrics(formatMetrics({ table: { services: [] }, keep: counters.counts() }), 'prometheus');
  expect(page.get('ipvs_reconcile_drift_total')?.samples).toEqual([
    { name: 'ipvs_reconcile_drift_total', labels: {}, value: '1' },
  ]);
  expect(page.get('ipvs_reconcile_steps_total')?.samples.map(({ labels, value }) => [labels['cause'], value])).toEqual([
    ['applied', '2'],
    ['override', '0'],
    ['health', '0'],
    ['drift', '1'],
    ['drained', '0'],
    ['withdrawn', '0'],
  ]);
});

test('refusals, bad sources and failures are counted', () => {
  const counters = new KeepCounters();
  const refused = ['one', 'two'].map((step) => ({ step, error: new Error('no') }));
  const error = new ReconcileError(
    { refused, inForce: [], takenBack: [], notTried: [], unknown: [] } as never,
    undefined,
  );
  counters.tell({ type: 'refused', error });
  counters.tell({ type: 'bad-source', error: new Error('half a file') });
  counters.tell({ type: 'failed', error: new Error('no kernel') });
  counters.tell({ type: 'drained', plan: { steps: [{}, {}, {}], unmanaged: [] } as unknown as Plan });
  counters.tell({ type: 'stopping', draining: [] });
  expect(counters.counts()).toEqual({
    ready: 0,
    applied: 0,
    drift: 0,
    refused: 2,
    badSource: 1,
    failed: 1,
    steps: { applied: 0, override: 0, health: 0, drift: 0, drained: 3, withdrawn: 0 },
  });
});

test('verdicts and lateness are counted', () => {
  const counters = new HealthCounters();
  counters.tell({ type: 'server', service: KEY, server: '10.0.0.1:80', status: 'down', reason: 'refused' });
  counters.tell({ type: 'server', service: KEY, server: '10.0.0.1:80', status: 'up', reason: 'answered' });
  counters.tell({ type: 'server', service: KEY, server: '10.0.0.2:80', status: 'down', reason: 'refused' });
  counters.tell({ type: 'mass-failure', until: 1 });
  counters.tell({ type: 'late', late: 300, runs: 4 });
  counters.tell({ type: 'late', late: 250, runs: 1 });
  expect(counters.counts()).toEqual({ up: 1, down: 2, massFailures: 1, late: 550, unmeasured: 5 });
  const page = parseMetrics(
    formatMetrics({ table: { services: [] }, healthCounts: counters.counts() }, { format: 'openmetrics' }),
    'openmetrics',
  );
  expect(page.get('ipvs_checker_late_seconds_total')?.samples[0]?.value).toBe('0.55');
  expect(page.get('ipvs_verdicts_total')?.samples.map(({ labels, value }) => [labels['status'], value])).toEqual([
    ['up', '1'],
    ['down', '2'],
  ]);
});
