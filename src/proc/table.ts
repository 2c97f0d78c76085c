/**
 * /proc/net/ip_vs: the whole table for everyone who may read files. It knows no statistics, thresholds, scheduler
 * flags, persistence engines, kinds of tunnel, and neither the family of a fwmark service nor one-packet scheduling of
 * an IPv6 one (kernel: ip_vs_info_seq_show in ip_vs_ctl.c).
 * @module
 */
import { endianness } from 'node:os';
import { ipv4Bytes } from '../address/ip.js';
import { describeMask } from '../address/prefix.js';
import { ProtocolError } from '../errors.js';
import type { DestinationEntry, NormalDestination } from '../model/destination.js';
import type { NormalService } from '../model/service.js';
import { type EndpointKey, protocolOfNumber, type ServiceKey } from '../model/service-key.js';
import type { Info, TableService } from '../model/table.js';
import { endpointOfHex, numberOfHex } from './hex.js';
import { lines } from './lines.js';

/** What the file says. */
export interface ProcTable {
  readonly info: Info;
  readonly services: readonly TableService[];
}

const VERSION = /^IP Virtual Server version (\d+\.\d+\.\d+) \(size=(\d+)\)$/;
const SERVICE =
  /^(\S+) {2}(?:([0-9A-F]{8})|([0-9A-F]{8}|\[[0-9a-f:]+\]):([0-9A-F]{4})) (\S*)\s+(ops\s+)?(?:persistent (-?\d+) ([0-9A-F]{8}))?\s*$/;
const DESTINATION = /^ {2}-> ([0-9A-F]{8}|\[[0-9a-f:]+\]):([0-9A-F]{4})\s+(\S+)\s+(-?\d+)\s+(\d+)\s+(\d+)\s*$/;

/** `ticksPerSecond` is the kernel's HZ: the file gives persistence timeouts in ticks. Unknown, they are left out. */
export async function readProcTable(chunks: AsyncIterable<string>, ticksPerSecond?: number): Promise<ProcTable> {
  let info: Info | undefined;
  const services: (TableService & { destinations: DestinationEntry[] })[] = [];
  for await (const batch of lines(chunks)) {
    for (const line of batch) {
      if (info === undefined) info = readVersion(line);
      else if (line.startsWith('  -> RemoteAddress') || line.startsWith('Prot ')) continue;
      else if (line.startsWith('  -> ')) (services.at(-1) ?? unreadable(line)).destinations.push(readDestination(line));
      else services.push({ service: readService(line, ticksPerSecond), destinations: [] });
    }
  }
  if (info === undefined) throw new ProtocolError('/proc/net/ip_vs is empty');
  return { info, services };
}

function readVersion(line: string): Info {
  const [, version, size] = VERSION.exec(line) ?? unreadable(line);
  return { version: version ?? '', connectionTableSize: Number(size) };
}

function readService(line: string, ticksPerSecond: number | undefined): NormalService {
  const [, protocol = '', mark, address, port = '', scheduler = '', ops, ticks, mask = ''] =
    SERVICE.exec(line) ?? unreadable(line);
  const key: ServiceKey =
    mark === undefined
      ? { protocol: protocolOf(protocol), ...endpointOfHex(address ?? '', port) }
      : { protocol: 'fwmark', mark: numberOfHex(mark) };
  return {
    ...key,
    scheduler,
    ...(ops !== undefined && { onePacket: true as const }),
    ...(ticks !== undefined && { persistence: readPersistence(key, Number(ticks), mask, ticksPerSecond) }),
  };
}

function protocolOf(name: string): EndpointKey['protocol'] {
  if (name === 'TCP' || name === 'UDP' || name === 'SCTP') return name.toLowerCase() as Lowercase<typeof name>;
  const number = /^IP_(\d+)$/.exec(name)?.[1];
  if (number === undefined) throw new ProtocolError(`/proc/net/ip_vs: unknown protocol "${name}"`);
  return protocolOfNumber(Number(number));
}

function readPersistence(
  key: ServiceKey,
  ticks: number,
  mask: string,
  ticksPerSecond: number | undefined,
): NonNullable<NormalService['persistence']> {
  return {
    ...(ticksPerSecond !== undefined && { timeout: (ticks >>> 0) / ticksPerSecond }),
    netmask: readNetmask(key, numberOfHex(mask)),
  };
}

/**
 * The kernel prints ntohl() of what it holds: an IPv4 mask in network order, or an IPv6 prefix length in host order, so
 * that 64 comes out as 40000000 on a little-endian machine. A fwmark service does not tell its family: there, a number
 * that can be a prefix is taken for one, since IPv4 masks start with ones (only 128.0.0.0 looks like /128).
 */
function readNetmask(key: ServiceKey, printed: number): number | string {
  const mask = ipv4Bytes(printed);
  const prefix = new DataView(mask.buffer).getUint32(0, endianness() === 'LE');
  const isPrefix = key.protocol === 'fwmark' ? prefix >= 1 && prefix <= 128 : key.address.includes(':');
  return isPrefix ? prefix : describeMask(mask);
}

function readDestination(line: string): DestinationEntry {
  const [, address = '', port = '', method = '', weight, active, inactive] = DESTINATION.exec(line) ?? unreadable(line);
  return {
    destination: {
      ...endpointOfHex(address, port),
      forward: METHODS.get(method) ?? unreadable(line),
      weight: Number(weight),
    },
    activeConnections: Number(active),
    inactiveConnections: Number(inactive),
  };
}

/** The kernel's names (ip_vs_fwd_name in ip_vs_ctl.c); every other method it calls Masq as well. */
const METHODS = new Map<string, NormalDestination['forward']>([
  ['Masq', 'nat'],
  ['Local', 'local'],
  ['Tunnel', 'tun'],
  ['Route', 'dr'],
]);

function unreadable(line: string): never {
  throw new ProtocolError(`/proc/net/ip_vs: cannot read the line "${line}"`);
}
