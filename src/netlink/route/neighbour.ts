/**
 * Neighbours: which link-layer address the kernel believes an IP address to have (the ARP table, and IPv6's).
 * @module
 */
import {
  formatNeighborMessage,
  MessageType,
  type NeighborState,
  parseNeighborMessage,
} from 'netlink/dist/rt/structs.js';
import { type Family, formatIP } from '../../address/ip.js';
import { formatMac } from '../../address/mac.js';
import type { Request } from '../connection.js';
import type { Message } from '../message.js';
import { AF_UNSPEC, familyOfNumber } from './constants.js';
import { parse, request } from './message.js';

/** NUD_*: how sure the kernel is. */
export type NeighbourState = Exclude<keyof NeighborState, '__unknown'> | 'none';

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
  return request({ type: MessageType.GETNEIGH, command: 'list neighbours' }, (out) =>
    formatNeighborMessage({ kind: 'neighbor', data: { family: AF_UNSPEC }, attrs: {} }, out),
  );
}

/** Reads an answer to GETNEIGH; undefined for a family other than IPv4 and IPv6. */
export function readNeighbour(message: Message, deviceName: (index: number) => string): NeighbourEntry | undefined {
  const { data, attrs } = parse('neighbour', parseNeighborMessage, message);
  const family = familyOfNumber(data.family);
  if (family === undefined || attrs.dst === undefined) return undefined;
  return {
    device: deviceName(data.ifindex ?? 0),
    family,
    address: formatIP(attrs.dst),
    ...(attrs.lladdr?.length === 6 && { mac: formatMac(attrs.lladdr) }),
    state: stateName(data.state ?? {}),
  };
}

/** The kernel sets one bit at a time. */
function stateName({ __unknown, ...states }: NeighborState): NeighbourState {
  const [first = 'none'] = Object.keys(states) as NeighbourState[];
  return first;
}
