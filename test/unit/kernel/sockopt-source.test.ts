import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { Ipvs, type IpvsError, type Kernel, UnavailableError } from '../../../src/index.js';
import { debugOptions } from '../../../src/kernel/sockopt-debug.js';
import { plan, reconcile } from '../../../src/reconcile/index.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';
import { FakeOptions } from '../../fake-options.js';

const { ENOPROTOOPT, EPERM } = constants.errno;

/** A user namespace: netlink refuses with EPERM, /proc can be read. */
function kernelWith(options: FakeOptions): Kernel {
  const simulated = new SimulatedKernel({ capabilities: [] });
  return {
    socket: () => simulated.socket(),
    options: () => options,
    proc: (name) => simulated.proc(name),
    ticksPerSecond: () => 250,
  };
}

async function client(options = new FakeOptions()) {
  return { options, ipvs: await Ipvs.open({ kernel: kernelWith(options) }) };
}

const WEB = { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'wlc' } as const;
const KEY = 'tcp://192.0.2.1:80';

async function refusal(promise: Promise<unknown>): Promise<IpvsError> {
  return promise.then(
    () => {
      throw new Error('this should have been refused');
    },
    (error) => error as IpvsError,
  );
}

describe('the choice of a source', () => {
  it('falls on socket options where netlink is refused and they are not', async () => {
    const { ipvs } = await client();
    expect(ipvs.source).toBe('sockopt');
    expect(ipvs.fallbackReason?.code).toBe('EPERM');
    expect((await ipvs.snapshot()).source).toBe('sockopt');
  });

  it('falls on /proc where both are refused, and tells what netlink said', async () => {
    const options = new FakeOptions();
    options.errno = -EPERM;
    const { ipvs } = await client(options);
    expect(ipvs.source).toBe('proc');
    expect(ipvs.fallbackReason?.message).toContain('by netlink');
    expect(options.closed).toBe(true);
  });

  it('is netlink where it can be had, and options are not touched', async () => {
    const kernel = new SimulatedKernel();
    const options = () => {
      throw new Error('touched');
    };
    await using ipvs = await Ipvs.open({
      kernel: { socket: () => kernel.socket(), options, proc: (name) => kernel.proc(name), ticksPerSecond: () => 250 },
    });
    expect([ipvs.source, ipvs.fallbackReason]).toEqual(['netlink', undefined]);
  });

  it('can be made by the caller, as one or as a list', async () => {
    const kernel = kernelWith(new FakeOptions());
    expect((await Ipvs.open({ kernel, source: 'sockopt' })).fallbackReason).toBeUndefined();
    expect((await Ipvs.open({ kernel, source: ['netlink', 'sockopt'] })).source).toBe('sockopt');
    expect((await Ipvs.open({ kernel, source: ['proc', 'sockopt'] })).source).toBe('proc');
    expect((await refusal(Ipvs.open({ kernel, source: 'netlink' }))).code).toBe('EPERM');
  });

  it('is told the error of the first where none can be had', async () => {
    const options = new FakeOptions();
    options.errno = -ENOPROTOOPT;
    const kernel = kernelWith(options);
    expect((await refusal(Ipvs.open({ kernel, source: ['netlink', 'sockopt'] }))).code).toBe('EPERM');
    const error = await refusal(Ipvs.open({ kernel, source: 'sockopt' }));
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.message).toContain('modprobe ip_vs');
  });

  it('names the right that is wanted', async () => {
    const options = new FakeOptions();
    options.errno = -EPERM;
    const error = await refusal(Ipvs.open({ kernel: kernelWith(options), source: 'sockopt' }));
    expect(error.code).toBe('EPERM');
    expect(error.message).toContain('user namespace that owns the network namespace');
  });

  it.each(['genl', '', [], ['netlink', 'x'], 5, null])('refuses %j', async (source) => {
    const error = await refusal(Ipvs.open({ kernel: new SimulatedKernel(), source: source as 'auto' }));
    expect(error.message).toBe(
      'options: source: must be auto, netlink, sockopt, proc or a list of netlink, sockopt, proc',
    );
  });

  it('is refused by a kernel without options', async () => {
    const error = await refusal(Ipvs.open({ kernel: new SimulatedKernel(), source: 'sockopt' }));
    expect(error.code).toBe('ERR_UNAVAILABLE');
  });
});

