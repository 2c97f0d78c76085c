/**
 * Connections as programs make and look at them: `kernel.connect()`.
 * @module
 */

import type { Endpoint } from '../../address/endpoint.js';
import type { Family } from '../../address/ip.js';
import { InvalidArgumentError } from '../../errors.js';
import { asObject, shown } from '../../model/fields.js';
import type { Protocol } from '../protocols/protocol.js';
import { SCTP_CHUNKS, type SctpChunk, sctp } from '../protocols/sctp.js';
import { TCP_FLAGS, type TcpFlag, tcp } from '../protocols/tcp.js';
import { udp } from '../protocols/udp.js';
import type { Connection } from './connection.js';
import type { ConnectionRefusal, Connections } from './connections.js';
import { PackedAddress } from './packed-address.js';
import { Packet } from './packet.js';

/** What a packet says. */
export interface Segment {
  /** Of TCP; none at all moves a connection to CLOSE. */
  readonly flags?: readonly TcpFlag[];
  /** The first chunk of an SCTP packet; default `DATA`. */
  readonly chunk?: SctpChunk;
  /** Length of the IP packet, 1 to 2147483647; default that of its headers, without options. */
  readonly bytes?: number;
}

/** The first packet of a connection: by default TCP's SYN, SCTP's INIT, a UDP datagram without contents. */
export interface Opening extends Segment {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly client: Endpoint;
  /** Where the client sends it. */
  readonly virtual: Endpoint;
  /** The firewall mark that it has, 0 to 4294967295; default 0, which is none. */
  readonly mark?: number;
}

/** What became of a packet: it went to a real server by a connection, or it was refused. */
export type Outcome =
  | { readonly destination: Endpoint; readonly connection: SimulatedConnection; readonly refused?: undefined }
  | { readonly refused: ConnectionRefusal; readonly destination?: undefined; readonly connection?: undefined };

const PROTOCOLS: Readonly<Record<Opening['protocol'], Protocol>> = { tcp, udp, sctp };
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;

/** Sends the first packet. @throws {InvalidArgumentError} */
export function open(connections: Connections, opening: Opening): Outcome {
  const packet = readOpening(opening);
  connections.catchUp();
  return outcome(connections, packet, connections.receive(packet));
}

/** A connection of a simulated kernel, for as long as one holds it: it may have expired. */
export class SimulatedConnection {
  readonly #connections: Connections;
  readonly #connection: Connection;
  readonly #packet: Packet;

  /** @internal */
  constructor(connections: Connections, connection: Connection, packet: Packet) {
    this.#connections = connections;
    this.#connection = connection;
    this.#packet = packet;
  }

  /** The real server. */
  get destination(): Endpoint {
    const { destination, destinationPort } = this.#current;
    return destination.endpoint(destinationPort);
  }

  /** The kernel's word: `SYN_RECV`, `ESTABLISHED`, `UDP`, ... The last one, where it has expired. */
  get state(): string {
    return this.#current.stateName;
  }

  /** Whether it counts among the real server's active connections. */
  get active(): boolean {
    const connection = this.#current;
    return connection.listed && !connection.inactive;
  }

  /** Seconds until it expires, unless another packet comes; 0 where it has. */
  get expires(): number {
    const connection = this.#current;
    return connection.listed ? this.#connections.left(connection) / 1000 : 0;
  }

  /** Whether it is in the connection table no more: its time was over, or it was of one packet. */
  get expired(): boolean {
    return !this.#current.listed;
  }

  /** The client sends a TCP segment with these flags; without any, its next datagram, or an SCTP packet of data. */
  send(...flags: TcpFlag[]): Outcome {
    return this.packet({ flags });
  }

  /** The real server answers so, and the director sees it: with NAT, or where it is the real server's way out. */
  reply(...flags: TcpFlag[]): Outcome {
    return this.packet({ direction: 'out', flags });
  }

