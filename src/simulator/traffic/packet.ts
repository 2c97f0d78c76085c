/**
 * A packet of a client, as far as IPVS looks at it.
 * @module
 */
import type { Family } from '../../address/ip.js';
import type { Protocol } from '../protocols/protocol.js';
import type { ScheduledPacket } from '../schedulers/scheduler.js';
import type { ConnectionKey } from './connection.js';
import type { PackedAddress } from './packed-address.js';

/** From a client to a virtual address. */
export class Packet implements ConnectionKey, ScheduledPacket {
  readonly family: Family;
  readonly transport: Protocol;
  readonly client: PackedAddress;
  readonly clientPort: number;
  readonly virtual: PackedAddress;
  readonly virtualPort: number;
  /** The firewall mark; 0 for none. */
  readonly mark: number;
  /** What moves the state: see {@link Protocol}. */
  readonly signal: number;
  /** Of the whole IP packet. */
  readonly bytes: number;

  constructor(
    family: Family,
    transport: Protocol,
    client: PackedAddress,
    clientPort: number,
    virtual: PackedAddress,
    virtualPort: number,
    mark: number,
    signal: number,
    bytes: number,
  ) {
    this.family = family;
    this.transport = transport;
    this.client = client;
    this.clientPort = clientPort;
    this.virtual = virtual;
    this.virtualPort = virtualPort;
    this.mark = mark;
    this.signal = signal;
    this.bytes = bytes;
  }

  /** Another packet of the same client to the same address and port. */
  next(signal: number, bytes: number): Packet {
    const { family, transport, client, clientPort, virtual, virtualPort, mark } = this;
    return new Packet(family, transport, client, clientPort, virtual, virtualPort, mark, signal, bytes);
  }

  get protocolNumber(): number {
    return this.transport.number;
  }

  // What schedulers ask for; most of them don't.

  get protocol(): number {
    return this.transport.number;
  }

  get source(): Uint8Array {
    return this.client.bytes(this.family);
  }

  get sourcePort(): number {
    return this.clientPort;
  }

  get destination(): Uint8Array {
    return this.virtual.bytes(this.family);
  }

  get destinationPort(): number {
    return this.virtualPort;
  }
}
