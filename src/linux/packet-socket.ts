/**
 * Packet sockets: whole frames to and from one device.
 * @module
 */
import { KernelError } from '../errors.js';
import { LITTLE_ENDIAN } from './byte-order.js';
import { AF_PACKET, type NativeSocket, SOCK_RAW } from './native.js';
import { openSocket } from './socket.js';

/** Bytes of a struct sockaddr_ll. */
const SOCKADDR_LL = 20;
/** Bytes; more than any frame that is looked for. */
const FRAME = 2048;

/** One condition on the frames to receive: a byte at an offset from the frame's start. */
export interface ByteTest {
  readonly offset: number;
  readonly value: number;
}

/** Which frames of which device. */
export interface PacketSocketOptions {
  readonly device: { readonly name: string; readonly index: number };
  /** ETH_P_*: what to receive. */
  readonly protocol: number;
  /** What else must hold of a frame; the kernel looks, for a director's device may carry more than this process could. */
  readonly where?: readonly ByteTest[];
  readonly netns?: string | undefined;
}

/** Sends and receives frames with their Ethernet header. Frames that this host sends are not received. */
export class PacketSocket implements Disposable {
  readonly #socket: NativeSocket;
  readonly #device: string;
  readonly #frame = Buffer.alloc(FRAME);

  private constructor(socket: NativeSocket, device: string) {
    this.#socket = socket;
    this.#device = device;
  }

  /**
   * @throws {UnavailableError} without the addon, CAP_NET_RAW or the namespace.
   * @throws {KernelError} if the device is gone.
   */
  static open({ device, protocol, where = [], netns }: PacketSocketOptions): PacketSocket {
    // Of no protocol until it is bound, lest it hears other devices before.
    const socket = openSocket({ what: 'a packet socket', domain: AF_PACKET, type: SOCK_RAW, protocol: 0, netns });
    const errno = socket.setFilter(byteFilter(where)) || socket.bind(linkAddress(device.index, protocol));
    if (errno === 0) return new PacketSocket(socket, device.name);
    socket.close();
    throw new KernelError({ errno, command: 'open packet socket', object: `on ${device.name}` });
  }

  /** @throws {KernelError} `ENETDOWN` if the device is down. */
  send(frame: Uint8Array): void {
    const errno = this.#socket.send(frame);
    if (errno < 0) throw new KernelError({ errno, command: 'send frame', object: `on ${this.#device}` });
  }

  /**
   * Calls back with each frame until the socket is closed, which holds the process open. The frame is gone afterwards.
   * @throws {KernelError} if the event loop can't poll it.
   */
  listen(onFrame: (frame: Uint8Array) => void): void {
    const errno = this.#socket.watch(() => {
      for (;;) {
        const length = this.#socket.receive(this.#frame);
        if (length < 0) return;
        onFrame(this.#frame.subarray(0, Math.min(length, FRAME)));
      }
    });
    if (errno < 0) throw new KernelError({ errno, command: 'receive frames', object: `on ${this.#device}` });
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** struct sockaddr_ll: family, protocol in network order, device; the rest is for receiving. */
function linkAddress(index: number, protocol: number): Uint8Array {
  const address = new Uint8Array(SOCKADDR_LL);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, LITTLE_ENDIAN);
  view.setUint16(2, protocol);
  view.setInt32(4, index, LITTLE_ENDIAN);
  return address;
}

/** linux/filter.h, linux/bpf_common.h */
const LOAD_BYTE = 0x30;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;

/** A program of classic BPF that takes the frames for which all tests hold; a frame too short fails. */
export function byteFilter(tests: readonly ByteTest[]): Uint8Array {
  const instructions = tests.flatMap(({ offset, value }, index) => [
    instruction(LOAD_BYTE, { k: offset }),
    // Over the tests that follow and the return of all bytes.
    instruction(JUMP_IF_EQUAL, { k: value, ifFalse: 2 * (tests.length - 1 - index) + 1 }),
  ]);
  return Buffer.concat([...instructions, instruction(RETURN, { k: 0xffff }), instruction(RETURN, { k: 0 })]);
}

/** struct sock_filter: the operation in 16 bits, how far to jump in 8 each, an operand in 32. */
function instruction(code: number, { k, ifFalse = 0 }: { k: number; ifFalse?: number }): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, LITTLE_ENDIAN);
  view.setUint8(3, ifFalse);
  view.setUint32(4, k, LITTLE_ENDIAN);
  return bytes;
}
