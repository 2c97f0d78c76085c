/**
 * A netlink socket of the simulated kernel: what af_netlink.c and genetlink.c of Linux 6.1 do with a datagram, for a socket
 * with NETLINK_CAP_ACK and NETLINK_EXT_ACK, as all of the SDK's are.
 * @module
 */

import { LITTLE_ENDIAN } from '../../linux/byte-order.js';
import { AttributeWriter, align, Bytes } from '../../netlink/attributes.js';
import { Fifo } from '../../netlink/fifo.js';
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
} from '../../netlink/message.js';
import { EAGAIN, ENOBUFS, type Transport } from '../../netlink/transport.js';
import { EBADF, EBUSY, EINVAL, EMSGSIZE, ENODATA, ENOENT, EOPNOTSUPP, EPERM } from './errno.js';
import { ExtendedAck } from './extended-ack.js';
import type { Command, GenericFamily, Piece, Reply, Request } from './generic.js';
import type { Padding } from './u64.js';

const HEADER = 16;
const GENERIC_HEADER = 4;

const NLM_F_MULTI = 0x2;
const NLM_F_ECHO = 0x8;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

/** net.core.wmem_default, less what netlink_sendmsg keeps back. */
const LARGEST_DATAGRAM = 212_992 - 32;
/** struct skb_shared_info behind the bytes of a packet buffer, and struct sk_buff, rounded up: they count as queued too. */
const SHARED_INFO = 320;
const SK_BUFF = 256;
/** A dump's piece: NLMSG_GOODSIZE at least, and at most what fits into a buffer of 32 KiB (netlink_dump). */
const SMALLEST_PIECE = 4096 - SHARED_INFO;
const LARGEST_PIECE = 32_768 - SHARED_INFO;

/** What a socket belongs to. */
export interface SocketOptions {
  /** nlmsg_pid of what it receives. */
  readonly portId: number;
  readonly families: readonly GenericFamily[];
  /** Whether it was opened with CAP_NET_ADMIN. */
  readonly admin: boolean;
  /** Bytes that may wait, counted as the kernel counts them: SO_RCVBUF doubled. */
  readonly receiveBuffer: number;
  readonly padding: Padding;
  /** As in {@link ReleaseTraits.smallHead}. */
  readonly smallHead: number;
}

/** A dump that is being read. */
interface RunningDump {
  readonly request: Request;
  readonly sequence: number;
  readonly family: GenericFamily;
  readonly dump: NonNullable<Command['dump']>;
  position: number;
}

/** A datagram that waits, and what it takes of the receive buffer. */
interface Queued {
  readonly datagram: Uint8Array;
  readonly cost: number;
}

