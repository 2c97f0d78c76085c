import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Ipvs } from '../../src/index.js';
import { Lan } from '../lab/network.js';

it('counters count packets, and zero starts them anew', async () => {
  await using lan = await Lan.create();
  const director = await lan.host('director', '10.8.0.1/24');
  const client = await lan.host('client', '10.8.0.2/24');
  const server = await lan.host('rs1', '10.8.0.11/24');
  await director.addAddress('10.8.0.100/32');
  await server.acceptVirtualAddress('10.8.0.100');
  await server.serveHttp();
  await using ipvs = await Ipvs.open({ netns: director.namespacePath });
  const key = { protocol: 'tcp', address: '10.8.0.100', port: 80 } as const;
  await ipvs.addService({ ...key, scheduler: 'rr' });
  await ipvs.addDestination(key, { address: '10.8.0.11' });
  await client.httpGet('http://10.8.0.100/', 3);

  // The kernel's estimator adds up its counters every two seconds.
  await sleep(2500);
  const entry = await ipvs.getService(key);
  expect(entry?.stats).toMatchObject({ connections: 3n, outPackets: 0n });
  expect(entry?.stats?.inPackets).toBeGreaterThanOrEqual(9n);
  const [destination] = await ipvs.listDestinations(key);
  expect(destination?.stats?.connections).toBe(3n);
  expect((destination?.activeConnections ?? 0) + (destination?.inactiveConnections ?? 0)).toBe(3);
  expect((await ipvs.totals()).connections).toBe(3n);
  expect((await ipvs.getService(key))?.stats?.rates.inPackets).toBeGreaterThan(0);

  await ipvs.zero(key);
  expect((await ipvs.getService(key))?.stats?.connections).toBe(0n);
  expect((await ipvs.listDestinations(key))[0]?.stats?.connections).toBe(0n);
  expect((await ipvs.totals()).connections).toBe(3n);
  await ipvs.zero();
  expect((await ipvs.totals()).connections).toBe(0n);

  expect(await ipvs.listConnections({ service: key, server: '10.8.0.11', client: '10.8.0.0/24' })).toHaveLength(3);
  expect(await ipvs.listConnections({ server: '10.8.0.12' })).toEqual([]);
  const rows = await ipvs.listConnections();
  expect(rows).toHaveLength(3);
  for (const row of rows) {
    expect(row).toMatchObject({
      protocol: 'tcp',
      client: { address: '10.8.0.2' },
      virtual: { address: '10.8.0.100', port: 80 },
      destination: { address: '10.8.0.11', port: 80 },
    });
    expect(row.expires).toBeGreaterThan(0);
  }
});
