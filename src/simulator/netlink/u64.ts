/**
 * Attributes of 64 bits, which kernels for some machines pad (nla_put_u64_64bit in include/net/netlink.h).
 * @module
 */

import { LITTLE_ENDIAN } from '../../linux/byte-order.js';
import type { AttributeWriter } from '../../netlink/attributes.js';

/**
 * `none`: 64-bit numbers stand where they fall, as kernels for x86-64 and arm64 send them. `aligned`: an empty attribute is
 * put before those that would not stand on 8 bytes, as by kernels for machines that want it, and by user-mode Linux.
 */
export type Padding = 'none' | 'aligned';

const TWO_32 = 2 ** 32;

/** Appends a number up to 2^53 to a datagram; `pad` is the type of the padding. */
export function writeU64(writer: AttributeWriter, type: number, value: number, pad: number, padding: Padding): void {
  // The payload comes 4 bytes after the header.
  if (padding === 'aligned' && writer.length % 8 === 0) writer.reserveAttribute(pad, 0);
  const start = writer.reserveAttribute(type, 8);
  const high = Math.floor(value / TWO_32);
  writer.setU32(start, LITTLE_ENDIAN ? value % TWO_32 : high);
  writer.setU32(start + 4, LITTLE_ENDIAN ? high : value % TWO_32);
}