/** The answer to one datagram after the other, at once and in order. */
export class SimulatedSocket implements Transport {
  readonly #options: SocketOptions;
  readonly #queue = new Fifo<Queued>();
  readonly #ack = new ExtendedAck();
  readonly #writer = new AttributeWriter();
  readonly #incoming = new Incoming(this.#ack);
  readonly #reply: Reply = { message: (command, write) => this.#answer(command, write) };
  #family: GenericFamily | undefined;
  #queuedBytes = 0;
  /** Something was dropped: the next receive says ENOBUFS. */
  #overran = false;
  /** After an overrun nothing is queued before the queue was read empty. */
  #congested = false;
  #dump: RunningDump | undefined;
  #largestReceive = 0;
  #closed = false;
  #onReadable: (() => void) | undefined;
  #scheduled: NodeJS.Immediate | undefined;
  /** Holds the process open while somebody watches. */
  #hold: NodeJS.Timeout | undefined;

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  send(datagram: Uint8Array): number {
    if (this.#closed) return EBADF;
    if (datagram.length === 0) return ENODATA;
    if (datagram.length > LARGEST_DATAGRAM) return EMSGSIZE;
    const incoming = this.#incoming;
    incoming.bytes = new Bytes(datagram);
    for (let start = 0; datagram.length - start >= HEADER; start += align(incoming.length)) {
      incoming.read(start);
      if (incoming.length < HEADER || incoming.length > datagram.length - start) break;
      this.#handle(incoming);
    }
    if (this.#onReadable !== undefined) this.#schedule();
    return datagram.length;
  }

  /** netlink_rcv_skb: a dump is not acknowledged, for its end is told by a message of its own. */
  #handle(incoming: Incoming): void {
    this.#ack.clear();
    const errno = incoming.isRequest ? this.#dispatch(incoming) : 0;
    if (errno === DUMPING) return;
    if (errno !== 0 || (incoming.flags & NLM_F_ACK) !== 0) this.#acknowledge(incoming, errno);
  }

  /** genl_rcv_msg. */
  #dispatch(incoming: Incoming): number {
    const family = this.#options.families.find(({ id }) => id === incoming.type);
    if (family === undefined) return ENOENT;
    if (incoming.length < HEADER + GENERIC_HEADER) return EINVAL;
    incoming.readGeneric();
    if (incoming.command >= family.strictFrom && !this.#keepsToRules(incoming)) return EINVAL;
    const command = family.commands[incoming.command];
    if (command === undefined) return EOPNOTSUPP;
    if (command.needsAdmin && !this.#options.admin) return EPERM;
    if ((incoming.flags & NLM_F_DUMP) === NLM_F_DUMP) return this.#startDump(incoming, family, command);
    if (command.execute === undefined) return EOPNOTSUPP;
    this.#family = family;
    return command.execute(incoming, this.#reply);
  }

  /** genl_header_check: for commands that are newer than the check. */
  #keepsToRules(incoming: Incoming): boolean {
    if (incoming.reserved !== 0) {
      this.#ack.say('genlmsghdr.reserved field is not 0');
      return false;
    }
    const isDump = (incoming.flags & NLM_F_DUMP) === NLM_F_DUMP;
    const allowed = NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO | (isDump ? NLM_F_DUMP : 0);
    if ((incoming.flags & ~allowed) === 0) return true;
    this.#ack.say('ambiguous or reserved bits set in nlmsg_flags');
    return false;
  }

  #startDump(incoming: Incoming, family: GenericFamily, { dump }: Command): number {
    if (dump === undefined) return EOPNOTSUPP;
    if (this.#dump !== undefined) return EBUSY;
    this.#dump = { request: incoming.copy(), sequence: incoming.sequence, family, dump, position: 0 };
    this.#continueDump(this.#dump);
    return DUMPING;
  }

  /** netlink_dump: one piece, or the end. */
  #continueDump(running: RunningDump): void {
    const { family, sequence, request, dump } = running;
    const room = Math.min(Math.max(this.#largestReceive, SMALLEST_PIECE), LARGEST_PIECE);
    const writer = this.#writer;
    writer.truncate(0);
    this.#ack.clear();
    const piece: Piece = {
      message: (command, write) => {
        const start = writer.length;
        this.#writeGeneric(family, command, NLM_F_MULTI, sequence, write);
        if (writer.length <= room) return true;
        writer.truncate(start);
        return false;
      },
    };
    running.position = dump(request, piece, running.position);
    if (writer.length > 0) return this.#enqueue(writer.written.slice(), room);
    this.#dump = undefined;
    const flags = this.#ack.empty ? NLM_F_MULTI : NLM_F_MULTI | NLM_F_ACK_TLVS;
    const start = this.#begin(NLMSG_DONE, flags, sequence);
    writer.reserve(4);
    this.#ack.writeMessage(writer);
    this.#end(start);
    this.#enqueue(writer.written.slice(), room);
  }

  /** An answer in a datagram of its own. */
  #answer(command: number, write: (writer: AttributeWriter) => void): void {
    if (this.#family === undefined) return;
    this.#writer.truncate(0);
    this.#writeGeneric(this.#family, command, 0, this.#incoming.sequence, write);
    this.#deliver();
  }

  #acknowledge(incoming: Incoming, errno: number): void {
    const writer = this.#writer;
    writer.truncate(0);
    const flags = this.#ack.empty ? NLM_F_CAPPED : NLM_F_CAPPED | NLM_F_ACK_TLVS;
    const start = this.#begin(NLMSG_ERROR, flags, incoming.sequence);
    const payload = writer.reserve(4 + HEADER);
    writer.setU32(payload, errno);
    writer.setU32(payload + 4, incoming.length);
    writer.setU16(payload + 8, incoming.type);
    writer.setU16(payload + 10, incoming.flags);
    writer.setU32(payload + 12, incoming.sequence);
    writer.setU32(payload + 16, incoming.portId);
    if (errno === 0) this.#ack.writeMessage(writer);
    else this.#ack.write(writer, incoming.header, this.#options.padding);
    this.#end(start);
    this.#deliver();
  }

  #writeGeneric(
    { id, version }: GenericFamily,
    command: number,
    flags: number,
    sequence: number,
    write: (writer: AttributeWriter) => void,
  ): void {
    const writer = this.#writer;
    const start = this.#begin(id, flags, sequence);
    const header = writer.reserve(GENERIC_HEADER);
    writer.setU8(header, command);
    writer.setU8(header + 1, version);
    write(writer);
    this.#end(start);
  }

  #begin(type: number, flags: number, sequence: number): number {
    const start = this.#writer.reserve(HEADER);
    this.#writer.setU16(start + 4, type);
    this.#writer.setU16(start + 6, flags);
    this.#writer.setU32(start + 8, sequence);
    this.#writer.setU32(start + 12, this.#options.portId);
    return start;
  }

