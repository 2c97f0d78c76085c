/**
 * `node:diagnostics_channel`: each datagram for whoever subscribes. While nobody does, it costs a look at a boolean.
 * @module
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { errnoName } from '../errors.js';
import type { Transport } from './transport.js';

/** What the channels `ipvs-ts:netlink:send` and `ipvs-ts:netlink:receive` publish. */
export interface NetlinkDatagram {
  /** `generic` carries IPVS, `route` devices, addresses, routes and neighbours. */
  readonly protocol: 'generic' | 'route';
  /** One message or more, each with its header; a copy. Absent where the socket failed. */
  readonly bytes?: Uint8Array;
  /** Why the socket took or gave none: `EAGAIN` is not among them, `ENOBUFS` says that the kernel dropped answers. */
  readonly error?: string;
}

const send = channel('ipvs-ts:netlink:send');
const receive = channel('ipvs-ts:netlink:receive');
const EAGAIN = -11;

/** Publishes what passes through `transport`. */
export function observed(transport: Transport, protocol: NetlinkDatagram['protocol']): Transport {
  const publish = (to: Channel, datagram: Omit<NetlinkDatagram, 'protocol'>) => to.publish({ protocol, ...datagram });
  return {
    send(datagram) {
      const result = transport.send(datagram);
      if (send.hasSubscribers) {
        publish(send, result < 0 ? { error: errnoName(result) } : { bytes: Uint8Array.from(datagram) });
      }
      return result;
    },
    receiveMany(into, lengths) {
      const result = transport.receiveMany(into, lengths);
      if (!receive.hasSubscribers) return result;
      const share = Math.floor(into.length / lengths.length);
      for (const [index, length] of lengths.subarray(0, Math.max(0, result)).entries()) {
        publish(receive, { bytes: into.slice(index * share, index * share + Math.min(length, share)) });
      }
      if (result < 0 && result !== EAGAIN) publish(receive, { error: errnoName(result) });
      return result;
    },
    watch: (onReadable) => transport.watch(onReadable),
    unwatch: () => transport.unwatch(),
    close: () => transport.close(),
  };
}
