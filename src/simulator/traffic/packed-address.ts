/**
 * Addresses as numbers: connections are many, and four words take less room and time than an array.
 * @module
 */
import { type Family, parseIPv4Number, parseIPv6 } from '../../address/ip.js';
import { word } from './address-key.js';

/** An address as four signed 32-bit words, the first bytes of it first; IPv4 has the first word, and zeros. */
export class PackedAddress {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;

  constructor(a: number, b = 0, c = 0, d = 0) {
    this.a = a | 0;
    this.b = b | 0;
    this.c = c | 0;
    this.d = d | 0;
  }

  /** Of an address as text; undefined where it is none. */
  static parse(text: string): PackedAddress | undefined {
    if (text.includes(':')) {
      const bytes = parseIPv6(text);
      return bytes && new PackedAddress(word(bytes, 0), word(bytes, 4), word(bytes, 8), word(bytes, 12));
    }
    const number = parseIPv4Number(text);
    return number === undefined ? undefined : new PackedAddress(number);
  }

  equals(other: PackedAddress): boolean {
    return this.a === other.a && this.b === other.b && this.c === other.c && this.d === other.d;
  }

  /** Its first `prefix` bits, 0 to 128. */
  network(prefix: number): PackedAddress {
    return new PackedAddress(
      this.a & mask(prefix),
      this.b & mask(prefix - 32),
      this.c & mask(prefix - 64),
      this.d & mask(prefix - 96),
    );
  }

  /** Its bytes, 4 or 16. */
  bytes(family: Family): Uint8Array {
    const bytes = new Uint8Array(family === 'ipv4' ? 4 : 16);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, this.a);
    if (family === 'ipv4') return bytes;
    view.setInt32(4, this.b);
    view.setInt32(8, this.c);
    view.setInt32(12, this.d);
    return bytes;
  }
}

/** The word whose first `bits` bits are set; none below 0, all above 31. */
function mask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}
