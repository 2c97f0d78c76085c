/**
 * Rows of the connection table -> what sync messages say of them.
 * @module
 */
import { type Endpoint, formatEndpoint } from '../address/endpoint.js';
import { familyOf, formatIP } from '../address/ip.js';
import type { Connection } from '../model/connection.js';
import { ACTIVE_STATES, CONNECTION_STATES, TEMPLATE_STATES } from '../model/connection-state.js';
import type { NormalDestination } from '../model/destination.js';
import { type Protocol, protocolNumber } from '../model/service-key.js';
import {
  IP_VS_CONN_F_INACTIVE,
  IP_VS_CONN_F_LOCALNODE,
  IP_VS_CONN_F_ONE_PACKET,
  IP_VS_CONN_F_TEMPLATE,
} from './constants.js';
import type { SyncConnection } from './message.js';
import type { Binding } from './services.js';

/** IP_VS_CONN_F_MASQ and the like, each at the place of its number (linux/ip_vs.h). */
const FORWARD: readonly NormalDestination['forward'][] = ['nat', 'local', 'tun', 'dr', 'bypass'];

/** Whether a row is a persistence template: those have no client port. */
export function isTemplate({ client }: Connection): boolean {
  return client.port === 0;
}

/**
 * Why a row can't be the subject of a sync message; undefined if it can: the kernel synchronises no connection whose real server
 * is of another address family.
 */
export function obstacle(row: Connection): string | undefined {
  if (familyOf(row.client.address) !== familyOf(row.destination.address)) {
    return 'the real server is of another address family than the client';
  }
  return stateNumber(row) === undefined ? `the state ${row.state} of ${row.protocol} has no number` : undefined;
}

/** The row as it is, which a backup daemon adds to its table. @param binding absent: the entry stays without a real server */
export function entryOf(row: Connection, binding: Binding | undefined): SyncConnection {
  const { forward = 'nat', mark = 0 } = binding ?? {};
  return {
    ...names(row),
    mark,
    flags:
      Math.max(0, FORWARD.indexOf(forward)) |
      (isTemplate(row) ? IP_VS_CONN_F_TEMPLATE : isActive(row) ? 0 : IP_VS_CONN_F_INACTIVE),
    state: stateNumber(row) ?? 0,
    timeout: Math.max(1, row.expires),
    ...(row.engine && { engine: { name: row.engine.name, data: Buffer.from(row.engine.data, 'latin1') } }),
  };
}

/**
 * The row with another real server, in two steps: a message that calls a connection inactive never replaces one, for it may be the
 * late word of its end (ip_vs_proc_conn in ip_vs_sync.c).
 */
export function movedEntriesOf(row: Connection, destination: Endpoint, binding: Binding | undefined): SyncConnection[] {
  const entry = entryOf({ ...row, destination }, binding);
  const active = { ...entry, flags: entry.flags & ~IP_VS_CONN_F_INACTIVE };
  return active.flags === entry.flags ? [entry] : [active, entry];
}

/**
 * What takes an IPv4 connection out of the table at once, whatever packets come: a message of version 0. A backup daemon ends
 * the connection that it has when a message names another real server, and puts a new one in its place (ip_vs_proc_conn in
 * ip_vs_sync.c). That of a single packet is in no table and freed at once (ip_vs_conn_hash and ip_vs_conn_put in ip_vs_conn.c).
 * Messages of version 1 have no place for this flag.
 */
export function endingEntryOf(row: Connection): SyncConnection {
  return { ...names(row), destination: OTHER_SERVER, mark: 0, flags: IP_VS_CONN_F_ONE_PACKET, state: 0, timeout: 0 };
}

/** Nobody's real server: the port is never a destination's, since every connection has one. */
const OTHER_SERVER: Endpoint = { address: '0.0.0.0', port: 0 };

/**
 * What ends a TCP or SCTP connection of IPv6 with its client's next packet: it is handed to the director itself, which has no
 * such connection and answers with a reset. The entry goes when no packet has come for the timeout of its state.
 */
export function handedOverEntryOf(row: Connection): SyncConnection {
  const { virtual } = names(row);
  const closed = CONNECTION_STATES.tcp.indexOf('CLOSE');
  const state = row.protocol === 'tcp' ? closed : 0;
  return { ...names(row), destination: virtual, mark: 0, flags: IP_VS_CONN_F_LOCALNODE, state, timeout: 1 };
}

/** What lets an entry expire in a second, if no packet comes; templates, whose connections are gone. */
export function expiringEntryOf(row: Connection, binding: Binding | undefined): SyncConnection {
  return { ...entryOf(row, binding), timeout: 1 };
}

/** What tells a row from all others of its table. */
export function rowName(row: Connection): string {
  return entryName(names(row));
}

/** The same of an entry: it names the row that comes of it. */
export function entryName({
  protocol,
  client,
  virtual,
}: Pick<SyncConnection, 'protocol' | 'client' | 'virtual'>): string {
  return `${protocol} ${formatEndpoint(client.address, client.port)} ${formatEndpoint(virtual.address, virtual.port)}`;
}

function names(row: Connection): Pick<SyncConnection, 'family' | 'protocol' | 'client' | 'virtual' | 'destination'> {
  const family = familyOf(row.client.address);
  return {
    family,
    protocol: row.protocol === 'ip' ? 0 : protocolNumber(row.protocol as Protocol),
    client: row.client,
    virtual: 'mark' in row.virtual ? { address: markAddress(row.virtual.mark, family), port: 0 } : row.virtual,
    destination: row.destination,
  };
}

/** Templates of a fwmark service have the mark in the first 32 bits of the virtual address (ip_vs_sched_persist). */
function markAddress(mark: number, family: SyncConnection['family']): string {
  const bytes = new Uint8Array(family === 'ipv4' ? 4 : 16);
  new DataView(bytes.buffer).setUint32(0, mark);
  return formatIP(bytes);
}

function stateNumber(row: Connection): number | undefined {
  const states = isTemplate(row) ? TEMPLATE_STATES : CONNECTION_STATES[row.protocol as Protocol];
  const number = states?.indexOf(row.state) ?? -1;
  return number === -1 ? undefined : number;
}

function isActive(row: Connection): boolean {
  return ACTIVE_STATES[row.protocol as Protocol]?.includes(row.state) ?? false;
}
