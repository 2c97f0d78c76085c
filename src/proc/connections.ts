/**
 * /proc/net/ip_vs_conn: the connection table, which no netlink command lists (kernel: ip_vs_conn_seq_show in
 * ip_vs_conn.c).
 * @module
 */
import { parseIP } from '../address/ip.js';
import { ProtocolError } from '../errors.js';
import type { Connection } from '../model/connection.js';
import { addressOfHex, endpointOfHex } from './hex.js';
import { lines } from './lines.js';

/** Row by row, in the kernel's order, in memory that does not grow with the table. */
export async function* readProcConnections(chunks: AsyncIterable<string>): AsyncGenerator<Connection> {
  for await (const batch of lines(chunks)) {
    for (const line of batch) if (!line.startsWith('Pro ')) yield readConnection(line);
  }
}

/** How many columns come before the data of an engine. */
const ENGINE_DATA = 10;

/** Columns are separated by blanks; only rows of a persistence engine have the last two. */
function readConnection(line: string): Connection {
  const columns = columnsOf(line);
  const [protocol, from, fromPort, to, toPort, dest, destPort, state, expires, engine] = columns;
  if (
    protocol === undefined ||
    from === undefined ||
    fromPort === undefined ||
    to === undefined ||
    toPort === undefined ||
    dest === undefined ||
    destPort === undefined ||
    state === undefined ||
    expires === undefined ||
    !/^\d+$/.test(expires)
  ) {
    throw new ProtocolError(`/proc/net/ip_vs_conn: cannot read the line "${line}"`);
  }
  return {
    protocol: protocol.toLowerCase(),
    client: endpointOfHex(from, fromPort),
    virtual: protocol === 'IP' ? { mark: markOf(to) } : endpointOfHex(to, toPort),
    destination: endpointOfHex(dest, destPort),
    state,
    expires: Number(expires),
    ...(engine !== undefined && { engine: { name: engine, data: columns.slice(ENGINE_DATA).join(' ') } }),
  };
}

/** What `split(/ +/)` gives in three times the time. */
function columnsOf(line: string): string[] {
  const columns: string[] = [];
  for (let start = 0; start < line.length; ) {
    const blank = line.indexOf(' ', start);
    const end = blank === -1 ? line.length : blank;
    if (end > start) columns.push(line.slice(start, end));
    start = end + 1;
  }
  return columns;
}

/** The template of a fwmark service has the mark where the virtual address would be, in its first 32 bits. */
function markOf(address: string): number {
  const bytes = parseIP(addressOfHex(address)) ?? new Uint8Array(4);
  return new DataView(bytes.buffer).getUint32(0);
}
