/**
 * Sync messages <-> bytes: what a master daemon tells the backups of its connections, a datagram each. Versions 0 and 1 of
 * net/netfilter/ipvs/ip_vs_sync.c (Linux 6.1 to 6.18).
 * @module
 */
import type { Endpoint } from '../address/endpoint.js';
import { type Family, formatIP, parseIP } from '../address/ip.js';
import { ProtocolError } from '../errors.js';
import { LITTLE_ENDIAN } from '../linux/byte-order.js';
import {
  IP_VS_CONN_F_SEQ_MASK,
  IP_VS_PEDATA_MAXLEN,
  IP_VS_PENAME_MAXLEN,
  IPVS_OPT_F_PARAM,
  IPVS_OPT_PE_DATA,
  IPVS_OPT_PE_NAME,
  IPVS_OPT_SEQ_DATA,
  STYPE_F_INET6,
  SVER_MASK,
  SVER_SHIFT,
  SYNC_PROTO_VER,
} from './constants.js';

/** How a protocol helper (FTP) has shifted the sequence numbers of one direction: `struct ip_vs_seq`. */
export interface SequenceShift {
  /** The number from which on `delta` is added; before it `previousDelta` is. All three are 32-bit unsigned. */
  readonly initial: number;
  readonly delta: number;
  readonly previousDelta: number;
}

/** One connection, or persistence template, as a sync message has it. */
export interface SyncConnection {
  /** The family of all three addresses: connections across families are not synchronised. */
  readonly family: Family;
  /** The number of the IP protocol: 6 is TCP, 17 UDP, 132 SCTP, 0 the templates of fwmark services. */
  readonly protocol: number;
  /** `IP_VS_CONN_F_*`, 32 bits; 16 in version 0. */
  readonly flags: number;
  /** The state's number in its protocol, 0 to 65535. */
  readonly state: number;
  readonly client: Endpoint;
  readonly virtual: Endpoint;
  readonly destination: Endpoint;
  /** The firewall mark of its service; 0 for none, and in version 0, which has no place for it. */
  readonly mark: number;
  /** Seconds that the connection lives without a packet; 0 for its state's own timeout, and in version 0. */
  readonly timeout: number;
  /** Of both directions; there if the flags have any bit of `IP_VS_CONN_F_SEQ_MASK`. */
  readonly sequence?: { readonly in: SequenceShift; readonly out: SequenceShift };
  /** What a persistence engine knows its client by, 1 to 255 bytes. */
  readonly engine?: { readonly name: string; readonly data: Uint8Array };
}

/** A datagram. */
export interface SyncMessage {
  readonly version: 0 | 1;
  /** 0 to 255. A backup whose own id is 0 takes messages of every id. */
  readonly syncId: number;
  /** At most 255. */
  readonly connections: readonly SyncConnection[];
}

const HEADER_V0 = 4;
const HEADER = 8;
const CONNECTION_V0 = 24;
/** What comes before the addresses. */
const FIXED = 24;
const SEQUENCE = 12;
const OPTION_HEADER = 2;

/** Connections that fit into one message: their number has a byte. */
const MOST_CONNECTIONS = 255;

/**
 * Reads a datagram.
 * @throws {ProtocolError} for what a backup daemon would drop as a whole, and for a connection that it would skip.
 */
export function readSyncMessage(datagram: Uint8Array): SyncMessage {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  if (view.byteLength < HEADER_V0) throw new ProtocolError(`sync message: ${view.byteLength} bytes are no header`);
  const size = view.getUint16(2);
  if (size !== view.byteLength) throw new ProtocolError(`sync message: ${view.byteLength} bytes, but it says ${size}`);
  // A version 0 message has the number of its connections where version 1 has a zero.
  const isFirst =
    size >= HEADER && view.getUint8(0) === 0 && view.getUint8(5) === SYNC_PROTO_VER && view.getUint16(6) === 0;
  return isFirst ? readVersion1(view) : readVersion0(view);
}

function readVersion1(view: DataView): SyncMessage {
  const connections: SyncConnection[] = [];
  let start = HEADER;
  for (let left = view.getUint8(4); left > 0; left--) {
    const size = connectionSize(view, start);
    connections.push(readConnection(partOf(view, start, size)));
    start += align(size);
  }
  return { version: 1, syncId: view.getUint8(1), connections };
}

