/**
 * Attributes checked against policies as the kernel does for families that it checks liberally (lib/nlattr.c, Linux 6.1):
 * unknown types are skipped, of two of a type the last counts, longer than a type is fine.
 * @module
 */

import { LITTLE_ENDIAN } from '../../linux/byte-order.js';
import { align, type Bytes } from '../../netlink/attributes.js';
import { EINVAL, ERANGE } from './errno.js';
import type { ExtendedAck } from './extended-ack.js';
import {
  type AttributePolicy,
  NLA_BINARY,
  NLA_NESTED,
  NLA_U8,
  NLA_U16,
  NLA_U32,
  NLA_UNSPEC,
  type Policy,
} from './policy.js';

const HEADER = 4;
const NLA_TYPE_MASK = 0x3fff;

/** The attributes of one message or nest; used again for the next one. */
export class Attributes {
  readonly #policy: Policy;
  /** Offset of each type's payload; 0 where the type is missing, for no payload can be there. */
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;
  #bytes: Bytes | undefined;

  constructor(policy: Policy) {
    this.#policy = policy;
    this.#starts = new Int32Array(policy.length);
    this.#lengths = new Int32Array(policy.length);
  }

  /** Finds the attributes between two offsets. 0, or the errno of the first that breaks its policy; `ack` tells of it. */
  parse(bytes: Bytes, start: number, end: number, ack?: ExtendedAck): number {
    this.#bytes = bytes;
    this.#starts.fill(0);
    let at = start;
    while (end - at >= HEADER) {
      const size = bytes.view.getUint16(at, LITTLE_ENDIAN);
      if (size < HEADER || size > end - at) break;
      const type = bytes.view.getUint16(at + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK;
      if (type > 0 && type < this.#policy.length) {
        const policy = this.#policy[type];
        const errno = policy === undefined ? 0 : check(policy, bytes.array, at + HEADER, size - HEADER);
        if (errno !== 0) {
          ack?.refuse('Attribute failed policy validation', at, policy);
          return errno;
        }
        this.#starts[type] = at + HEADER;
        this.#lengths[type] = size - HEADER;
      }
      at += align(size);
    }
    if (at < end) ack?.say('bytes leftover after parsing attributes');
    return 0;
  }

  has(type: number): boolean {
    return this.start(type) !== 0;
  }

  u8(type: number): number {
    return this.#view.getUint8(this.start(type));
  }

  u16(type: number): number {
    return this.#view.getUint16(this.start(type), LITTLE_ENDIAN);
  }

  u32(type: number): number {
    return this.#view.getUint32(this.start(type), LITTLE_ENDIAN);
  }

  /** 16 bits in network order. */
  be16(type: number): number {
    return this.#view.getUint16(this.start(type));
  }

  /** 32 bits in network order. */
  be32(type: number): number {
    return this.#view.getUint32(this.start(type));
  }

  /** Latin-1 text up to its NUL, which the policy has seen. */
  string(type: number): string {
    const { array } = this.#source;
    let text = '';
    for (let at = this.start(type); array[at] !== 0; at++) text += String.fromCharCode(array[at] ?? 0);
    return text;
  }

  /** Copies the payload; what it is too short for is zeroed. */
  copy(type: number, into: Uint8Array): void {
    const start = this.start(type);
    const length = Math.min(this.length(type), into.length);
    const { array } = this.#source;
    for (let i = 0; i < length; i++) into[i] = array[start + i] ?? 0;
    into.fill(0, length);
  }

  /** Offset of the payload; 0 where there is none. */
  start(type: number): number {
    return this.#starts[type] ?? 0;
  }

  /** Bytes of the payload. */
  length(type: number): number {
    return this.#lengths[type] ?? 0;
  }

  get #source(): Bytes {
    if (this.#bytes === undefined) throw new Error('nothing was parsed yet');
    return this.#bytes;
  }

  get #view(): DataView {
    return this.#source.view;
  }
}

function check({ kind, length = 0 }: AttributePolicy, bytes: Uint8Array, start: number, size: number): number {
  switch (kind) {
    case NLA_U8:
      return size < 1 ? ERANGE : 0;
    case NLA_U16:
      return size < 2 ? ERANGE : 0;
    case NLA_U32:
      return size < 4 ? ERANGE : 0;
    case NLA_UNSPEC:
      return size < length ? ERANGE : 0;
    case NLA_BINARY:
      return length > 0 && size > length ? ERANGE : 0;
    case NLA_NESTED:
      return size > 0 && size < HEADER ? ERANGE : 0;
    default:
      return checkString(bytes, start, size, length);
  }
}

/** NLA_NUL_STRING: a NUL within the length and 1, and nothing behind that length but one NUL. */
function checkString(bytes: Uint8Array, start: number, size: number, length: number): number {
  const searched = Math.min(size, length + 1);
  const nul = bytes.indexOf(0, start);
  if (nul === -1 || nul >= start + searched) return EINVAL;
  const text = bytes[start + size - 1] === 0 ? size - 1 : size;
  return text > length ? ERANGE : 0;
}
