import { expect, it } from 'vitest';
import { Ipvs } from '../../../src/index.js';
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
