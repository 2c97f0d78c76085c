import { describe, expect, it } from 'vitest';
import { Ipvs } from '../../../src/index.js';
import { AttributeWriter, Bytes } from '../../../src/netlink/attributes.js';
import { NLMSG_DONE, NLMSG_ERROR, readErrno, readMessages, writeMessage } from '../../../src/netlink/message.js';
import { EAGAIN, ENOBUFS, type Transport } from '../../../src/netlink/transport.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';
import { receiveOne } from '../../fake-kernel.js';

const into = new Bytes(new Uint8Array(65536));
const GET_INFO = 15;
const GET_SERVICE = 4;

/** A datagram of commands without attributes, with sequence numbers from 1. */
function datagram(commands: readonly number[], flags = 1): Uint8Array {
  const writer = new AttributeWriter();
  for (const [index, command] of commands.entries()) {
    const payload = { write: () => writer.setU8(writer.reserve(4), command) };
    writeMessage(writer, { type: 28, flags, sequence: index + 1 }, payload);
  }
  return writer.written.slice();
}

/** The messages of the next datagram as [type, sequence, errno]. */
function next(socket: Transport): (readonly [number, number, number?])[] | number {
  const length = receiveOne(socket, into.array);
  if (length < 0) return length;
  return [...readMessages(into, length)].map((message) =>
    message.type === NLMSG_ERROR
      ? ([message.type, message.sequence, readErrno(message)] as const)
      : ([message.type, message.sequence] as const),
  );
}

describe('a socket', () => {
  it('answers each message of a datagram, also after an error', () => {
    const socket = new SimulatedKernel().socket();
    expect(socket.send(datagram([GET_INFO, 99, GET_INFO], 5))).toBe(60);
    expect(next(socket)).toEqual([[28, 1]]);
    expect(next(socket)).toEqual([[NLMSG_ERROR, 1, 0]]);
    expect(next(socket)).toEqual([[NLMSG_ERROR, 2, -95]]);
    expect(next(socket)).toEqual([[28, 3]]);
    expect(next(socket)).toEqual([[NLMSG_ERROR, 3, 0]]);
    expect(next(socket)).toBe(-EAGAIN);
  });

  it('takes no empty datagram, none that is too long, and nothing once it is closed', () => {
    const socket = new SimulatedKernel().socket();
    expect(socket.send(new Uint8Array())).toBe(-61);
    expect(socket.send(new Uint8Array(212_960))).toBe(212_960);
    expect(socket.send(new Uint8Array(212_961))).toBe(-90);
    socket.close();
    socket.close();
    expect(socket.send(datagram([GET_INFO]))).toBe(-9);
    expect(receiveOne(socket, into.array)).toBe(-9);
  });

  it('tells a datagram that is cut short by its length', () => {
    const socket = new SimulatedKernel().socket();
    socket.send(datagram([GET_INFO]));
    expect(receiveOne(socket, new Uint8Array(10))).toBe(36);
    expect(next(socket)).toBe(-EAGAIN);
  });

  it.each([
    ['6.1', 768],
    ['6.12', 960],
  ] as const)(
    'drops what has no room, says so once, and takes nothing before it is read empty: %s',
    (release, cost) => {
      const socket = new SimulatedKernel({ release, receiveBuffer: 4 * cost + 1 }).socket();
      socket.send(datagram(Array<number>(10).fill(GET_INFO)));
      expect(next(socket)).toBe(-ENOBUFS);
      expect(next(socket)).toEqual([[28, 1]]);
      socket.send(datagram([GET_INFO]));
      for (const sequence of [2, 3, 4]) expect(next(socket)).toEqual([[28, sequence]]);
      expect(next(socket)).toBe(-EAGAIN);
      socket.send(datagram([GET_INFO]));
      expect(next(socket)).toEqual([[28, 1]]);
    },
  );

  it('runs one dump at a time', async () => {
    const kernel = new SimulatedKernel();
    await using ipvs = await Ipvs.open({ kernel });
    for (let port = 1; port <= 20; port++) await ipvs.addService({ protocol: 'tcp', address: '192.0.2.1', port });
    const socket = kernel.socket();
    socket.send(datagram([GET_SERVICE, GET_SERVICE], 0x301));
    // Nothing was read yet, so the first piece has room for 11 services.
    expect(next(socket)).toEqual(Array(11).fill([28, 1]));
    expect(next(socket)).toEqual([[NLMSG_ERROR, 2, -16]]);
    expect(next(socket)).toEqual(Array(9).fill([28, 1]));
    expect(next(socket)).toEqual([[NLMSG_DONE, 1]]);
    socket.send(datagram([GET_SERVICE], 0x301));
    expect(next(socket)).toHaveLength(20);
  });

  it('calls back while something is there, until nobody watches', async () => {
    const socket = new SimulatedKernel().socket();
    const seen: unknown[] = [];
    await new Promise<void>((resolve) => {
      socket.watch(() => {
        seen.push(next(socket));
        if (seen.length === 2) {
          socket.unwatch();
          resolve();
        }
      });
      socket.send(datagram([GET_INFO, GET_INFO, GET_INFO]));
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([[[28, 1]], [[28, 2]]]);
    expect(next(socket)).toEqual([[28, 3]]);
  });
});
