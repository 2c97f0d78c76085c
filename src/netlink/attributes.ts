/**
 * Netlink attributes (struct nlattr): length and type in host order, payload padded to 4 bytes. Payloads may be longer
 * than a reader knows, since kernels append to structs and add attributes; shorter is an error.
 * @module
 */
import { ProtocolError } from '../errors.js';
import { LITTLE_ENDIAN } from '../linux/byte-order.js';

const HEADER = 4;
/** NLA_TYPE_MASK: the two highest bits of the type are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER). */
const NLA_TYPE_MASK = 0x3fff;
/** A length is 16 bits wide. */
const MAX_LENGTH = 0xffff;

/** Rounds up to NLA_ALIGNTO (and NLMSG_ALIGNTO), 4. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** Bytes with a DataView on the same memory: a receive buffer, or a message in one. */
export class Bytes {
  readonly array: Uint8Array;
  readonly view: DataView;

  constructor(array: Uint8Array) {
    this.array = array;
    this.view = new DataView(array.buffer, array.byteOffset, array.byteLength);
  }
}

/**
 * A cursor over the attributes between two offsets: `while (reader.next()) switch (reader.type) { ... }`. It views the
 * receive buffer; what its getters return is copied out. Every malformation is a {@link ProtocolError}.
 */
export class AttributeReader {
  readonly #bytes: Bytes;
  readonly #end: number;
  /** What is being read, for errors: the name of the nest or message. */
  readonly #what: string;
  #next: number;
  #start = 0;
  #length = 0;
  /** The current attribute's type without its flag bits. */
  type = 0;

  constructor(bytes: Bytes, start: number, end: number, what: string) {
    if (start < 0 || start > end || end > bytes.array.length) {
      throw new ProtocolError(`${what}: from ${start} to ${end} of ${bytes.array.length} bytes`);
    }
    this.#bytes = bytes;
    this.#next = start;
    this.#end = end;
    this.#what = what;
  }

