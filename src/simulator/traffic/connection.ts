/**
 * One entry of the connection table (struct ip_vs_conn in include/net/ip_vs.h, Linux 6.1).
 * @module
 */
import type { Family } from '../../address/ip.js';
import { IP_VS_CONN_F_FWD_MASK, IP_VS_CONN_F_MASQ } from '../../kernel/constants.js';
import { TEMPLATE_STATES } from '../../model/connection-state.js';
import type { Protocol } from '../protocols/protocol.js';
import type { Destination } from '../table/destination.js';
import type { PackedAddress } from './packed-address.js';
import type { Timed } from './timing-wheel.js';

/** What a connection is found by. */
export interface ConnectionKey {
  readonly family: Family;
  /** Of the IP protocol; 0 for the templates of fwmark services. */
  readonly protocolNumber: number;
  readonly client: PackedAddress;
  /** 0 for templates, whose client is a network. */
  readonly clientPort: number;
  /** The templates of fwmark services have the mark in its first word. */
  readonly virtual: PackedAddress;
  readonly virtualPort: number;
}

/** What an entry is, beside a plain connection. */
export type ConnectionKind = 'connection' | 'one-packet' | 'template';

/** Milliseconds before the first packet says how long. */
const FIRST_TIMEOUT = 3000;
/** Of an invalidated template. */
const INVALID_PORT = 0xffff;

/** A connection, or the template by which the connections of a persistent client go to one real server. */
export class Connection implements ConnectionKey, Timed<Connection> {
  readonly family: Family;
  readonly protocolNumber: number;
  readonly protocol: Protocol;
  readonly client: PackedAddress;
  readonly clientPort: number;
  readonly virtual: PackedAddress;
  virtualPort: number;
  readonly destination: Destination;
  destinationPort: number;
  readonly kind: ConnectionKind;
  state = 0;
  /** Milliseconds after the last packet. */
  timeout = FIRST_TIMEOUT;
  /** IP_VS_CONN_F_INACTIVE. */
  inactive = true;
  /** IP_VS_CONN_F_NOOUTPUT: the director is not known to see what the real server sends. */
  noOutput: boolean;
  /** The template that it came by. */
  control: Connection | undefined = undefined;
  /** Connections that came by this template (`n_control`). */
  controlled = 0;
  /** Of a template: whether packets are still to find it. */
  isValid = true;
  /** False once it has expired; one-packet connections never are in the table. */
  listed = false;
  /** The next in its bucket. */
  next: Connection | undefined = undefined;
  expires = 0;
  slot = -1;
  timerNext: Connection | undefined = undefined;
  timerPrevious: Connection | undefined = undefined;

  /** @param protocol of the packet, also where the key has protocol 0. */
  constructor(
    key: ConnectionKey,
    protocol: Protocol,
    destination: Destination,
    destinationPort: number,
    kind: ConnectionKind,
  ) {
    this.family = key.family;
    this.protocolNumber = key.protocolNumber;
    this.protocol = protocol;
    this.client = key.client;
    this.clientPort = key.clientPort;
    this.virtual = key.virtual;
    this.virtualPort = key.virtualPort;
    this.destination = destination;
    this.destinationPort = destinationPort;
    this.kind = kind;
    this.noOutput = (destination.method & IP_VS_CONN_F_FWD_MASK) !== IP_VS_CONN_F_MASQ;
  }

  /** The kernel's word. */
  get stateName(): string {
    const names = this.kind === 'template' ? TEMPLATE_STATES : this.protocol.stateNames;
    return names[this.state] ?? 'ERR!';
  }

  /** Whether its packets go to the address of a real server, whichever service has that. */
  leadsTo({ family, address }: Destination): boolean {
    return this.destination.family === family && Buffer.compare(this.destination.address, address) === 0;
  }

  /** Makes a template unfindable; the caller has taken it out of the table meanwhile. */
  invalidate(keepsVirtualPort: boolean): void {
    this.isValid = false;
    if (!keepsVirtualPort) this.virtualPort = INVALID_PORT;
    this.destinationPort = INVALID_PORT;
  }

  /** Holds its destination and counts there (`ip_vs_bind_dest`). */
  bind(): void {
    const { destination } = this;
    destination.references++;
    if (this.kind === 'template') destination.persistentConnections++;
    else destination.inactiveConnections++;
    destination.judgeFull();
  }

  /** The reverse of {@link bind} (`ip_vs_unbind_dest`). */
  unbind(): void {
    const { destination } = this;
    if (this.kind === 'template') destination.persistentConnections--;
    else if (this.inactive) destination.inactiveConnections--;
    else destination.activeConnections--;
    destination.judgeFree();
    destination.references--;
  }

  /** Counts as active or as inactive from now on. */
  setInactive(inactive: boolean): void {
    if (inactive === this.inactive) return;
    this.inactive = inactive;
    const change = inactive ? 1 : -1;
    this.destination.inactiveConnections += change;
    this.destination.activeConnections -= change;
  }
}