  #end(start: number): void {
    this.#writer.setU32(start, this.#writer.length - start);
  }

  /** netlink_attachskb: queues what was written, or drops it where too much waits. */
  #deliver(): void {
    const datagram = this.#writer.written.slice();
    const cost = costOf(datagram.length, this.#options.smallHead);
    const fits = this.#queue.empty || this.#queuedBytes + cost < this.#options.receiveBuffer;
    if (fits && !this.#congested) return this.#enqueue(datagram, datagram.length);
    if (!this.#congested) this.#overran = true;
    this.#congested = true;
  }

  #enqueue(datagram: Uint8Array, room: number): void {
    const cost = costOf(room, this.#options.smallHead);
    this.#queue.put({ datagram, cost });
    this.#queuedBytes += cost;
  }

  /** One at a time, whatever room there is. */
  receiveMany(into: Uint8Array, lengths: Int32Array): number {
    if (this.#closed) return EBADF;
    const result = this.#receive(into.subarray(0, Math.floor(into.length / lengths.length)));
    if (this.#queue.empty) this.#congested = false;
    if (result < 0) return result;
    lengths[0] = result;
    return 1;
  }

  #receive(into: Uint8Array): number {
    if (this.#overran) {
      this.#overran = false;
      return -ENOBUFS;
    }
    const next = this.#queue.take();
    if (next === undefined) return -EAGAIN;
    const { datagram, cost } = next;
    this.#queuedBytes -= cost;
    into.set(datagram.length <= into.length ? datagram : datagram.subarray(0, into.length));
    this.#largestReceive = Math.max(this.#largestReceive, into.length);
    if (this.#dump !== undefined && this.#queuedBytes <= this.#options.receiveBuffer / 2)
      this.#continueDump(this.#dump);
    return datagram.length;
  }

  watch(onReadable: () => void): void {
    if (this.#closed) return;
    this.#onReadable = onReadable;
    this.#hold ??= setInterval(() => {}, LONG);
    this.#schedule();
  }

  unwatch(): void {
    this.#onReadable = undefined;
    clearInterval(this.#hold);
    this.#hold = undefined;
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#dump = undefined;
    this.#queue.takeAll();
    this.unwatch();
  }

  /** Calls back in the loop's next turn, and again while something is left, as a socket does that is polled. */
  #schedule(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      if (this.#queue.empty && !this.#overran) return;
      this.#onReadable?.();
      if (this.#onReadable !== undefined) this.#schedule();
    });
  }
}

/** The longest interval that a timer takes. */
const LONG = 2 ** 31 - 1;

/** Stands for -EINTR, by which a started dump says that it wants no acknowledgement. */
const DUMPING = -4;

/** What the kernel's allocator gives for so many bytes: a small head or a power of two, and the buffer's own struct. */
function costOf(length: number, smallHead: number): number {
  const needed = Math.ceil(length / 64) * 64 + SHARED_INFO;
  if (needed <= smallHead) return smallHead + SK_BUFF;
  return 2 ** (32 - Math.clz32(needed - 1)) + SK_BUFF;
}

/** The message that is being answered. */
class Incoming implements Request {
  bytes = new Bytes(new Uint8Array());
  readonly ack: ExtendedAck;
  /** Where it starts in the datagram. */
  header = 0;
  length = 0;
  type = 0;
  flags = 0;
  sequence = 0;
  portId = 0;
  command = 0;
  reserved = 0;

  constructor(ack: ExtendedAck) {
    this.ack = ack;
  }

  get start(): number {
    return this.header + HEADER + GENERIC_HEADER;
  }

  get end(): number {
    return this.header + this.length;
  }

  get isRequest(): boolean {
    return (this.flags & NLM_F_REQUEST) !== 0 && this.type >= NLMSG_MIN_TYPE;
  }

  read(start: number): void {
    const { view } = this.bytes;
    this.header = start;
    this.length = view.getUint32(start, LITTLE_ENDIAN);
    this.type = view.getUint16(start + 4, LITTLE_ENDIAN);
    this.flags = view.getUint16(start + 6, LITTLE_ENDIAN);
    this.sequence = view.getUint32(start + 8, LITTLE_ENDIAN);
    this.portId = view.getUint32(start + 12, LITTLE_ENDIAN);
  }

  readGeneric(): void {
    const { view } = this.bytes;
    this.command = view.getUint8(this.header + HEADER);
    this.reserved = view.getUint16(this.header + HEADER + 2, LITTLE_ENDIAN);
  }

  /** The request alone, for as long as a dump lasts. */
  copy(): Request {
    const bytes = new Bytes(this.bytes.array.slice(this.header, this.end));
    return { bytes, command: this.command, start: HEADER + GENERIC_HEADER, end: this.length, ack: this.ack };
  }
}
