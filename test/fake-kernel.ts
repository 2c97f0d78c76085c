/**
 * A kernel as a function: a transport that hands each request to a handler and gives out the datagrams it answers with.
 */
import { AttributeWriter, align } from '../src/netlink/attributes.js';
import { NLMSG_DONE, NLMSG_ERROR, writeMessage } from '../src/netlink/message.js';
import { EAGAIN, type Transport } from '../src/netlink/transport.js';

/** One message as it was sent. */
export interface Sent {
  type: number;
  flags: number;
  sequence: number;
  payload: Uint8Array;
}

/** What the kernel has to say to a request: datagrams, or errnos (negative) that receiving fails with. */
export type Answer = (Uint8Array | number)[];

export class FakeTransport implements Transport {
  /** The messages of each datagram sent. */
  readonly sent: Sent[][] = [];
  readonly incoming: Answer = [];
  readonly #handle: (message: Sent, transport: FakeTransport) => Answer;
  /** What send() returns instead of the length. */
  sendErrno = 0;
  watching = false;
  closed = false;
  #onReadable = () => {};

  constructor(handle: (message: Sent, transport: FakeTransport) => Answer) {
    this.#handle = handle;
  }

  send(datagram: Uint8Array): number {
    if (this.sendErrno !== 0) return this.sendErrno;
    const messages = split(datagram);
    this.sent.push(messages);
    for (const message of messages) this.incoming.push(...this.#handle(message, this));
    return datagram.length;
  }

  receiveMany(into: Uint8Array, lengths: Int32Array): number {
    const share = Math.floor(into.length / lengths.length);
    let count = 0;
    for (; count < lengths.length; count++) {
      const [next] = this.incoming;
      if (next === undefined || typeof next === 'number') break;
      this.incoming.shift();
      into.set(next.subarray(0, share), count * share);
      lengths[count] = next.length;
    }
    if (count > 0) return count;
    const errno = this.incoming.shift();
    return typeof errno === 'number' ? errno : -EAGAIN;
  }

  /** Something arrives while nobody asked. */
  arrive(...datagrams: Answer): void {
    this.incoming.push(...datagrams);
    if (this.watching) this.#onReadable();
  }

  watch(onReadable: () => void): void {
    this.watching = true;
    this.#onReadable = onReadable;
  }

  unwatch(): void {
    this.watching = false;
  }

  close(): void {
    this.closed = true;
    this.watching = false;
  }

  /** Every message sent, whatever datagram it was in. */
  get messages(): Sent[] {
    return this.sent.flat();
  }
}

/** Receives one datagram: its length, or a negative errno. */
export function receiveOne(transport: Pick<Transport, 'receiveMany'>, into: Uint8Array): number {
  const lengths = new Int32Array(1);
  const count = transport.receiveMany(into, lengths);
  return count < 0 ? count : (lengths[0] ?? 0);
}

export function split(datagram: Uint8Array): Sent[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: Sent[] = [];
  for (let start = 0; start < datagram.length; ) {
    const length = view.getUint32(start, true);
    messages.push({
      type: view.getUint16(start + 4, true),
      flags: view.getUint16(start + 6, true),
      sequence: view.getUint32(start + 8, true),
      payload: datagram.slice(start + 16, start + length),
    });
    start += align(length);
  }
  return messages;
}

/** A message as bytes. */
export function message(type: number, sequence: number, payload: Uint8Array, flags = 0): Uint8Array {
  const writer = new AttributeWriter();
  const write = () => {
    const start = writer.reserve(payload.length);
    for (const [index, byte] of payload.entries()) writer.setU8(start + index, byte);
  };
  writeMessage(writer, { type, flags, sequence }, { write });
  return writer.written.slice();
}

/** NLMSG_ERROR for a request, capped as NETLINK_CAP_ACK makes it; errno 0 acknowledges. */
export function acknowledgement(sequence: number, errno = 0): Uint8Array {
  const payload = new Uint8Array(20);
  new DataView(payload.buffer).setInt32(0, errno, true);
  return message(NLMSG_ERROR, sequence, payload, 0x100);
}

/** The end of a dump. */
export function done(sequence: number, errno = 0): Uint8Array {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setInt32(0, errno, true);
  return message(NLMSG_DONE, sequence, payload, 2);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
