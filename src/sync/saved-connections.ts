/**
 * Connections as a file: what a director saves before a reboot and puts back after it. The entries are sync messages, so that a
 * connection takes 36 bytes (IPv6: 72); the end has their number and a digest of all before it.
 *
 *     8 bytes  IPVSCONN
 *     2        version, 1
 *     6        zeros
 *     8        when it was saved, in milliseconds since 1970
 *     2 + n    the length of a message, and the message; any number of times
 *     2        zeros
 *     8        the number of connections
 *     32       SHA-256 of everything before
 *
 * Numbers are in network order.
 * @module
 */
import { createHash } from 'node:crypto';
import { ConnectionsFileError, ProtocolError } from '../errors.js';
import type { Connection } from '../model/connection.js';
import type { TableService } from '../model/table.js';
import { entryOf, obstacle } from './entries.js';
import { MessageFiller, readSyncMessage, type SyncConnection, writeSyncMessage } from './message.js';
import { Services } from './services.js';

const MAGIC = 'IPVSCONN';
const VERSION = 1;
const HEADER = 24;
const COUNT = 8;
const DIGEST = 32;
/** Bytes of a message: its length has 16 bits. */
const MESSAGE = 65_535;

/** Connections that were read from a file, checked whole. */
export interface SavedConnections {
  readonly savedAt: Date;
  readonly count: number;
  /** Piece by piece, so that they are never all in memory as objects. */
  readonly messages: () => Iterable<readonly SyncConnection[]>;
}

/**
 * The file, in pieces, as the table is read. Connections across address families are left out: the kernel takes none back.
 * @param now milliseconds since 1970
 */
export async function* writeConnectionsFile(
  rows: AsyncIterable<Connection>,
  table: readonly TableService[],
  now: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const services = new Services(table);
  const digest = createHash('sha256');
  let count = 0;
  const piece = (bytes: Uint8Array) => {
    digest.update(bytes);
    return bytes;
  };
  const message = (connections: readonly SyncConnection[]) => {
    count += connections.length;
    return piece(framed(writeSyncMessage({ version: 1, syncId: 0, connections })));
  };
  yield piece(headerOf(now));
  const filler = new MessageFiller(MESSAGE);
  for await (const row of rows) {
    if (obstacle(row) !== undefined) continue;
    const full = filler.add(entryOf(row, services.binding(row)));
    if (full.length > 0) yield message(full);
  }
  const rest = filler.rest();
  if (rest.length > 0) yield message(rest);
  yield piece(endOf(count));
  yield digest.digest();
}

function headerOf(now: number): Uint8Array {
  const header = Buffer.alloc(HEADER);
  header.write(MAGIC, 'latin1');
  header.writeUInt16BE(VERSION, 8);
  header.writeBigUInt64BE(BigInt(now), 16);
  return header;
}

function framed(message: Uint8Array): Uint8Array {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

function endOf(count: number): Uint8Array {
  const end = Buffer.alloc(2 + COUNT);
  end.writeBigUInt64BE(BigInt(count), 2);
  return end;
}

/**
 * Reads a file whole and checks it.
 * @throws {ConnectionsFileError} if it is none, is of a newer version, or is damaged.
 */
export async function readConnectionsFile(source: AsyncIterable<Uint8Array>): Promise<SavedConnections> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  const file = Buffer.concat(pieces);
  const problem = headerProblem(file);
  if (problem !== undefined) throw new ConnectionsFileError(problem);
  const digested = file.subarray(0, file.length - DIGEST);
  if (
    !createHash('sha256')
      .update(digested)
      .digest()
      .equals(file.subarray(file.length - DIGEST))
  ) {
    throw new ConnectionsFileError('the digest at its end does not fit: it is damaged, or was cut off');
  }
  const body = digested.subarray(HEADER, digested.length - 2 - COUNT);
  const count = Number(digested.readBigUInt64BE(digested.length - COUNT));
  const messages = () => messagesIn(body);
  let found = 0;
  for (const connections of messages()) found += connections.length;
  if (found !== count) throw new ConnectionsFileError(`it has ${found} connections, and says ${count}`);
  return { savedAt: new Date(Number(file.readBigUInt64BE(16))), count, messages };
}

function headerProblem(file: Buffer): string | undefined {
  if (file.length < HEADER + 2 + COUNT + DIGEST) return 'it is too short';
  if (file.toString('latin1', 0, MAGIC.length) !== MAGIC) return `it does not begin with ${MAGIC}`;
  const version = file.readUInt16BE(8);
  return version === VERSION ? undefined : `it is of version ${version}; this program reads version ${VERSION}`;
}

function* messagesIn(body: Buffer): Generator<readonly SyncConnection[], void, undefined> {
  for (let start = 0; start < body.length; ) {
    const length = start + 2 > body.length ? 0 : body.readUInt16BE(start);
    const end = start + 2 + length;
    if (length === 0 || end > body.length)
      throw new ConnectionsFileError(`the message at byte ${HEADER + start} is cut off`);
    yield connectionsIn(body.subarray(start + 2, end), HEADER + start);
    start = end;
  }
}

function connectionsIn(message: Uint8Array, at: number): readonly SyncConnection[] {
  try {
    return readSyncMessage(message).connections;
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new ConnectionsFileError(`the message at byte ${at}: ${cause.message}`, { cause });
  }
}
