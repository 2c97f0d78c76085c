import { describe, expect, it } from 'vitest';
import type { Service } from '../../src/index.js';
import { makeService, parseService } from '../../src/model/service.js';
import { rejection, useIpvs } from './fixture.js';

const context = useIpvs();
const web = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;

describe('a service', () => {
  const services: Service[] = [
    web,
    { protocol: 'udp', address: '192.0.2.1', port: 53, scheduler: 'rr', onePacket: true },
    { protocol: 'sctp', address: '192.0.2.1', port: 5000, scheduler: 'wrr' },
    { protocol: 'tcp', address: '2001:db8::1', port: 443, persistence: { timeout: 100, netmask: 64 } },
    { protocol: 'tcp', address: '192.0.2.2', port: 0, persistence: { netmask: '255.255.0.0' } },
    { protocol: 'tcp', address: '192.0.2.3', port: 80, persistence: { timeout: 2678400, netmask: '255.0.255.0' } },
    { protocol: 'tcp', address: '192.0.2.4', port: 65535, persistence: { timeout: 1, netmask: 0 } },
    { protocol: 'udp', address: '192.0.2.5', port: 5060, persistence: {}, persistenceEngine: 'sip' },
    { protocol: 'udp', address: '192.0.2.6', port: 5060, persistenceEngine: 'sip' },
    { protocol: 'fwmark', mark: 1, scheduler: 'sh', schedulerFlags: ['sh-port', 'sh-fallback'] },
    { protocol: 'fwmark', mark: 1, family: 'ipv6', scheduler: 'mh', schedulerFlags: ['mh-port'] },
    { protocol: 'fwmark', mark: 4294967295, onePacket: true, schedulerFlags: ['flag-1', 'flag-2', 'flag-3'] },
    { protocol: 'tcp', address: '192.0.2.7', port: 80, scheduler: 'none' },
  ];

  it.each(services)('%o comes back as it was written', async (service) => {
    const { ipvs } = context;
    await ipvs.addService(service);
    const expected = parseService(service);
    expect((await ipvs.getService(expected))?.service).toEqual(expected);
    expect((await ipvs.listServices()).map((entry) => entry.service)).toEqual([expected]);
  });

  it.each(['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh'])(
    'may have the scheduler %s',
    async (scheduler) => {
      await context.ipvs.addService({ ...web, scheduler });
      expect((await context.ipvs.getService(web))?.service.scheduler).toBe(scheduler);
    },
  );

  it('starts with counters at zero', async () => {
    await context.ipvs.addService(web);
    expect((await context.ipvs.getService(web))?.stats).toMatchObject({
      connections: 0n,
      outBytes: 0n,
      rates: { connections: 0 },
    });
  });

  it('is updated whole: what is left out goes back to its default', async () => {
    const { ipvs } = context;
    const full: Service = {
      protocol: 'udp',
      address: '192.0.2.1',
      port: 53,
      scheduler: 'sh',
      schedulerFlags: ['sh-port'],
      onePacket: true,
      persistence: { timeout: 60, netmask: 24 },
      persistenceEngine: 'sip',
    };
    await ipvs.addService(full);
    await ipvs.updateService({ protocol: 'udp', address: '192.0.2.1', port: 53, scheduler: 'wlc' });
    expect((await ipvs.getService('udp://192.0.2.1:53'))?.service).toEqual({
      protocol: 'udp',
      address: '192.0.2.1',
      port: 53,
      scheduler: 'wlc',
    });
    await ipvs.updateService(parseService(full));
    expect((await ipvs.getService('udp://192.0.2.1:53'))?.service).toEqual(parseService(full));
  });

  it('is deleted by value, by text, or as it was listed', async () => {
    const { ipvs } = context;
    for (const port of [1, 2, 3]) await ipvs.addService({ ...web, port });
    await ipvs.deleteService({ ...web, port: 1 });
    await ipvs.deleteService('tcp://192.0.2.1:2');
    for (const { service } of await ipvs.listServices()) await ipvs.deleteService(service);
    expect(await ipvs.listServices()).toEqual([]);
  });

  it('that is not there is undefined, and an empty table is an empty list', async () => {
    expect(await context.ipvs.getService(web)).toBeUndefined();
    expect(await context.ipvs.listServices()).toEqual([]);
    expect(await context.ipvs.listDestinations(web)).toEqual([]);
  });
});

describe('refusals name the command, the object and the cause', () => {
  it('EEXIST', async () => {
    await context.ipvs.addService(web);
    expect(await rejection(context.ipvs.addService(web))).toMatchObject({
      name: 'KernelError',
      code: 'EEXIST',
      errno: -17,
      command: 'add service',
      object: 'tcp://192.0.2.1:80',
      message: 'add service tcp://192.0.2.1:80: EEXIST; the service exists already',
    });
  });

  it('ESRCH', async () => {
    const { ipvs } = context;
    for (const call of [ipvs.updateService({ ...web, scheduler: 'wlc' }), ipvs.deleteService(web), ipvs.zero(web)]) {
      expect(await rejection(call)).toMatchObject({
        code: 'ESRCH',
        object: 'tcp://192.0.2.1:80',
        reason: /no such service/,
      });
    }
  });

  it('ENOENT, of a scheduler and of a persistence engine', async () => {
    const { ipvs } = context;
    expect(await rejection(ipvs.addService({ ...web, scheduler: 'nope' }))).toMatchObject({
      code: 'ENOENT',
      reason: 'this kernel has no scheduler "nope" and could not load one',
      hint: /modprobe ip_vs_nope/,
    });
    expect(await rejection(ipvs.addService({ ...web, persistenceEngine: 'nope' }))).toMatchObject({
      code: 'ENOENT',
      reason: /no persistence engine "nope"/,
      hint: /ip_vs_pe_nope/,
    });
    expect(await ipvs.listServices()).toEqual([]);
  });

  it('what is wrong before the kernel is asked', async () => {
    const { ipvs } = context;
    expect(await rejection(ipvs.addService({ ...web, port: 0 }))).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      issues: [{ path: 'port' }],
    });
    expect(await rejection(ipvs.deleteService('tcp://192.0.2.1'))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await ipvs.listServices()).toEqual([]);
  });
});

it('a service of a protocol that nobody balances can be listed and deleted', async () => {
  const { ipvs } = context;
  const { NetlinkSource } = await import('../../src/kernel/netlink-source.js');
  const source = await NetlinkSource.open(context.kernel.socket(), {});
  const odd = { protocol: 'ip47', address: '192.0.2.1', port: 7, scheduler: 'rr' } as const;
  await source.change({ verb: 'add-service', service: makeService(odd, odd) });
  source.close();
  expect((await ipvs.listServices()).map(({ service }) => service)).toEqual([odd]);
  await ipvs.deleteService('ip47://192.0.2.1:7');
  expect(await ipvs.listServices()).toEqual([]);
});
