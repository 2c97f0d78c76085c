import { expect, it } from 'vitest';
import { Ipvs } from '../../../src/index.js';
import type { Kernel } from '../../../src/kernel/kernel.js';
import type { Transport } from '../../../src/netlink/transport.js';
import { SimulatedKernel } from '../../../src/simulator/simulated-kernel.js';
import { split } from '../../fake-kernel.js';

const NLM_F_MULTI = 2;
const NLMSG_DONE = 3;

/** Gives out every piece of a dump twice, which a real kernel does with the end of one where rows come meanwhile. */
function repeating(transport: Transport, onRepeat: () => void): Transport {
  let again: Uint8Array | undefined;
  const { receiveMany } = transport;
  // The simulated kernel gives out one datagram at a time.
  transport.receiveMany = (into, lengths) => {
    if (again !== undefined) {
      into.set(again);
      lengths[0] = again.length;
      again = undefined;
      onRepeat();
      return 1;
    }
    const count = receiveMany.call(transport, into, lengths);
    const datagram = into.slice(0, count > 0 ? lengths[0] : 0);
    const messages = split(datagram);
    const isPiece =
      messages.length > 0 && messages.every(({ type, flags }) => type > NLMSG_DONE && flags & NLM_F_MULTI);
    if (isPiece) again = datagram;
    return count;
  };
  return transport;
}

it('lists nothing twice, though pieces of a dump repeat what others told', async () => {
  const kernel = new SimulatedKernel();
  let repeats = 0;
  await using ipvs = await Ipvs.open({
    kernel: {
      socket: () => repeating(kernel.socket(), () => repeats++),
      proc: (name) => kernel.proc(name),
      ticksPerSecond: () => kernel.ticksPerSecond(),
    },
  });
  const services = Array.from({ length: 500 }, (_, n) => `-A -t 192.0.2.1:${1 + n}\n`);
  const servers = Array.from({ length: 500 }, (_, n) => `-a -t 192.0.2.1:1 -r 10.0.0.1:${1 + n} -m\n`);
  await ipvs.restore([...services, ...servers].join(''));
  expect(await ipvs.listServices()).toHaveLength(500);
  expect(repeats).toBeGreaterThan(1);
  expect(await ipvs.listDestinations('tcp://192.0.2.1:1')).toHaveLength(500);
  expect(await ipvs.listDestinations('tcp://192.0.2.1:2')).toHaveLength(0);
  expect((await ipvs.snapshot()).services.flatMap(({ destinations }) => destinations)).toHaveLength(500);
});

/** Sockets that lead to one kernel and, once it has another number for the family, to the next. */
function reloadable(first: SimulatedKernel): { kernel: Kernel; reload(next: SimulatedKernel): void } {
  let current = first;
  const kernel: Kernel = {
    socket() {
      const sockets = new Map<SimulatedKernel, Transport>();
      const socket = () => {
        const made = sockets.get(current) ?? current.socket();
        sockets.set(current, made);
        return made;
      };
      return {
        send: (datagram) => socket().send(datagram),
        receiveMany: (into, lengths) => socket().receiveMany(into, lengths),
        watch: (onReadable) => socket().watch(onReadable),
        unwatch: () => socket().unwatch(),
        close: () => socket().close(),
      };
    },
    proc: (name) => current.proc(name),
    ticksPerSecond: () => current.ticksPerSecond(),
  };
  return {
    kernel,
    reload(next) {
      current = next;
    },
  };
}

const SERVICE = { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' } as const;
const SERVER = { address: '10.0.0.1', forward: 'dr' } as const;

it.each<[string, (ipvs: Ipvs) => Promise<unknown>]>([
  ['a command', (ipvs) => ipvs.addService(SERVICE)],
  ['a query', (ipvs) => ipvs.timeouts()],
  ['the version', (ipvs) => ipvs.info()],
  ['a list', (ipvs) => ipvs.listServices()],
  ['one service', (ipvs) => ipvs.getService(SERVICE)],
  ['destinations', (ipvs) => ipvs.listDestinations(SERVICE)],
  ['sync daemons', (ipvs) => ipvs.daemons()],
  ['a restore', (ipvs) => ipvs.restore('-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g\n')],
  ['many changes', (ipvs) => ipvs.applyAll([{ verb: 'add-service', service: SERVICE }])],
  ['many at once', (ipvs) => Promise.all(Array.from({ length: 100 }, () => ipvs.snapshot()))],
])('a client goes on when ip_vs was loaded anew: %s', async (_, call) => {
  const { kernel, reload } = reloadable(new SimulatedKernel({ familyNumber: 28 }));
  await using ipvs = await Ipvs.open({ kernel, source: 'netlink' });
  await ipvs.addService(SERVICE);
  const next = new SimulatedKernel({ familyNumber: 31 });
  reload(next);
  await call(ipvs);
  // What was asked, and all after it, reached the new table.
  await ipvs.flush();
  await ipvs.addService(SERVICE);
  await using other = await Ipvs.open({ kernel: next });
  expect(await other.listServices()).toHaveLength(1);
});

it('a restore that was read before ip_vs was loaded anew goes to the new one whole', async () => {
  const { kernel, reload } = reloadable(new SimulatedKernel({ familyNumber: 28 }));
  await using ipvs = await Ipvs.open({ kernel, source: 'netlink' });
  const next = new SimulatedKernel({ familyNumber: 31 });
  reload(next);
  const rules = Array.from({ length: 1000 }, (_, n) => `-A -t 192.0.2.1:${n + 1} -s rr\n`);
  expect(await ipvs.restore(rules.join(''))).toBe(1000);
  expect(await ipvs.listServices()).toHaveLength(1000);
});

it('ENOENT of IPVS itself stays what it is', async () => {
  const kernel = new SimulatedKernel();
  await using ipvs = await Ipvs.open({ kernel, source: 'netlink' });
  await expect(ipvs.addService({ ...SERVICE, scheduler: 'nosuch' })).rejects.toMatchObject({
    code: 'ENOENT',
    message: expect.stringContaining('no scheduler "nosuch"'),
  });
  await ipvs.addService(SERVICE);
  await expect(ipvs.deleteDestination(SERVICE, SERVER)).rejects.toMatchObject({
    code: 'ENOENT',
    message: expect.stringContaining('the service has no such destination'),
  });
});

/** Loses the first pieces of lists, as Linux 7.1 does where it resizes its table meanwhile. */
function losing(transport: Transport, pieces: number): Transport {
  let left = pieces;
  const { receiveMany } = transport;
  transport.receiveMany = (into, lengths) => {
    const count = receiveMany.call(transport, into, lengths);
    const messages = split(into.slice(0, count > 0 ? lengths[0] : 0));
    const isPiece = messages.length > 1 && messages.every(({ flags }) => flags & NLM_F_MULTI);
    if (!isPiece || left === 0) return count;
    left--;
    return receiveMany.call(transport, into, lengths);
  };
  return transport;
}

it('a list of services that lacks some is not taken for the whole', async () => {
  const kernel = new SimulatedKernel();
  await using setup = await Ipvs.open({ kernel });
  await setup.restore(Array.from({ length: 500 }, (_, n) => `-A -t 192.0.2.1:${1 + n}\n`).join(''));
  for (const pieces of [1, 2]) {
    await using ipvs = await Ipvs.open({
      kernel: {
        socket: () => losing(kernel.socket(), pieces),
        proc: (name) => kernel.proc(name),
        ticksPerSecond: () => kernel.ticksPerSecond(),
      },
    });
    expect(await ipvs.listServices()).toHaveLength(500);
  }
});
