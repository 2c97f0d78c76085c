import { expect, test } from 'vitest';
import type { CheckResult } from '../../../src/health/check-once.js';
import { type HealthEvent, HealthMonitor } from '../../../src/health/monitor.js';
import { type EventType, eventJsonSchema } from '../../../src/json/event-schemas.js';
import { keepEventJson } from '../../../src/json/events.js';
import { healthJson } from '../../../src/json/health.js';
import { checksJsonSchema, healthJsonSchema } from '../../../src/json/health-schemas.js';
import { parseDesiredTable } from '../../../src/model/desired.js';
import { type KeepEvent, keep } from '../../../src/reconcile/keep.js';
import { useSimulator, WEB } from '../reconcile/fixture.js';

const context = useSimulator();
const TABLE = parseDesiredTable({
  services: [{ service: WEB, destinations: [{ address: '10.0.0.1' }, { address: '10.0.0.2' }] }],
  health: [{ service: WEB, checks: [{ type: 'tcp' }], notify: { quorumUp: ['up'] }, sorry: { address: '10.0.0.9' } }],
});

/** As it is read: plain JSON. */
const read = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

// Both: a new type of event needs a schema, and a schema an event.
type Types = KeepEvent['type'] | HealthEvent['type'];
const all: readonly [Types extends EventType ? true : never, EventType extends Types ? true : never] = [true, true];

test('what a monitor and keep write satisfies the schemas, which know all of it', async () => {
  expect(all).toEqual([true, true]);
  const end = new AbortController();
  const events: object[] = [];
  const take = (event: object) => void events.push(read({ time: new Date().toISOString(), ...event }) as object);
  using monitor = new HealthMonitor({
    onEvent: take,
    run: async ({ address }) =>
      address === '10.0.0.1'
        ? { result: 'passed', reason: 'connected', warning: 'soon', load: 50 }
        : { result: 'failed', kind: 'hard', reason: 'refused' },
    runHook: async () => 'exit code 1',
  });
  const onEvent = (event: KeepEvent) => {
    take(keepEventJson(event));
    if (event.type === 'ready') end.abort();
  };
  await keep(context.ipvs, { read: () => TABLE }, { health: monitor, onEvent, signal: end.signal, withdraw: true });
  expect(new Set(events.map((event) => 'type' in event && event.type))).toEqual(
    new Set(['server', 'warning', 'hook-failed', 'applied', 'ready', 'stopping', 'withdrawn']),
  );
  for (const event of events) expect(eventJsonSchema.parse(event)).toEqual(event);
  const report = read(healthJson(monitor.report()));
  expect(healthJsonSchema.parse(report)).toEqual(report);
  expect(report).toMatchObject({ servers: [{ status: 'up' }, { status: 'down', action: 'quiesce' }] });
});

test('what a check found satisfies its schema', () => {
  const results: CheckResult[] = [
    {
      services: ['tcp://192.0.2.1:80'],
      server: '10.0.0.1:80',
      target: '10.0.0.1:8080',
      check: 'tcp',
      result: 'not measured',
      reason: 'EMFILE',
      took: 0,
    },
  ];
  expect(checksJsonSchema.parse(read(results))).toEqual(results);
});

test.each([{ type: 'ready' }, { time: 'now', type: 'ready' }, { time: new Date().toISOString(), type: 'server' }])(
  '%j is no line',
  (line) => {
    expect(eventJsonSchema.safeParse(line).success).toBe(false);
  },
);
