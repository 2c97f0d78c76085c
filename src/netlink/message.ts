/**
 * Netlink messages (struct nlmsghdr): writing them, splitting a datagram into them, and what the kernel's own kinds say.
 * @module
 */
import { type ExtendedAck, ProtocolError } from '../errors.js';
import { LITTLE_ENDIAN } from '../linux/byte-order.js';
import { AttributeReader, type AttributeWriter, align, type Bytes } from './attributes.js';

/** linux/netlink.h: message types below NLMSG_MIN_TYPE belong to netlink itself. */
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_MIN_TYPE = 16;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
/** The dump changed underneath (IPVS never says so). */
export const NLM_F_DUMP_INTR = 0x10;
/** NLM_F_ROOT | NLM_F_MATCH; one of the two alone is no dump. */
export const NLM_F_DUMP = 0x300;
/** In a request that makes something: replace what is there, fail if it is there, make it if it is not. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** In an NLMSG_ERROR or NLMSG_DONE: the request's payload is left out; attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

const NLMSGERR_ATTR_MSG = 1;
const NLMSGERR_ATTR_OFFS = 2;

const HEADER = 16;

/** One message in a receive buffer; gone when the buffer is used again. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly bytes: Bytes;
  /** Where the payload starts in `bytes`. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
}

/** Writes a whole message around what `payload` appends after the header. */
export function writeMessage(
  writer: AttributeWriter,
  header: { type: number; flags: number; sequence: number },
  payload: { write(writer: AttributeWriter): void },
): void {
  const start = writer.reserve(HEADER);
  payload.write(writer);
  writer.setU32(start, writer.length - start);
  writer.setU16(start + 4, header.type);
  writer.setU16(start + 6, header.flags);
  writer.setU32(start + 8, header.sequence);
}

/** Gives the messages of a whole datagram consecutive sequence numbers. */
export function numberMessages({ array, view }: Bytes, first: number): void {
  let sequence = first;
  for (let start = 0; start < array.length; start += align(view.getUint32(start, LITTLE_ENDIAN))) {
    view.setUint32(start + 8, sequence++, LITTLE_ENDIAN);
  }
}

/** Gives the messages of one type in a whole datagram another one. */
export function retypeMessages({ array, view }: Bytes, from: number, to: number): void {
  for (let start = 0; start < array.length; start += align(view.getUint32(start, LITTLE_ENDIAN))) {
    if (view.getUint16(start + 4, LITTLE_ENDIAN) === from) view.setUint16(start + 4, to, LITTLE_ENDIAN);
  }
}

/** The messages of a datagram of `length` bytes. Throws {@link ProtocolError} where a length cannot be. */
export function* readMessages(bytes: Bytes, length: number): Generator<Message> {
  const { view } = bytes;
  let start = 0;
  while (start < length) {
    const size = length - start < HEADER ? 0 : view.getUint32(start, LITTLE_ENDIAN);
    if (size < HEADER || start + size > length) {
      throw new ProtocolError(`netlink message of ${size} bytes at offset ${start} of a datagram of ${length}`);
    }
    yield {
      type: view.getUint16(start + 4, LITTLE_ENDIAN),
      flags: view.getUint16(start + 6, LITTLE_ENDIAN),
      sequence: view.getUint32(start + 8, LITTLE_ENDIAN),
      bytes,
      start: start + HEADER,
      end: start + size,
    };
    start += align(size);
  }
}

/** The errno (0 or below) of an NLMSG_ERROR or NLMSG_DONE. A DONE without one, as old kernels send it, is a 0. */
export function readErrno(message: Message): number {
  const { type, bytes, start, end } = message;
  if (end - start >= 4) {
    const errno = bytes.view.getInt32(start, LITTLE_ENDIAN);
    if (errno <= 0) return errno;
    throw new ProtocolError(`netlink answer with the errno ${errno}, which should be negative or 0`);
  }
  if (type === NLMSG_DONE) return 0;
  throw new ProtocolError(`netlink error of ${end - start} bytes, which needs 4`);
}

/** What an NLMSG_ERROR or NLMSG_DONE says beside its errno; undefined where it says nothing. */
export function readExtendedAck(message: Message): ExtendedAck | undefined {
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return undefined;
  const reader = new AttributeReader(message.bytes, extendedAckStart(message), message.end, 'extended ACK');
  let text: string | undefined;
  let offset: number | undefined;
  while (reader.next()) {
    if (reader.type === NLMSGERR_ATTR_MSG) text = reader.string();
    else if (reader.type === NLMSGERR_ATTR_OFFS) offset = reader.u32();
  }
  if (text === undefined && offset === undefined) return undefined;
  return { ...(text !== undefined && { message: text }), ...(offset !== undefined && { offset }) };
}

/** An error repeats the request: its header alone when capped, else with its payload. A DONE repeats nothing. */
function extendedAckStart({ type, flags, bytes, start, end }: Message): number {
  if (type === NLMSG_DONE) return start + 4;
  const request = start + 4;
  if ((flags & NLM_F_CAPPED) !== 0) return request + HEADER;
  if (request + 4 > end) throw new ProtocolError('netlink error without the request it answers');
  return request + align(bytes.view.getUint32(request, LITTLE_ENDIAN));
}
