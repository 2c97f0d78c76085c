/**
 * Neighbours: which link-layer address the kernel believes an IP address to have (the ARP table, and IPv6's).
 * @module
 */
import { type Family, formatIP } from '../../address/ip.js';
import { formatMac } from '../../address/mac.js';
import type { Request } from '../connection.js';
import type { Message } from '../message.js';
import { parseNeighbour, request } from './codec.js';
import { AF_UNSPEC, familyOfNumber } from './constants.js';

/** NUD_*: how sure the kernel is. */
export type NeighbourState =
  | 'incomplete'
  | 'reachable'
  | 'stale'
  | 'delay'
  | 'probe'
  | 'failed'
  | 'noarp'
  | 'permanent'
  | 'none';

/** What the kernel believes of one neighbour. */
export interface NeighbourEntry {
  /** `eth0` */
  readonly device: string;
  readonly family: Family;
  /** `10.0.0.1` */
  readonly address: string;
  /** `52:54:00:12:34:56`; absent while nobody has answered (`incomplete`, `failed`). */
  readonly mac?: string;
  readonly state: NeighbourState;
}

/** A dump of all neighbours of both families. */
export function getNeighbours(): Request {
  const content = { kind: 'neighbor', data: { family: AF_UNSPEC }, attrs: {} } as const;
  return request({ type: 'GETNEIGH', command: 'list neighbours' }, content);
}

/** Reads an answer to GETNEIGH; undefined for a family other than IPv4 and IPv6. */
export function readNeighbour(message: Message, deviceName: (index: number) => string): NeighbourEntry | undefined {
  const { data, attrs } = parseNeighbour(message);
  const family = familyOfNumber(data.family);
  if (family === undefined || attrs.dst === undefined) return undefined;
  return {
    device: deviceName(data.ifindex ?? 0),
    family,
    address: formatIP(attrs.dst),
    ...(attrs.lladdr?.length === 6 && { mac: formatMac(attrs.lladdr) }),
    state: stateName(data.state),
  };
}

/** The kernel sets one bit at a time. `__unknown` is the codec's own, for bits that have no name. */
function stateName(states: Readonly<Partial<Record<NeighbourState | '__unknown', unknown>>> = {}): NeighbourState {
  const names = Object.keys(states) as (keyof typeof states)[];
  return names.filter((name) => name !== '__unknown')[0] ?? 'none';
}
