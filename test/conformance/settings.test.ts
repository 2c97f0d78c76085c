import { afterEach, describe, expect, it } from 'vitest';
import type { SyncDaemon } from '../../src/index.js';
import { rejection, useIpvs } from './fixture.js';

const context = useIpvs();

it('info tells version and table size', async () => {
  let table = '';
  for await (const piece of context.kernel.proc('ip_vs')) table += piece;
  const size = Number(/^IP Virtual Server version 1\.2\.1 \(size=(\d+)\)\n/.exec(table)?.[1]);
  expect(await context.ipvs.info()).toEqual({ version: '1.2.1', connectionTableSize: size });
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
    for (const tcp of [-1, 2 ** 31, 1.5]) {
      expect(await rejection(ipvs.setTimeouts({ tcp, udp: 5 }))).toMatchObject({ issues: [{ path: 'tcp' }] });
    }
    await ipvs.setTimeouts({});
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
