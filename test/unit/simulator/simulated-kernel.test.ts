import { describe, expect, it } from 'vitest';
import { InvalidArgumentError, Ipvs, KernelError, UnavailableError } from '../../../src/index.js';
import { SimulatedKernel, type SimulatedKernelOptions } from '../../../src/simulator/index.js';

const web = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;
const open = (options?: SimulatedKernelOptions) =>
  Ipvs.open({ kernel: new SimulatedKernel(options), source: 'netlink' });

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'not refused',
    (error: unknown) => error,
  );
}

async function textOf(kernel: SimulatedKernel, name: string): Promise<string> {
  let text = '';
  for await (const piece of kernel.proc(name)) text += piece;
  return text;
}

describe('each kernel', () => {
  it('is a namespace of its own, and one table for all its sockets', async () => {
    const kernel = new SimulatedKernel();
    await using first = await Ipvs.open({ kernel });
    await using second = await Ipvs.open({ kernel });
    await using other = await open();
    await first.addService(web);
    expect(await second.listServices()).toHaveLength(1);
    expect(await other.listServices()).toEqual([]);
  });

  it('tells the version and the table size that it is given', async () => {
    await using ipvs = await open({ version: '1.3.2', connectionTableSize: 1 << 20 });
    expect(await ipvs.info()).toEqual({ version: '1.3.2', connectionTableSize: 1 << 20 });
  });

  it('without CAP_NET_ADMIN refuses everything but to tell its number', async () => {
    const error = await rejection(open({ capabilities: [] }));
    expect(error).toBeInstanceOf(KernelError);
    expect(error).toMatchObject({ code: 'EPERM', reason: expect.stringContaining('CAP_NET_ADMIN') });
    await using proc = await Ipvs.open({ kernel: new SimulatedKernel({ capabilities: [] }) });
    expect(proc.source).toBe('proc');
    expect(await proc.listServices()).toEqual([]);
  });

  it('has the schedulers and engines that it is given', async () => {
    await using ipvs = await open({ schedulers: ['rr'], persistenceEngines: [] });
    await ipvs.addService({ ...web, scheduler: 'rr' });
    await ipvs.addService({ ...web, port: 81, scheduler: 'none' });
    expect(await rejection(ipvs.addService({ ...web, port: 82, scheduler: 'wlc' }))).toMatchObject({ code: 'ENOENT' });
    expect(
      await rejection(ipvs.addService({ ...web, port: 83, scheduler: 'rr', persistenceEngine: 'sip' })),
    ).toMatchObject({ code: 'ENOENT' });
  });

  it('without IPv6 knows no such family', async () => {
    await using ipvs = await open({ ipv6: false });
    expect(await rejection(ipvs.addService({ ...web, address: '2001:db8::1' }))).toMatchObject({
      code: 'EAFNOSUPPORT',
    });
  });

  it('has the interfaces that it is given', async () => {
    await using ipvs = await open({ interfaces: [{ name: 'eth0', mtu: 9000 }] });
    expect(await rejection(ipvs.startDaemon({ role: 'backup', interface: 'lo' }))).toMatchObject({ code: 'ENODEV' });
    await ipvs.startDaemon({ role: 'backup', interface: 'eth0', group: 'ff02::81' });
    expect(await ipvs.daemons()).toMatchObject([{ maxLength: 9000 - 48 }]);
  });

  it('lists services in an order of its own', async () => {
    const orders = await Promise.all(
      [0, 0, 7].map(async (orderSeed) => {
        await using ipvs = await open({ orderSeed });
        for (const port of [1, 2, 3, 4, 5]) await ipvs.addService({ ...web, port });
        return (await ipvs.listServices()).map(({ service }) => 'port' in service && service.port);
      }),
    );
    expect(orders[0]).toEqual(orders[1]);
    expect(orders[2]).not.toEqual(orders[0]);
    expect([...(orders[2] ?? [])].sort()).toEqual([1, 2, 3, 4, 5]);
  });

  it.each([
    [{ schedulers: ['nope'] }, 'schedulers.0'],
    [{ addresses: ['10.0.0.1'] }, 'addresses.0'],
    [{ addresses: ['127.0.0.1/8', '10.0.0.1/33'] }, 'addresses.1'],
    [{ version: '1.2' }, 'version'],
    [{ version: '1.2.256' }, 'version'],
    [{ ticksPerSecond: 0 }, 'ticksPerSecond'],
    [{ orderSeed: 256 }, 'orderSeed'],
    [{ familyNumber: 16 }, 'familyNumber'],
    [{ connectionTableSize: 1.5 }, 'connectionTableSize'],
    [{ receiveBuffer: -1 }, 'receiveBuffer'],
  ] satisfies [SimulatedKernelOptions, string][])('that could not be is refused: %o', (options, path) => {
    expect(() => new SimulatedKernel(options)).toThrow(InvalidArgumentError);
    expect(() => new SimulatedKernel(options)).toThrow(path);
  });
});

it.each<[unknown, string]>([
  [{ now: 5 }, 'now: must be a function'],
  [{ capabilities: null }, 'capabilities: must be a list'],
  [{ capabilities: ['CAP_SYS_ADMIN'] }, 'capabilities[0]: must be CAP_NET_ADMIN'],
  [{ addresses: true }, 'addresses: must be a list'],
  [{ schedulers: { rr: true } }, 'schedulers: must be a list'],
  [{ interfaces: [null] }, 'interfaces[0]: must be an object'],
  [{ interfaces: [{ mtu: 'much' }] }, 'interfaces[0].name: must be text; interfaces[0].mtu: must be a number'],
  [{ padding: 'some' }, 'padding: must be none or aligned'],
  [{ shedulers: [] }, 'shedulers: unknown field'],
])('options of another kind are named: %j', (options, message) => {
  expect(() => new SimulatedKernel(options as SimulatedKernelOptions)).toThrow(message);
});

it('the clock goes a hundred years at most, and no farther', () => {
  const kernel = new SimulatedKernel({ now: () => 0 });
  kernel.advance(3_155_760_000_000);
  for (const milliseconds of [3_155_760_000_001, 1e300, Number.POSITIVE_INFINITY, Number.NaN, -1]) {
    expect(() => kernel.advance(milliseconds)).toThrow('milliseconds');
  }
});

describe('the files', () => {
  it('count persistence in ticks', async () => {
    const kernel = new SimulatedKernel({ ticksPerSecond: 1000 });
    await using ipvs = await Ipvs.open({ kernel });
    await ipvs.addService({ ...web, scheduler: 'rr', persistence: { timeout: 77, netmask: 24 } });
    expect(await textOf(kernel, 'ip_vs')).toBe(
      'IP Virtual Server version 1.2.1 (size=4096)\n' +
        'Prot LocalAddress:Port Scheduler Flags\n' +
        '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n' +
        'TCP  C0000201:0050 rr  persistent 77000 FFFFFF00\n',
    );
    expect(kernel.ticksPerSecond()).toBe(1000);
  });

  it('are those of an idle director at first', async () => {
    const kernel = new SimulatedKernel();
    expect(await textOf(kernel, 'ip_vs_stats')).toBe(`\
   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
       0        0        0                0                0

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
       0        0        0                0                0
`);
    expect(await textOf(kernel, 'ip_vs_conn')).toBe(
      'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n',
    );
  });

  it('are no others', async () => {
    await expect(textOf(new SimulatedKernel(), 'route')).rejects.toThrow(UnavailableError);
  });
});