describe('a client by socket options', () => {
  it('adds, reads, updates and deletes', async () => {
    const { ipvs } = await client();
    await ipvs.addService({ ...WEB, persistence: { timeout: 77, netmask: 24 } });
    await ipvs.addDestination(KEY, { address: '10.0.0.11', forward: 'nat', port: 8080, weight: 3 });
    await ipvs.addDestination(KEY, { address: '10.0.0.12', forward: 'dr', upperThreshold: 10 });
    await ipvs.setWeight(KEY, { address: '10.0.0.11', port: 8080 }, 0);
    const { services } = await ipvs.snapshot();
    expect(services.map(({ service }) => service)).toEqual([{ ...WEB, persistence: { timeout: 77, netmask: 24 } }]);
    expect(services[0]?.destinations.map(({ destination }) => destination)).toEqual([
      { address: '10.0.0.12', port: 80, forward: 'dr', weight: 1, upperThreshold: 10 },
      { address: '10.0.0.11', port: 8080, forward: 'nat', weight: 0 },
    ]);
    expect((await ipvs.getService(KEY))?.stats?.counterBits).toBe(32);
    await ipvs.patchService(KEY, { scheduler: 'rr' });
    expect((await ipvs.listServices()).map(({ service }) => service.scheduler)).toEqual(['rr']);
    expect(await ipvs.removeDestination(KEY, { address: '10.0.0.12' })).toBe(true);
    expect(await ipvs.listDestinations(KEY)).toHaveLength(1);
    await ipvs.deleteService(KEY);
    expect(await ipvs.getService(KEY)).toBeUndefined();
    expect(await ipvs.listDestinations(KEY)).toEqual([]);
  });

  it('lists what there is, however much', async () => {
    const { ipvs } = await client();
    for (const count of [63, 64, 65, 300]) {
      await ipvs.flush();
      const added = Array.from({ length: count }, (_, port) => ({
        verb: 'add-service' as const,
        service: { ...WEB, port: port + 1 },
      }));
      expect(await ipvs.applyAll(added)).toEqual([]);
      const ports = (await ipvs.listServices()).map(({ service }) => (service as { port?: number }).port);
      expect(ports).toEqual(added.map(({ service }) => service.port));
    }
  });

  it('keeps marks, timeouts and daemons', async () => {
    const { ipvs } = await client();
    await ipvs.addService({ protocol: 'fwmark', mark: 5, family: 'ipv4', scheduler: 'rr' });
    await ipvs.addDestination('fwmark://5', { address: '10.0.0.11', forward: 'tun' });
    expect((await ipvs.listDestinations('fwmark://5'))[0]?.destination).toEqual({
      ...{ address: '10.0.0.11', port: 0, forward: 'tun', weight: 1 },
    });
    await ipvs.setTimeouts({ udp: 60 });
    expect(await ipvs.timeouts()).toEqual({ tcp: 900, tcpFin: 120, udp: 60 });
    await ipvs.startDaemon({ role: 'master', interface: 'eth1', syncId: 7 });
    expect(await ipvs.daemons()).toEqual([{ role: 'master', interface: 'eth1', syncId: 7 }]);
    await ipvs.stopDaemon('master');
    expect(await ipvs.daemons()).toEqual([]);
    expect(await ipvs.info()).toEqual({ version: '1.2.1', connectionTableSize: 4096 });
  });

  it('lists a service of another protocol number, and does not change it', async () => {
    const { ipvs, options } = await client();
    await ipvs.addService(WEB);
    await ipvs.addDestination(KEY, { address: '10.0.0.11' });
    options.services[0]?.bytes.writeUInt16LE(47, 0);
    const { services } = await ipvs.snapshot();
    expect(services).toMatchObject([
      { service: { protocol: 'ip47', port: 80 }, destinations: [{ destination: { address: '10.0.0.11' } }] },
    ]);
    const error = await refusal(ipvs.deleteService('ip47://192.0.2.1:80'));
    expect(error.message).toContain('socket options know changes of tcp, udp and sctp only');
  });

  it('tells what the kernel refuses, and why', async () => {
    const { ipvs } = await client();
    await ipvs.addService(WEB);
    expect((await refusal(ipvs.addService(WEB))).message).toBe(
      `add service ${KEY}: EEXIST; the service exists already`,
    );
    expect((await refusal(ipvs.deleteService('tcp://192.0.2.9:80'))).code).toBe('ESRCH');
    expect((await refusal(ipvs.addService({ ...WEB, port: 81, scheduler: 'nosuch' }))).message).toContain(
      'no scheduler',
    );
    expect((await refusal(ipvs.startDaemon({ role: 'master', interface: 'none' }))).code).toBe('ENODEV');
  });

  it('refuses what the options cannot say, with the reason, and sends nothing', async () => {
    const { ipvs, options } = await client();
    const error = await refusal(ipvs.addService({ ...WEB, address: '2001:db8::1' }));
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.message).toBe(
      'add service tcp://[2001:db8::1]:80: socket options know only IPv4; netlink knows all, and wants CAP_NET_ADMIN in the ' +
        'initial user namespace',
    );
    expect((await refusal(ipvs.getService('tcp://[2001:db8::1]:80'))).code).toBe('ERR_UNAVAILABLE');
    expect((await refusal(ipvs.listDestinations('fwmark://5?family=ipv6'))).code).toBe('ERR_UNAVAILABLE');
    expect(options.sent).toEqual([]);
  });

  it('goes on with the others of many, and gives back what was refused in order', async () => {
    const { ipvs } = await client();
    const failures = await ipvs.applyAll([
      { verb: 'add-service', service: WEB },
      { verb: 'add-service', service: { ...WEB, address: '2001:db8::1' } },
      { verb: 'add-service', service: WEB },
      { verb: 'add-destination', key: KEY, destination: { address: '10.0.0.1' } },
    ]);
    expect(failures.map(({ place, error }) => [place, (error as IpvsError).code])).toEqual([
      [1, 'ERR_UNAVAILABLE'],
      [2, 'EEXIST'],
    ]);
    expect(await ipvs.listDestinations(KEY)).toHaveLength(1);
  });

  it('saves and restores', async () => {
    const { ipvs } = await client();
    const rules = '-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 10.0.0.11:80 -m -w 3\n';
    const seen: number[] = [];
    expect(await ipvs.restore(rules, { replace: true, onProgress: ({ done }) => seen.push(done) })).toBe(2);
    expect(seen.at(-1)).toBe(2);
    expect(await ipvs.save()).toBe(rules);
    expect(await ipvs.save({ full: true })).toContain('--set 900 120 300');
  });

  it('makes a table the wanted one, and then has nothing to do', async () => {
    const { ipvs } = await client();
    const desired = {
      services: [{ service: WEB, destinations: [{ address: '10.0.0.11', forward: 'tun' as const, weight: 2 }] }],
    };
    expect((await reconcile(ipvs, desired)).steps).toHaveLength(2);
    expect((await reconcile(ipvs, desired)).steps).toEqual([]);
    expect(plan({ ...(await ipvs.snapshot()) }, desired).steps).toEqual([]);
  });

  it('takes back a plan of which a part has no form', async () => {
    const { ipvs } = await client();
    const error = await refusal(
      reconcile(ipvs, {
        services: [
          { service: WEB, destinations: [] },
          { service: { ...WEB, address: '2001:db8::1' }, destinations: [] },
        ],
      }),
    );
    expect(error).toMatchObject({ code: 'ERR_RECONCILE', refused: [{ step: 'add service tcp://[2001:db8::1]:80' }] });
    expect(error).toMatchObject({ unknown: [], inForce: [] });
    expect(await ipvs.listServices()).toEqual([]);
  });

  it('ends with the signal, and when it is closed', async () => {
    const { ipvs, options } = await client();
    const reason = new Error('enough');
    await expect(ipvs.addService(WEB, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(options.sent).toEqual([]);
    await ipvs.close();
    await ipvs.close();
    expect(options.closed).toBe(true);
    expect((await refusal(ipvs.addService(WEB))).code).toBe('ERR_CLOSED');
    expect((await refusal(ipvs.info())).message).toBe('get info: the client is closed');
  });

  it('says when the module has gone', async () => {
    const { ipvs, options } = await client();
    options.errno = -ENOPROTOOPT;
    expect((await refusal(ipvs.addService(WEB))).message).toContain('not loaded');
    expect((await refusal(ipvs.listServices())).code).toBe('ERR_UNAVAILABLE');
  });
});

it('every option is printed with its name', () => {
  const lines: string[] = [];
  const options = debugOptions(new FakeOptions(), (line) => lines.push(line));
  options.set(1157, new Uint8Array(0));
  options.set(1164, Uint8Array.of(1, ...new Uint8Array(23)));
  options.get(1158, new Uint8Array(12));
  options.get(1999, new Uint8Array(1));
  options.close();
  expect(lines).toEqual([
    'ipvs > SET_FLUSH',
    'ipvs > SET_STOPDAEMON ESRCH',
    'ipvs < GET_TIMEOUT 84030000780000002c010000',
    'ipvs < 1999 ENOPROTOOPT',
  ]);
});