function connectionSize(view: DataView, start: number): number {
  if (start + FIXED > view.byteLength) throw new ProtocolError('sync message: it ends within a connection');
  const field = view.getUint16(start + 2);
  const version = field >> SVER_SHIFT;
  if (version !== 0) throw new ProtocolError(`sync connection: version ${version} is not known`);
  const size = field & SVER_MASK;
  if (start + size > view.byteLength) throw new ProtocolError('sync connection: it is longer than its message');
  return size;
}

function readConnection(view: DataView): SyncConnection {
  const type = view.byteLength === 0 ? 0 : view.getUint8(0);
  if ((type & ~STYPE_F_INET6) !== 0) throw new ProtocolError(`sync connection: type ${type} is not known`);
  const family = type === STYPE_F_INET6 ? 'ipv6' : 'ipv4';
  const length = family === 'ipv6' ? 16 : 4;
  const end = FIXED + 3 * length;
  if (view.byteLength < end) throw new ProtocolError(`sync connection: ${view.byteLength} bytes, ${end} are needed`);
  const address = (index: number) => formatIP(bytesOf(view, FIXED + index * length, length));
  return {
    family,
    protocol: view.getUint8(1),
    flags: view.getUint32(4),
    state: view.getUint16(8),
    client: { address: address(0), port: view.getUint16(10) },
    virtual: { address: address(1), port: view.getUint16(12) },
    destination: { address: address(2), port: view.getUint16(14) },
    mark: view.getUint32(16),
    timeout: view.getUint32(20),
    ...readOptions(view, end),
  };
}

function readOptions(view: DataView, first: number): Pick<SyncConnection, 'sequence' | 'engine'> {
  const options = new Map<number, DataView>();
  for (let start = first; start < view.byteLength; ) {
    const length = start + OPTION_HEADER > view.byteLength ? 0 : view.getUint8(start + 1);
    const end = start + OPTION_HEADER + length;
    if (length === 0 || end > view.byteLength) throw new ProtocolError('sync option: its length is wrong');
    keepOption(options, view.getUint8(start), partOf(view, end - length, length));
    start = end;
  }
  const sequence = options.get(IPVS_OPT_SEQ_DATA);
  return { ...(sequence !== undefined && { sequence: readSequence(sequence, false) }), ...readEngine(options) };
}

/** The lengths that the kernel takes. */
const LONGEST: ReadonlyMap<number, number> = new Map([
  [IPVS_OPT_SEQ_DATA, 2 * SEQUENCE],
  [IPVS_OPT_PE_DATA, IP_VS_PEDATA_MAXLEN],
  [IPVS_OPT_PE_NAME, IP_VS_PENAME_MAXLEN],
]);

function keepOption(options: Map<number, DataView>, type: number, value: DataView): void {
  const known = type & ~IPVS_OPT_F_PARAM;
  const longest = LONGEST.get(known);
  if (longest === undefined) {
    if ((type & IPVS_OPT_F_PARAM) !== 0) return;
    throw new ProtocolError(`sync option: type ${type} is not known, and must be`);
  }
  const isShort = known === IPVS_OPT_SEQ_DATA && value.byteLength !== longest;
  if (isShort || value.byteLength > longest || options.has(known)) {
    throw new ProtocolError(`sync option ${known}: ${options.has(known) ? 'it comes twice' : 'its length is wrong'}`);
  }
  options.set(known, value);
}

function readEngine(options: ReadonlyMap<number, DataView>): Pick<SyncConnection, 'engine'> {
  const data = options.get(IPVS_OPT_PE_DATA);
  if (data === undefined) return {};
  const name = options.get(IPVS_OPT_PE_NAME);
  if (name === undefined) throw new ProtocolError('sync connection: it has data of a persistence engine, and no name');
  const text = String.fromCharCode(...bytesOf(name, 0, name.byteLength));
  return { engine: { name: text, data: bytesOf(data, 0, data.byteLength).slice() } };
}

