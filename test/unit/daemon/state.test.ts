import { describe, expect, test, vi } from 'vitest';
import { Idempotency } from '../../../src/daemon/idempotency.js';
import { Problem } from '../../../src/daemon/problem.js';
import type { Call } from '../../../src/daemon/route.js';
import { HealthMonitor } from '../../../src/health/monitor.js';
import { KEY, NAME, useDaemon, yaml } from './fixture.js';

const context = useDaemon();
const ONE = yaml('10.0.0.1');

describe('the state', () => {
  test('on one page', async () => {
    const { daemon } = context;
    daemon.write(
      `services:\n  - service: ${KEY}\n    checks: [{ type: file, path: /nowhere }]\n    destinations: [10.0.0.1, 10.0.0.2]\n`,
    );
    await daemon.start();
    const fresh = { headers: { 'if-none-match': '*' }, body: '{"weight":3}' };
    await daemon.ask('PUT', `/v1/overrides/${NAME}/10.0.0.1/weight`, fresh);
    const { status, json } = await daemon.ask('GET', '/v1/state');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      ...{ file: daemon.file, ready: true, reasons: [], draining: 0 },
      desired: { services: 1, servers: 2, revision: (await daemon.etag()).replaceAll('"', '') },
      health: { up: 0, down: 2, unknown: 0, unchecked: 0 },
      overrides: [{ kind: 'weight', weight: 3 }],
      keepers: [{ pid: process.pid }],
    });
    expect(json.events).toBeGreaterThan(0);
    daemon.write('services: [x]\n');
    await vi.waitFor(
      async () => expect((await daemon.ask('GET', '/v1/state')).json.badSource).toContain('services[0]'),
      {
        timeout: 10_000,
      },
    );
  });

  test('of the checks is gathered once a second, however many ask', async () => {
    const { daemon } = context;
    daemon.write(ONE);
    await daemon.start();
    const report = vi.spyOn(HealthMonitor.prototype, 'report');
    try {
      await Promise.all(Array.from({ length: 50 }, () => daemon.ask('GET', '/readyz')));
      await Promise.all(Array.from({ length: 50 }, () => daemon.ask('GET', '/v1/health')));
      // A second may have passed on a slow machine.
      expect(report.mock.calls.length).toBeLessThan(10);
    } finally {
      report.mockRestore();
    }
  });
});

describe('a request that is sent again', () => {
  const call = (key: string | string[] | undefined, body = '', name = 'anna') =>
    ({
      headers: { 'idempotency-key': key },
      body: Buffer.from(body),
      visitor: { name, role: 'admin' },
    }) as unknown as Call;

  test('is carried out once, also while the first is under way', async () => {
    const kept = new Idempotency();
    const work = vi.fn(async () => ({ json: work.mock.calls.length }));
    const answers = ['a', 'a', 'b', undefined, undefined].map((key) => kept.answer('/x', call(key), work));
    expect(await Promise.all(answers)).toHaveLength(5);
    expect(work).toHaveBeenCalledTimes(4);
    expect(await kept.answer('/x', call('a'), work)).toEqual(await answers[0]);
    await kept.answer('/x', call('a', '', 'otto'), work);
    expect(work).toHaveBeenCalledTimes(5);
  });

  test('is another one with another body or path', async () => {
    const kept = new Idempotency();
    await kept.answer('/x', call('a', '1'), async () => ({}));
    expect(() => kept.answer('/x', call('a', '2'), async () => ({}))).toThrow(Problem);
    expect(() => kept.answer('/y', call('a', '1'), async () => ({}))).toThrow(Problem);
    expect(() => kept.answer('/x', call('', '1'), async () => ({}))).toThrow(Problem);
    expect(() => kept.answer('/x', call('x'.repeat(201)), async () => ({}))).toThrow(Problem);
  });

  test('may be tried again after a failure, and after a day', async () => {
    let now = 0;
    const kept = new Idempotency(() => now);
    const work = vi.fn(async () => ({}));
    await expect(kept.answer('/x', call('a'), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await kept.answer('/x', call('a'), work);
    now = 24 * 3600 * 1000;
    await kept.answer('/x', call('a', 'other'), work);
    expect(work).toHaveBeenCalledTimes(2);
  });

  test('rolls back once', async () => {
    const { daemon } = context;
    daemon.write(ONE);
    await daemon.start();
    await daemon.put(yaml('10.0.0.2'), { 'if-match': '*' });
    const back = { headers: { 'if-match': '*', 'idempotency-key': 'k' } };
    const first = await daemon.ask('POST', '/v1/history/1/rollback', back);
    expect(first.json).toMatchObject({ outcome: 'applied' });
    await daemon.put(yaml('10.0.0.3'), { 'if-match': '*' });
    expect((await daemon.ask('POST', '/v1/history/1/rollback', back)).json).toEqual(first.json);
    expect(daemon.text).toBe(yaml('10.0.0.3'));
    expect((await daemon.ask('POST', '/v1/history/2/rollback', back)).status).toBe(422);
  });
});
