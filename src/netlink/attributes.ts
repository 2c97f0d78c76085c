/**
 * Netlink attributes (struct nlattr): length and type in host order, payload padded to 4 bytes. Payloads may be longer
 * than a reader knows, since kernels append to structs and add attributes; shorter is an error.
 * @module
 */
import { endianness } from 'node:os';
import { ProtocolError } from '../errors.js';

/** Host order is the order of every netlink number that is not said to be network order. */
export const LITTLE_ENDIAN = endianness() === 'LE';

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

  /** May be aligned to 4 bytes only; a DataView does not mind. */
  u64(): bigint {
    return this.#bytes.view.getBigUint64(this.#need(8), LITTLE_ENDIAN);
  }

  /** 16 bits in network order. */
  be16(): number {
    return this.#bytes.view.getUint16(this.#need(2));
  }

  /** Text up to its first NUL, or whole where the sender left the NUL out. */
  string(): string {
    const payload = this.#bytes.array.subarray(this.#start, this.#start + this.#length);
    const end = payload.indexOf(0);
    return String.fromCharCode(...(end === -1 ? payload : payload.subarray(0, end)));
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

  /** The payload's offset, after checking that it has at least `length` bytes. */
  #need(length: number): number {
    if (this.#length >= length) return this.#start;
    const where = `attribute ${this.type} at offset ${this.#start - HEADER}`;
    throw new ProtocolError(`${this.#what}: ${where} needs ${length} bytes, has ${this.#length}`);
  }
}

/** Appends attributes, and whatever headers go before them, to one growing buffer that is used again and again. */
export class AttributeWriter {
  #bytes = new Bytes(new Uint8Array(16 * 1024));
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written so far; valid until the next write. */
  get written(): Uint8Array {
    return this.#bytes.array.subarray(0, this.#length);
  }

  /** Forgets what was written after the first `length` bytes. */
  truncate(length: number): void {
    this.#length = length;
  }

  u8(type: number, value: number): void {
    const start = this.reserveAttribute(type, 1);
    this.#bytes.view.setUint8(start, value);
  }

  u16(type: number, value: number): void {
    const start = this.reserveAttribute(type, 2);
    this.#bytes.view.setUint16(start, value, LITTLE_ENDIAN);
  }

  u32(type: number, value: number): void {
    const start = this.reserveAttribute(type, 4);
    this.#bytes.view.setUint32(start, value, LITTLE_ENDIAN);
  }

  u64(type: number, value: bigint): void {
    const start = this.reserveAttribute(type, 8);
    this.#bytes.view.setBigUint64(start, value, LITTLE_ENDIAN);
  }

  /** 16 bits in network order. */
  be16(type: number, value: number): void {
    const start = this.reserveAttribute(type, 2);
    this.#bytes.view.setUint16(start, value);
  }

  /** 32 bits in network order. */
  be32(type: number, value: number): void {
    const start = this.reserveAttribute(type, 4);
    this.#bytes.view.setUint32(start, value);
  }

  bytes(type: number, value: Uint8Array): void {
    const start = this.reserveAttribute(type, value.length);
    this.#bytes.array.set(value, start);
  }

  /** Latin-1 text and a NUL. */
  string(type: number, value: string): void {
    const start = this.reserveAttribute(type, value.length + 1);
    for (let i = 0; i < value.length; i++) this.#bytes.array[start + i] = value.charCodeAt(i);
  }

  nested(type: number, write: () => void): void {
    const start = this.reserve(HEADER);
    write();
    this.#setHeader(start, type, this.#length - start);
  }

  /** Room for `length` bytes, zeroed, padded to 4; returns where it starts. */
  reserve(length: number): number {
    const start = this.#length;
    const end = start + align(length);
    if (end > this.#bytes.array.length) this.#grow(end);
    this.#bytes.array.fill(0, start, end);
    this.#length = end;
    return start;
  }

  /** Writes a number of host order into reserved room. */
  setU32(offset: number, value: number): void {
    this.#bytes.view.setUint32(offset, value, LITTLE_ENDIAN);
  }

  /** Writes a number of host order into reserved room. */
  setU16(offset: number, value: number): void {
    this.#bytes.view.setUint16(offset, value, LITTLE_ENDIAN);
  }

  /** Writes one byte into reserved room. */
  setU8(offset: number, value: number): void {
    this.#bytes.view.setUint8(offset, value);
  }

  /** An attribute with zeroed room for `length` bytes; returns where they start. May move to a larger `#bytes`. */
  reserveAttribute(type: number, length: number): number {
    const start = this.reserve(HEADER + length);
    this.#setHeader(start, type, HEADER + length);
    return start + HEADER;
  }

  #setHeader(start: number, type: number, length: number): void {
    if (length > MAX_LENGTH) throw new ProtocolError(`attribute ${type}: ${length} bytes, at most ${MAX_LENGTH} fit`);
    this.#bytes.view.setUint16(start, length, LITTLE_ENDIAN);
    this.#bytes.view.setUint16(start + 2, type, LITTLE_ENDIAN);
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.array.length));
    larger.set(this.written);
    this.#bytes = new Bytes(larger);
  }
}