/** Version 0 has them in the byte order of whoever sent them, which must be the receiver's. */
function readSequence(view: DataView, littleEndian: boolean): { in: SequenceShift; out: SequenceShift } {
  const shift = (start: number): SequenceShift => ({
    initial: view.getUint32(start, littleEndian),
    delta: view.getUint32(start + 4, littleEndian),
    previousDelta: view.getUint32(start + 8, littleEndian),
  });
  return { in: shift(0), out: shift(SEQUENCE) };
}

function readVersion0(view: DataView): SyncMessage {
  const connections: SyncConnection[] = [];
  let start = HEADER_V0;
  for (let left = view.getUint8(0); left > 0; left--) {
    if (start + CONNECTION_V0 > view.byteLength) throw new ProtocolError('sync message: it ends within a connection');
    const flags = view.getUint16(start + 20);
    const size = CONNECTION_V0 + ((flags & IP_VS_CONN_F_SEQ_MASK) === 0 ? 0 : 2 * SEQUENCE);
    if (start + size > view.byteLength) throw new ProtocolError('sync message: it ends within sequence numbers');
    connections.push(readConnectionV0(partOf(view, start, size), flags));
    start += size;
  }
  return { version: 0, syncId: view.getUint8(1), connections };
}

function readConnectionV0(view: DataView, flags: number): SyncConnection {
  const endpoint = (port: number, address: number): Endpoint => ({
    address: formatIP(bytesOf(view, address, 4)),
    port: view.getUint16(port),
  });
  const rest = partOf(view, CONNECTION_V0, view.byteLength - CONNECTION_V0);
  return {
    family: 'ipv4',
    protocol: view.getUint8(1),
    flags,
    state: view.getUint16(22),
    client: endpoint(2, 8),
    virtual: endpoint(4, 12),
    destination: endpoint(6, 16),
    mark: 0,
    timeout: 0,
    ...(rest.byteLength > 0 && { sequence: readSequence(rest, LITTLE_ENDIAN) }),
  };
}

/** Bytes that a connection takes in a message of version 1, without what aligns the next one. */
export function syncConnectionSize({ family, sequence, engine }: SyncConnection): number {
  const options = [sequence && 2 * SEQUENCE, engine?.data.length, engine?.name.length];
  const lengths = options.map((length = 0) => (length === 0 ? 0 : OPTION_HEADER + length));
  return lengths.reduce((sum, length) => sum + length, FIXED + 3 * (family === 'ipv6' ? 16 : 4));
}

/** Gathers connections into messages of version 1: as many as one may have, and as its bytes allow. */
export class MessageFiller {
  readonly #maxLength: number;
  #waiting: SyncConnection[] = [];
  #size = HEADER;

  /** @param maxLength bytes of a message at most */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Takes another one. Gives back the connections of a message where it has no room for this one. */
  add(connection: SyncConnection): readonly SyncConnection[] {
    const size = align(syncConnectionSize(connection));
    const isFull = this.#waiting.length === MOST_CONNECTIONS || this.#size + size > this.#maxLength;
    const full = isFull ? this.rest() : [];
    this.#waiting.push(connection);
    this.#size += size;
    return full;
  }

  /** What has not been given back yet. */
  rest(): readonly SyncConnection[] {
    const rest = this.#waiting;
    this.#waiting = [];
    this.#size = HEADER;
    return rest;
  }
}

/** Makes the datagram that the kernel would send. The values are taken as they are. */
export function writeSyncMessage(message: SyncMessage): Uint8Array {
  return message.version === 1 ? writeVersion1(message) : writeVersion0(message);
}

function writeVersion1({ syncId, connections }: SyncMessage): Uint8Array {
  const view = layOut(HEADER, connections, syncConnectionSize, writeConnection);
  view.setUint8(1, syncId);
  view.setUint16(2, view.byteLength);
  view.setUint8(4, connections.length);
  view.setUint8(5, SYNC_PROTO_VER);
  return bytesOf(view, 0, view.byteLength);
}

