/**
 * DNS messages (RFC 1035): one question, and the records of an answer as text.
 * @module
 */
import { formatIP } from '../address/ip.js';
import type { NormalDnsCheck } from '../model/check.js';

type RecordType = NormalDnsCheck['recordType'];

/** Numbers of the types (IANA, DNS Parameters). */
const TYPES: Readonly<Record<RecordType, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
};

/** Class IN. */
const INTERNET = 1;
/** Bytes. */
const HEADER = 12;
const RESPONSE = 0x8000;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;

/** The names of the answer codes that name servers give. */
const CODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** The bytes of a question. */
export function dnsQuestion(id: number, name: string, recordType: RecordType): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(RECURSION_DESIRED, 2);
  header.writeUInt16BE(1, 4);
  const end = Buffer.alloc(4);
  end.writeUInt16BE(TYPES[recordType], 0);
  end.writeUInt16BE(INTERNET, 2);
  return Buffer.concat([
    header,
    ...name
      .split('.')
      .filter((label) => label !== '')
      .map(labelBytes),
    Buffer.alloc(1),
    end,
  ]);
}

function labelBytes(label: string): Buffer {
  return Buffer.concat([Uint8Array.of(label.length), Buffer.from(label, 'latin1')]);
}

/** What a name server answered. */
export interface DnsAnswer {
  /** `NOERROR`, `NXDOMAIN`, ... */
  readonly code: string;
  /** Whether there is more, which did not fit. */
  readonly truncated: boolean;
  /** The data of the records of the type that was asked for, as text: `192.0.2.1`, `10 mail.example.`. */
  readonly records: readonly string[];
}

/**
 * Reads the answer to a question. Undefined if it is the answer to another one, or none.
 * @throws {RangeError} if it makes no sense.
 */
export function readDnsAnswer(bytes: Buffer, id: number, recordType: RecordType): DnsAnswer | undefined {
  if (bytes.length < 2 || bytes.readUInt16BE(0) !== id) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & RESPONSE) === 0) throw new RangeError('not an answer');
  const reader = new Reader(bytes, HEADER);
  for (let left = bytes.readUInt16BE(4); left > 0; left--) reader.skipQuestion();
  const records: string[] = [];
  for (let left = bytes.readUInt16BE(6); left > 0; left--) {
    const text = reader.record(TYPES[recordType]);
    if (text !== undefined) records.push(text);
  }
  const code = flags & 0xf;
  return { code: CODES[code] ?? `code ${code}`, truncated: (flags & TRUNCATED) !== 0, records };
}

/** The first two bits of a label's length that is no length, but where the name goes on. */
const POINTER = 0xc0;
/** Labels of a name are fewer; a message in which they are not goes in a circle. */
const LABELS = 128;

/** Reads one thing after the other. Every read beyond the end is a RangeError of Buffer. */
class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  skipQuestion(): void {
    this.#name();
    this.#at += 4;
  }

  /** Reads a record; its data as text if it is of this type. */
  record(wanted: number): string | undefined {
    this.#name();
    const type = this.#number16();
    this.#at += 6;
    const length = this.#number16();
    const start = this.#at;
    const end = start + length;
    if (end > this.#bytes.length) throw new RangeError('a record that is cut off');
    const text = type === wanted ? this.#data(type, end) : undefined;
    this.#at = end;
    return text;
  }

  #data(type: number, end: number): string {
    switch (type) {
      case TYPES.A:
      case TYPES.AAAA:
        return this.#address(end, type === TYPES.A ? 4 : 16);
      case TYPES.MX:
        return `${this.#number16()} ${this.#name()}`;
      case TYPES.SRV:
        return `${this.#number16()} ${this.#number16()} ${this.#number16()} ${this.#name()}`;
      case TYPES.TXT:
        return this.#strings(end);
      case TYPES.SOA:
        return [this.#name(), this.#name(), ...Array.from({ length: 5 }, () => this.#number32())].join(' ');
      default:
        return this.#name();
    }
  }

  #address(end: number, length: number): string {
    if (end - this.#at !== length) throw new RangeError('an address of a wrong length');
    return formatIP(this.#bytes.subarray(this.#at, end));
  }

  /** The strings of a text record, which mean the same in one piece. */
  #strings(end: number): string {
    const parts: Buffer[] = [];
    while (this.#at < end) {
      const length = this.#bytes.readUInt8(this.#at);
      const after = this.#at + 1 + length;
      if (after > end) throw new RangeError('a text that is cut off');
      parts.push(this.#bytes.subarray(this.#at + 1, after));
      this.#at = after;
    }
    return Buffer.concat(parts).toString();
  }

  #number16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }

  #number32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  /** A name with a dot at its end, as name servers write it. */
  #name(): string {
    const labels: string[] = [];
    let at = this.#at;
    let after: number | undefined;
    for (let steps = 0; steps < LABELS; steps++) {
      const length = this.#bytes.readUInt8(at);
      if (length >= POINTER) {
        after ??= at + 2;
        at = this.#bytes.readUInt16BE(at) & 0x3fff;
      } else {
        at += 1 + length;
        if (length === 0) {
          this.#at = after ?? at;
          return `${labels.join('.')}.`;
        }
        if (at > this.#bytes.length) throw new RangeError('a name that is cut off');
        labels.push(this.#bytes.toString('latin1', at - length, at));
      }
    }
    throw new RangeError('a name without an end');
  }
}