  /**
   * A packet of the client (`in`, the default) or of the real server (`out`). A client's packet may start another connection,
   * where this one is over: the outcome tells which one it went by. @throws {InvalidArgumentError}
   */
  packet({ direction = 'in', ...segment }: Segment & { readonly direction?: 'in' | 'out' }): Outcome {
    const { family, transport } = this.#packet;
    const { signal, bytes } = readSegment(transport, family, segment, 0);
    const connections = this.#connections;
    connections.catchUp();
    if (direction === 'out') {
      const passed = connections.respond(this.#connection, signal, bytes);
      return passed ? { destination: this.destination, connection: this } : { refused: 'no-service' };
    }
    const packet = this.#packet.next(signal, bytes);
    const received = connections.receive(packet);
    if (received === this.#connection) return { destination: this.destination, connection: this };
    return outcome(connections, packet, received);
  }

  get #current(): Connection {
    this.#connections.catchUp();
    return this.#connection;
  }
}

function outcome(connections: Connections, packet: Packet, received: Connection | ConnectionRefusal): Outcome {
  if (typeof received === 'string') return { refused: received };
  const connection = new SimulatedConnection(connections, received, packet);
  return { destination: received.destination.endpoint(received.destinationPort), connection };
}

function readOpening(opening: Opening): Packet {
  const { protocol, client, virtual, mark = 0, ...segment } = asObject('packet', opening) as unknown as Opening;
  const transport = PROTOCOLS[protocol];
  if (transport === undefined) throw invalid('protocol', `${shown(protocol)} is not one of tcp, udp, sctp`);
  checkEndpoint('client', client);
  checkEndpoint('virtual', virtual);
  const from = readAddress('client', client);
  const to = readVirtual(virtual);
  const family = familyOf(client);
  if (family !== familyOf(virtual)) throw invalid('virtual.address', 'is not of the family of client.address');
  if (!isWhole(mark, 0, 0xffffffff)) throw invalid('mark', 'must be a whole number from 0 to 4294967295');
  const first = protocol === 'tcp' ? TCP_FLAGS.SYN : SCTP_CHUNKS.INIT;
  const { signal, bytes } = readSegment(transport, family, segment, first);
  return new Packet(family, transport, from, client.port, to, virtual.port, mark, signal, bytes);
}

/** Clients are many, virtual addresses few: the last one is kept, for all its connections. */
let lastVirtual = { address: '', words: new PackedAddress(0) };

function readVirtual(virtual: Endpoint): PackedAddress {
  const words = virtual.address === lastVirtual.address ? lastVirtual.words : undefined;
  const read = readAddress('virtual', virtual, words);
  if (read !== words) lastVirtual = { address: virtual.address, words: read };
  return read;
}

function familyOf({ address }: Endpoint): Family {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

/** As JavaScript may pass it. */
function checkEndpoint(path: string, endpoint: Endpoint | undefined | null): void {
  if (typeof endpoint?.address !== 'string') throw invalid(path, 'must have an address and a port');
}

function readAddress(path: string, { address, port }: Endpoint, known?: PackedAddress): PackedAddress {
  const words = known ?? PackedAddress.parse(address);
  if (words === undefined) throw invalid(`${path}.address`, `${shown(address)} is not an IPv4 or IPv6 address`);
  if (!isWhole(port, 0, 65535)) throw invalid(`${path}.port`, 'must be a whole number from 0 to 65535');
  return words;
}

/** @param first the signal where nothing says which. */
function readSegment(transport: Protocol, family: Family, { flags, chunk, bytes }: Segment, first: number) {
  const header = family === 'ipv4' ? IPV4_HEADER : IPV6_HEADER;
  const length = bytes ?? header + transport.headerBytes;
  if (!isWhole(length, 1, 0x7fffffff)) throw invalid('bytes', 'must be a whole number from 1 to 2147483647');
  return { signal: readSignal(transport, flags, chunk) ?? first, bytes: length };
}

function readSignal(transport: Protocol, flags?: readonly TcpFlag[], chunk?: SctpChunk): number | undefined {
  if (chunk !== undefined && transport !== sctp) throw invalid('chunk', 'is only for SCTP');
  if (flags !== undefined && flags.length > 0 && transport !== tcp) throw invalid('flags', 'are only for TCP');
  if (chunk !== undefined) return numberOf(SCTP_CHUNKS, 'chunk', chunk);
  if (transport !== tcp) return undefined;
  return flags?.reduce((signal, flag) => signal | numberOf(TCP_FLAGS, 'flags', flag), 0);
}

function numberOf(values: Readonly<Record<string, number>>, path: string, name: string): number {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) throw invalid(path, `${shown(name)} is not one of ${Object.keys(values).join(', ')}`);
  return value;
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function invalid(path: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError('connection', [{ path, message }]);
}
