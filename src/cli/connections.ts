/**
 * `ipvs-ts connections`.
 * @module
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseIP } from '../address/ip.js';
import { Ipvs } from '../ipvs.js';
import { type ConnectionStyle, formatConnection, formatConnectionTitle } from '../ipvsadm/connection-listing.js';
import { connectionsJson } from '../json/table.js';
import type { Connection } from '../model/connection.js';
import type { ServiceKeyText } from '../model/service-key.js';
import type { Parsed } from './parse-verb.js';
import type { Streams } from './streams.js';
import { CONNECTION_SORTS, type ConnectionSort } from './verbs.js';

/** Characters that go out at a time. */
const PIECE = 65536;

/**
 * Shows connections, or counts them, as they are read: memory does not grow with the table, but where they are to be
 * sorted. No rights are needed.
 */
export async function connections(values: Parsed<'connections'>['values'], { stdout }: Streams): Promise<void> {
  const { service, server, client, state } = values;
  // That it is the text of a key is checked there.
  const filter = { service: service as ServiceKeyText | undefined, server, client, state };
  await using ipvs = await Ipvs.open({ netns: values.netns });
  const chosen = ipvs.connections(filter);
  if (values.count) {
    stdout.write(`${await count(chosen)}\n`);
    return;
  }
  const sort = CONNECTION_SORTS.find((field) => field === values.sort);
  const rows = sort === undefined ? chosen : sortConnections(chosen, sort);
  await writeAll(values.json ? connectionsJson(rows) : listing(rows), stdout);
}

async function count(rows: AsyncIterable<Connection>): Promise<number> {
  let number = 0;
  for await (const _ of rows) number++;
  return number;
}

/** The columns of `ipvsadm -Lnc`. */
async function* listing(rows: AsyncIterable<Connection>): AsyncGenerator<string> {
  const style: ConnectionStyle = { numeric: true };
  yield formatConnectionTitle(style);
  for await (const row of rows) yield formatConnection(row, style);
}

/** Those that are equal in the field keep the kernel's order. */
async function* sortConnections(rows: AsyncIterable<Connection>, field: ConnectionSort): AsyncGenerator<Connection> {
  const keyed: { readonly key: string; readonly row: Connection }[] = [];
  for await (const row of rows) keyed.push({ key: SORT_KEYS[field](row), row });
  keyed.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  for (const { row } of keyed) yield row;
}

/** Texts whose order as texts is the one that is wanted: to compare them costs less than to compare addresses. */
const SORT_KEYS: Readonly<Record<ConnectionSort, (connection: Connection) => string>> = {
  client: ({ client }) => endpointKey(client),
  service: ({ protocol, virtual }) =>
    'mark' in virtual ? `~${hex(virtual.mark, 8)}` : `${PROTOCOL_RANKS.get(protocol) ?? 9}${endpointKey(virtual)}`,
  server: ({ destination }) => endpointKey(destination),
  state: ({ state }) => state,
  expires: ({ expires }) => String(expires).padStart(16, '0'),
};

const PROTOCOL_RANKS: ReadonlyMap<string, number> = new Map(['tcp', 'udp', 'sctp'].map((name, rank) => [name, rank]));

/** IPv4 before IPv6. */
function endpointKey({ address, port }: { address: string; port: number }): string {
  const bytes = parseIP(address) ?? new Uint8Array(4);
  let key = bytes.length === 4 ? '4' : '6';
  for (const byte of bytes) key += hex(byte, 2);
  return key + hex(port, 4);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** As fast as the reader takes it. One that takes no more (`| head`) is no failure. */
async function writeAll(lines: AsyncIterable<string>, stdout: NodeJS.WritableStream): Promise<void> {
  try {
    await pipeline(Readable.from(inPieces(lines), { objectMode: true, highWaterMark: 2 }), stdout, { end: false });
  } catch (error) {
    if (!READER_GONE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

const READER_GONE: ReadonlySet<string> = new Set(['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']);

async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const line of lines) {
    piece += line;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
