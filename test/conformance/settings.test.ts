import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Ipvs, type SyncDaemon } from '../../src/index.js';
import { Lan } from '../lab/network.js';
import { rejection, useIpvs } from './fixture.js';

const context = useIpvs();

it('info tells version and table size', async () => {
  expect(await context.ipvs.info()).toEqual({ version: '1.2.1', connectionTableSize: 4096 });
});

describe('timeouts', () => {
  afterEach(() => context.ipvs.setTimeouts({ tcp: 900, tcpFin: 120, udp: 300 }));

  it('are set one by one or together', async () => {
    const { ipvs } = context;
    expect(await ipvs.timeouts()).toEqual({ tcp: 900, tcpFin: 120, udp: 300 });
    await ipvs.setTimeouts({ tcpFin: 77 });
    expect(await ipvs.timeouts()).toEqual({ tcp: 900, tcpFin: 77, udp: 300 });
    await ipvs.setTimeouts({ tcp: 1, tcpFin: 2678400, udp: 3 });
    expect(await ipvs.timeouts()).toEqual({ tcp: 1, tcpFin: 2678400, udp: 3 });
  });

  it('out of range are refused, and nothing changes', async () => {
    const { ipvs } = context;
    for (const tcp of [0, -1, 2678401, 1.5]) {
      expect(await rejection(ipvs.setTimeouts({ tcp, udp: 5 }))).toMatchObject({ issues: [{ path: 'tcp' }] });
    }
    expect(await rejection(ipvs.setTimeouts({}))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await ipvs.timeouts()).toEqual({ tcp: 900, tcpFin: 120, udp: 300 });
  });
});

describe('sync daemons', () => {
  afterEach(async () => {
    for (const { role } of await context.ipvs.daemons()) await context.ipvs.stopDaemon(role);
  });

  const daemons: SyncDaemon[] = [
    { role: 'master', interface: 'lo', syncId: 7, maxLength: 1000, group: '224.0.0.90', port: 9000, ttl: 5 },
    { role: 'backup', interface: 'lo', syncId: 255, maxLength: 2000, group: 'ff02::90', port: 1, ttl: 255 },
  ];

  it.each(daemons)('%o comes back as it was written', async (daemon) => {
    await context.ipvs.startDaemon(daemon);
    expect(await context.ipvs.daemons()).toEqual([daemon]);
    await context.ipvs.stopDaemon(daemon.role);
    expect(await context.ipvs.daemons()).toEqual([]);
  });

  it('have the defaults of the kernel, and run side by side', async () => {
    const { ipvs } = context;
    await ipvs.startDaemon({ role: 'backup', interface: 'lo' });
    await ipvs.startDaemon({ role: 'master', interface: 'lo' });
    const common = { interface: 'lo', syncId: 0, group: '224.0.0.81', port: 8848, ttl: 1 };
    expect(await ipvs.daemons()).toEqual([
      { role: 'master', maxLength: 1472, ...common },
      { role: 'backup', maxLength: 65507, ...common },
    ]);
  });

  it('are refused with a reason', async () => {
    const { ipvs } = context;
    const daemon: SyncDaemon = { role: 'master', interface: 'lo' };
    expect(await rejection(ipvs.stopDaemon('master'))).toMatchObject({ code: 'ESRCH', reason: /no such daemon/ });
    expect(await rejection(ipvs.startDaemon({ ...daemon, interface: 'nope0' }))).toMatchObject({
      code: 'ENODEV',
      object: 'master on nope0',
      reason: /no interface of that name/,
    });
    await ipvs.startDaemon(daemon);
    expect(await rejection(ipvs.startDaemon(daemon))).toMatchObject({ code: 'EEXIST', reason: /running already/ });
    expect(await rejection(ipvs.startDaemon({ ...daemon, group: '10.0.0.1' }))).toMatchObject({
      issues: [{ path: 'group' }],
    });
  });
});

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