  /** Moves to the next attribute; false at the end. Fewer bytes than a header at the end are ignored, as the kernel does. */
  next(): boolean {
    const start = this.#next;
    if (this.#end - start < HEADER) return false;
    const length = this.#bytes.view.getUint16(start, LITTLE_ENDIAN);
    if (length < HEADER || start + length > this.#end) {
      const room = this.#end - start;
      throw new ProtocolError(`${this.#what}: attribute of ${length} bytes at offset ${start}, where ${room} are left`);
    }
    this.type = this.#bytes.view.getUint16(start + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK;
    this.#start = start + HEADER;
    this.#length = length - HEADER;
    this.#next = start + align(length);
    return true;
  }

  u8(): number {
    return this.#bytes.view.getUint8(this.#need(1));
  }

  u16(): number {
    return this.#bytes.view.getUint16(this.#need(2), LITTLE_ENDIAN);
  }

  u32(): number {
    return this.#bytes.view.getUint32(this.#need(4), LITTLE_ENDIAN);
  }

  i32(): number {
    return this.#bytes.view.getInt32(this.#need(4), LITTLE_ENDIAN);
  }

  /** May be aligned to 4 bytes only; a DataView does not mind. Most counters are 0, which is made once, not each time. */
  u64(): bigint {
    const start = this.#need(8);
    const { view } = this.#bytes;
    const isZero = view.getUint32(start) === 0 && view.getUint32(start + 4) === 0;
    return isZero ? 0n : view.getBigUint64(start, LITTLE_ENDIAN);
  }

  /** {@link u64} as a number, exact below 2^53. */
  u64Number(): number {
    const start = this.#need(8);
    const { view } = this.#bytes;
    const first = view.getUint32(start, LITTLE_ENDIAN);
    const second = view.getUint32(start + 4, LITTLE_ENDIAN);
    return LITTLE_ENDIAN ? second * 2 ** 32 + first : first * 2 ** 32 + second;
  }

  /** 16 bits in network order. */
  be16(): number {
    return this.#bytes.view.getUint16(this.#need(2));
  }

  /** 32 bits in network order. */
  be32(): number {
    return this.#bytes.view.getUint32(this.#need(4));
  }

  /** Text up to its first NUL, or whole where the sender left the NUL out. */
  string(): string {
    let text = '';
    for (let i = this.#start; i < this.#start + this.#length; i++) {
      const byte = this.#bytes.view.getUint8(i);
      if (byte === 0) break;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** A copy of the first `length` bytes of the payload. */
  bytes(length: number): Uint8Array {
    const start = this.#need(length);
    return this.#bytes.array.slice(start, start + length);
  }

  /** A copy of the whole payload. */
  payload(): Uint8Array {
    return this.bytes(this.#length);
  }

  nested(what: string): AttributeReader {
    return new AttributeReader(this.#bytes, this.#start, this.#start + this.#length, what);
  }

  /** Where the current attribute is. */
  get place(): number {
    return this.#start - HEADER;
  }

  /** Moves back to an attribute by its {@link place}, where a later one had to be known to read it. */
  back(place: number): void {
    this.#next = place;
    this.next();
  }

  /** The payload's offset, after checking that it has at least `length` bytes. */
  #need(length: number): number {
    if (this.#length >= length) return this.#start;
    const where = `attribute ${this.type} at offset ${this.#start - HEADER}`;
    throw new ProtocolError(`${this.#what}: ${where} needs ${length} bytes, has ${this.#length}`);
  }
}

/** Appends attributes, and whatever headers go before them, to one growing buffer that is used again and again. */
export class AttributeWriter {
  #array = new Uint8Array(16 * 1024);
  #view = new DataView(this.#array.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written so far; valid until the next write. */
  get written(): Uint8Array {
    return this.#array.subarray(0, this.#length);
  }

  /** Forgets what was written after the first `length` bytes. */
  truncate(length: number): void {
    this.#length = length;
  }

  u8(type: number, value: number): void {
    const start = this.#attribute(type, 1);
    this.#view.setUint32(start, 0);
    this.#view.setUint8(start, value);
  }

  u16(type: number, value: number): void {
    const start = this.#attribute(type, 2);
    this.#view.setUint32(start, 0);
    this.#view.setUint16(start, value, LITTLE_ENDIAN);
  }

  u32(type: number, value: number): void {
    const start = this.#attribute(type, 4);
    this.#view.setUint32(start, value, LITTLE_ENDIAN);
  }

  u64(type: number, value: bigint): void {
    const start = this.#attribute(type, 8);
    this.#view.setBigUint64(start, value, LITTLE_ENDIAN);
  }

  /** 16 bits in network order. */
  be16(type: number, value: number): void {
    const start = this.#attribute(type, 2);
    this.#view.setUint32(start, 0);
    this.#view.setUint16(start, value);
  }

  /** 32 bits in network order. */
  be32(type: number, value: number): void {
    const start = this.#attribute(type, 4);
    this.#view.setUint32(start, value);
  }

  bytes(type: number, value: Uint8Array): void {
    const start = this.reserveAttribute(type, value.length);
    this.#array.set(value, start);
  }

  /** Latin-1 text and a NUL. */
  string(type: number, value: string): void {
    const start = this.reserveAttribute(type, value.length + 1);
    for (let i = 0; i < value.length; i++) this.#array[start + i] = value.charCodeAt(i);
  }

  /** An attribute of the attributes that `write` appends. */
  nested(type: number, write: () => void): void {
    const nest = this.beginNest(type);
    write();
    this.endNest(nest);
  }

  /** As {@link AttributeWriter.nested} without a closure, for what is written by the thousand; gives where it begins. */
  beginNest(type: number): number {
    return this.#attribute(type, 0);
  }

  /** Ends what {@link AttributeWriter.beginNest} began. */
  endNest(nest: number): void {
    const start = nest - HEADER;
    const length = this.#length - start;
    checkLength(this.#view.getUint16(start + 2, LITTLE_ENDIAN), length);
    this.#view.setUint16(start, length, LITTLE_ENDIAN);
  }

  /** Room for `length` bytes, zeroed, padded to 4; returns where it starts. */
  reserve(length: number): number {
    const start = this.#room(length);
    for (let offset = start; offset < this.#length; offset += 4) this.#view.setUint32(offset, 0);
    return start;
  }

  /** Writes a number of host order into reserved room. */
  setU32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, LITTLE_ENDIAN);
  }

  /** Writes a number of host order into reserved room. */
  setU16(offset: number, value: number): void {
    this.#view.setUint16(offset, value, LITTLE_ENDIAN);
  }

  /** Writes one byte into reserved room. */
  setU8(offset: number, value: number): void {
    this.#view.setUint8(offset, value);
  }

  /** Writes bytes into reserved room. */
  setBytes(offset: number, bytes: Uint8Array): void {
    this.#array.set(bytes, offset);
  }

  /** An attribute with zeroed room for `length` bytes; returns where they start. */
  reserveAttribute(type: number, length: number): number {
    const start = this.reserve(HEADER + length);
    this.#header(start, type, length);
    return start + HEADER;
  }

  /** As {@link AttributeWriter.reserveAttribute}, but what was in the room before is still there. */
  #attribute(type: number, length: number): number {
    const start = this.#room(HEADER + length);
    this.#header(start, type, length);
    return start + HEADER;
  }

  #header(start: number, type: number, length: number): void {
    checkLength(type, HEADER + length);
    this.#view.setUint16(start, HEADER + length, LITTLE_ENDIAN);
    this.#view.setUint16(start + 2, type, LITTLE_ENDIAN);
  }

  #room(length: number): number {
    const start = this.#length;
    const end = start + align(length);
    if (end > this.#array.length) this.#grow(end);
    this.#length = end;
    return start;
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, 2 * this.#array.length));
    larger.set(this.written);
    this.#array = larger;
    this.#view = new DataView(larger.buffer);
  }
}

function checkLength(type: number, length: number): void {
  if (length > MAX_LENGTH) throw new ProtocolError(`attribute ${type}: ${length} bytes, at most ${MAX_LENGTH} fit`);
}
