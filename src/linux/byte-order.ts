/**
 * The byte order of this machine.
 * @module
 */
import { endianness } from 'node:os';

/** Host order is the order of every number in a struct or a netlink message that is not said to be network order. */
export const LITTLE_ENDIAN = endianness() === 'LE';
