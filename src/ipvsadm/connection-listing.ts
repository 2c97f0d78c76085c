/**
 * What `ipvsadm -L -c` prints (1.31), byte for byte, one connection at a time: the table may have millions.
 *
 * It differs where ipvsadm is wrong: it reads /proc/net/ip_vs_conn in pieces of 255 characters, and takes the rest of a
 * longer line (IPv6 with the long data of an engine) for another connection.
 * @module
 */
import { familyOf, formatIP, ipv4Bytes } from '../address/ip.js';
import type { Connection } from '../model/connection.js';
import type { ListCommand } from './build-command.js';
import { endpointText, numericReverseNames, type ReverseNames } from './reverse-names.js';

/** How to list connections: as much of a {@link ListCommand} as matters. Of the columns, `persistent-conn` alone does. */
export type ConnectionStyle = Pick<ListCommand, 'columns' | 'numeric'>;

/** The two lines above the first connection (ipvsadm.c 1.31, `list_conn`). */
export function formatConnectionTitle({ columns }: Pick<ConnectionStyle, 'columns'>): string {
  const title = `IPVS connection entries\npro expire ${'state'.padEnd(11)} ${cell('source')} ${cell('virtual')}`;
  if (columns !== 'persistent-conn') return `${title} destination\n`;
  return `${title} ${cell('destination')} ${'pe name'.padEnd(16)} pe_data\n`;
}

/**
 * The line of one connection, in its place: ipvsadm keeps the kernel's order, also without `--nosort` (ipvsadm.c 1.31,
 * `print_conn`). A state that no protocol has is shown as it is.
 */
export function formatConnection(
  connection: Connection,
  { columns, numeric }: ConnectionStyle,
  names: ReverseNames = numericReverseNames,
): string {
  const { protocol, client, destination, state, expires, engine } = connection;
  const known = numeric ? numericReverseNames : names;
  const text = ({ address, port }: { address: string; port: number }) => endpointText(address, port, protocol, known);
  const line =
    `${protocol.toUpperCase().padEnd(3)} ${expiry(expires).padEnd(6)} ${state.padEnd(11)} ` +
    `${cell(text(client))} ${cell(text(virtualEndpoint(connection)))} `;
  // ipvsadm takes the data's first word, and without one shows no engine.
  const data = engine?.data.match(/\S+/)?.[0];
  if (columns !== 'persistent-conn' || engine === undefined || data === undefined) {
    return `${line}${text(destination)}\n`;
  }
  // The destination is padded to 16 here and to 18 in the title, and so is the engine's name the other way round.
  return `${line}${text(destination).padEnd(16)} ${cell(engine.name)} ${data}\n`;
}

function cell(text: string): string {
  return text.padEnd(18);
}

/** Minutes and seconds; the minutes may pass 99. */
function expiry(seconds: number): string {
  const digits = (value: number) => String(value).padStart(2, '0');
  return `${digits(Math.floor(seconds / 60))}:${digits(seconds % 60)}`;
}

/**
 * Where the template of a fwmark service has its mark, the kernel prints it in place of the address, and ipvsadm takes it
 * for one: mark 5 is 0.0.0.5, or for IPv6, where it is the first 32 bits, 0:5::.
 */
function virtualEndpoint({ client, virtual }: Connection): { address: string; port: number } {
  if ('address' in virtual) return virtual;
  const bytes = ipv4Bytes(virtual.mark);
  if (familyOf(client.address) === 'ipv4') return { address: formatIP(bytes), port: 0 };
  return { address: formatIP(Uint8Array.from([...bytes, ...new Array<number>(12).fill(0)])), port: 0 };
}
