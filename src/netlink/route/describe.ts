/**
 * rtnetlink's messages in words, for IPVS_DEBUG.
 * @module
 */
import { MessageType } from 'netlink/dist/rt/structs.js';
import type { Message } from '../message.js';

/** `RTM_NEWADDR, 32 bytes: 0220...` */
export function describeRouteMessage({ type, bytes, start, end }: Message): string {
  const payload = Buffer.from(bytes.array.subarray(start, end)).toString('hex');
  return `RTM_${MessageType[type] ?? type}, ${end - start} bytes: ${payload}`;
}
