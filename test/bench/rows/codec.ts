/**
 * Text and bytes alone, without a kernel.
 */
import { Ipvs, type Kernel, linuxKernel, type Transport } from 'ipvs-ts';
import { readRules } from '../../../src/ipvsadm/rules.js';
import { IpvsRequests, readDestinationMessage, readServiceMessage } from '../../../src/kernel/requests.js';
import { AttributeWriter, Bytes } from '../../../src/netlink/attributes.js';
import {
  type Message,
  NLM_F_REQUEST,
  NLMSG_MIN_TYPE,
  readMessages,
  writeMessage,
} from '../../../src/netlink/message.js';
import { milliseconds, withDirector } from '../measure.js';
import type { Measurement } from '../measurement.js';
import type { RowDescription } from '../results.js';
import { makeRules } from '../rules.js';

const COMMANDS = 11_000;
/** Each figure is made of this much work. */
const MESSAGES = 110_000;

const PARSE: RowDescription = {
  name: 'parse rules',
  what: 'Lines of rules that are read in a second.',
  unit: '1000/s',
  more: true,
};
const ENCODE: RowDescription = {
  name: 'encode commands',
  what: 'Messages to add services and real servers that are written in a second.',
  unit: '1000/s',
  more: true,
};
const DECODE_SERVICES: RowDescription = {
  name: 'decode services',
  what: "The kernel's messages about services, with statistics, that are read in a second.",
  unit: '1000/s',
  more: true,
};
const DECODE_DESTINATIONS: RowDescription = {
  name: 'decode destinations',
  what: "The kernel's messages about real servers, with statistics, that are read in a second.",
  unit: '1000/s',
  more: true,
};

export const codec: Measurement = {
  rows: [PARSE, ENCODE, DECODE_SERVICES, DECODE_DESTINATIONS],
  rounds: 9,
  async run(rounds) {
    const rules = makeRules(COMMANDS);
    const changes = [...readRules(rules)].map(({ change }) => change);
    const requests = new IpvsRequests(0);
    const writer = new AttributeWriter();
    const { services, destinations } = await record(rules);
    for (const round of rounds) {
      round.record(PARSE, await rate(COMMANDS, () => [...readRules(rules)]));
      round.record(
        ENCODE,
        await rate(COMMANDS, () => {
          for (const change of changes) {
            writer.truncate(0);
            writeMessage(writer, { type: 0, flags: NLM_F_REQUEST, sequence: 0 }, requests.change(change));
          }
        }),
      );
      round.record(DECODE_SERVICES, await rate(services.length, () => services.map(readServiceMessage)));
      round.record(
        DECODE_DESTINATIONS,
        await rate(destinations.length, () => destinations.map((message) => readDestinationMessage(message, 'ipv4'))),
      );
    }
  },
};

/** Thousands a second of a thing that is done `times` times by `work`. */
async function rate(times: number, work: () => unknown): Promise<{ sdk: number }> {
  const repeats = Math.ceil(MESSAGES / times);
  const time = await milliseconds(async () => {
    for (let n = 0; n < repeats; n++) work();
  });
  return { sdk: (repeats * times) / time };
}

/** What the kernel sends when it is asked for all services, and for the real servers of some. */
function record(rules: string): Promise<{ services: Message[]; destinations: Message[] }> {
  return withDirector(async ({ ipvs, netns }) => {
    await ipvs.restore(rules);
    const received: Message[] = [];
    await using observed = await Ipvs.open({ kernel: recording(linuxKernel({ netns }), received) });
    received.length = 0;
    const list = await observed.listServices();
    const services = received.splice(0);
    for (const { service } of list.slice(0, 100)) await observed.listDestinations(service);
    return { services, destinations: received.splice(0) };
  });
}

/** The same kernel; copies of its messages that are data are kept. */
function recording(kernel: Kernel, into: Message[]): Kernel {
  return { ...kernel, socket: () => recordingSocket(kernel.socket(), into) };
}

function recordingSocket(socket: Transport, into: Message[]): Transport {
  return {
    send: (datagram) => socket.send(datagram),
    receiveMany(buffer, lengths) {
      const count = socket.receiveMany(buffer, lengths);
      for (const [index, length] of lengths.subarray(0, Math.max(0, count)).entries()) {
        const start = (index * buffer.length) / lengths.length;
        const copy = new Bytes(buffer.slice(start, start + length));
        for (const message of readMessages(copy, length)) if (message.type >= NLMSG_MIN_TYPE) into.push(message);
      }
      return count;
    },
    watch: (onReadable) => socket.watch(onReadable),
    unwatch: () => socket.unwatch(),
    close: () => socket.close(),
  };
}