/** The connections behind the room for a header. Nothing aligns the end of the last one. */
function layOut(
  header: number,
  connections: readonly SyncConnection[],
  sizeOf: (connection: SyncConnection) => number,
  write: (view: DataView, connection: SyncConnection) => void,
): DataView {
  const sizes = connections.map(sizeOf);
  const last = sizes.at(-1) ?? 0;
  const length = sizes.reduce((sum, size) => sum + align(size), header) - align(last) + last;
  const view = new DataView(new ArrayBuffer(length));
  let start = header;
  for (const [index, connection] of connections.entries()) {
    const size = sizes[index] ?? 0;
    write(partOf(view, start, size), connection);
    start += align(size);
  }
  return view;
}

function writeConnection(view: DataView, connection: SyncConnection): void {
  const { family, client, virtual, destination } = connection;
  const length = family === 'ipv6' ? 16 : 4;
  view.setUint8(0, family === 'ipv6' ? STYPE_F_INET6 : 0);
  view.setUint8(1, connection.protocol);
  view.setUint16(2, view.byteLength);
  view.setUint32(4, connection.flags);
  view.setUint16(8, connection.state);
  view.setUint16(10, client.port);
  view.setUint16(12, virtual.port);
  view.setUint16(14, destination.port);
  view.setUint32(16, connection.mark);
  view.setUint32(20, connection.timeout);
  for (const [index, { address }] of [client, virtual, destination].entries()) {
    bytesOf(view, FIXED + index * length, length).set(addressBytes(address, length));
  }
  writeOptions(view, FIXED + 3 * length, connection);
}

function writeOptions(view: DataView, first: number, { sequence, engine }: SyncConnection): void {
  let start = first;
  const option = (type: number, length: number) => {
    view.setUint8(start, type);
    view.setUint8(start + 1, length);
    start += OPTION_HEADER + length;
    return start - length;
  };
  if (sequence !== undefined) writeSequence(view, option(IPVS_OPT_SEQ_DATA, 2 * SEQUENCE), sequence, false);
  if (engine === undefined) return;
  bytesOf(view, option(IPVS_OPT_PE_DATA, engine.data.length), engine.data.length).set(engine.data);
  const name = Uint8Array.from(engine.name, (character) => character.charCodeAt(0));
  bytesOf(view, option(IPVS_OPT_PE_NAME, name.length), name.length).set(name);
}

function writeSequence(
  view: DataView,
  start: number,
  sequence: NonNullable<SyncConnection['sequence']>,
  littleEndian: boolean,
): void {
  for (const [index, { initial, delta, previousDelta }] of [sequence.in, sequence.out].entries()) {
    view.setUint32(start + index * SEQUENCE, initial, littleEndian);
    view.setUint32(start + index * SEQUENCE + 4, delta, littleEndian);
    view.setUint32(start + index * SEQUENCE + 8, previousDelta, littleEndian);
  }
}

function writeVersion0({ syncId, connections }: SyncMessage): Uint8Array {
  const view = layOut(HEADER_V0, connections, sizeOfV0, writeConnectionV0);
  view.setUint8(0, connections.length);
  view.setUint8(1, syncId);
  view.setUint16(2, view.byteLength);
  return bytesOf(view, 0, view.byteLength);
}

function sizeOfV0({ sequence }: Pick<SyncConnection, 'sequence'>): number {
  return CONNECTION_V0 + (sequence === undefined ? 0 : 2 * SEQUENCE);
}

function writeConnectionV0(view: DataView, connection: SyncConnection): void {
  view.setUint8(1, connection.protocol);
  for (const [index, { address, port }] of [connection.client, connection.virtual, connection.destination].entries()) {
    view.setUint16(2 + 2 * index, port);
    bytesOf(view, 8 + 4 * index, 4).set(addressBytes(address, 4));
  }
  view.setUint16(20, connection.flags);
  view.setUint16(22, connection.state);
  if (connection.sequence !== undefined) writeSequence(view, CONNECTION_V0, connection.sequence, LITTLE_ENDIAN);
}

function partOf(view: DataView, start: number, length: number): DataView {
  return new DataView(view.buffer, view.byteOffset + start, length);
}

function bytesOf(view: DataView, start: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start, length);
}

function addressBytes(address: string, length: number): Uint8Array {
  return parseIP(address) ?? new Uint8Array(length);
}

/** Connections begin at multiples of four bytes. */
function align(size: number): number {
  return (size + 3) & ~3;
}
