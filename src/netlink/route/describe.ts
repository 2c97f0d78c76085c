/**
 * rtnetlink's messages as text, for IPVS_DEBUG.
 * @module
 */
import type { Message } from '../message.js';
import { messageTypeName } from './codec.js';

/** `RTM_NEWADDR, 32 bytes: 0220...` */
export function describeRouteMessage({ type, bytes, start, end }: Message): string {
  const payload = Buffer.from(bytes.array.subarray(start, end)).toString('hex');
  return `RTM_${messageTypeName(type) ?? type}, ${end - start} bytes: ${payload}`;
}
