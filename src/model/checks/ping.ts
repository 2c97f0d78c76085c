/**
 * The ping check.
 * @module
 */
import { lazy } from '../parse.js';
import { baseShape, type CheckBase } from './base.js';

/**
 * One ICMP echo, as keepalived's PING_CHECK. It needs the native addon, and a group of the sysctl net.ipv4.ping_group_range or
 * CAP_NET_RAW; without these it is not measured.
 */
export interface PingCheck extends CheckBase {
  readonly type: 'ping';
}

/** The schema of a ping check. */
export const pingSchema = lazy((z) => z.strictObject({ type: z.literal('ping'), ...baseShape() }));
