import { expect, test, vi } from 'vitest';
import { HealthMonitor } from '../../../src/health/monitor.js';
import { Ipvs } from '../../../src/index.js';
import { type KeepEvent, keep } from '../../../src/reconcile/keep.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

const SERVICE = { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' } as const;
const [DYING, LIVING] = ['198.51.100.1', '198.51.100.2'];

test.each([
  [true, [LIVING, LIVING]],
  [false, [DYING, DYING, LIVING, LIVING]],
])('onFailure: { endConnections: %s }: the connections of a server that is removed', async (endConnections, left) => {
  const kernel = new SimulatedKernel();
  await using ipvs = await Ipvs.open({ kernel });
  const [dead, events, end] = [new Set<string>(), [] as KeepEvent[], new AbortController()];
  using monitor = new HealthMonitor({
    run: async ({ address }) =>
      dead.has(address)
        ? { result: 'failed', kind: 'hard', reason: 'refused' }
        : { result: 'passed', reason: 'connected' },
  });
  const table = {
    services: [{ service: SERVICE, destinations: [{ address: DYING }, { address: LIVING }] }],
    health: [
      {
        service: SERVICE,
        checks: [{ type: 'tcp' as const, interval: 100, fall: 1 }],
        onFailure: { removeAfter: 0, endConnections },
      },
    ],
  };
  const onEvent = (event: KeepEvent) => void events.push(event);
  const kept = keep(ipvs, { read: () => table }, { health: monitor, signal: end.signal, onEvent });
  await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain('ready'), 5000);
  for (let port = 1; port <= 4; port++) {
    const client = { address: '203.0.113.7', port };
    kernel.connect({ protocol: 'tcp', client, virtual: { address: '192.0.2.1', port: 80 } }).connection?.send('ACK');
  }
  dead.add(DYING);
  await vi.waitFor(() => expect(events.at(-1)?.type).toBe(endConnections ? 'ended' : 'health'), 5000);
  const rows = await ipvs.listConnections();
  expect(rows.map(({ destination }) => destination.address).sort()).toEqual([...left].sort());
  if (endConnections)
    expect(events.at(-1)).toMatchObject({ server: `${DYING}:80 of tcp://192.0.2.1:80`, ended: 2, left: 0 });
  end.abort();
  await kept;
});
