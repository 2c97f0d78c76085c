/**
 * IPVS's socket options <-> model: the structs of linux/ip_vs.h, whose layout is the same on every machine that aligns 64-bit
 * numbers to 8 bytes. They know IPv4 alone (kernel: do_ip_vs_set_ctl and do_ip_vs_get_ctl in ip_vs_ctl.c).
 * @module
 */
import { familyOf, formatIPv4, parseIPv4Number } from '../address/ip.js';
import { describeMask } from '../address/network.js';
import { ProtocolError } from '../errors.js';
import { LITTLE_ENDIAN } from '../linux/byte-order.js';
import type { NormalChange } from '../model/change.js';
import { type DestinationEntry, makeDestination, type NormalDestination } from '../model/destination.js';
import type { NormalService, ServiceEntry } from '../model/service.js';
import { familyOfKey, isBalanced, protocolNumber, protocolOfNumber, type ServiceKey } from '../model/service-key.js';
import { Stats } from '../model/stats.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Info } from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import {
  IP_VS_SO_SET_ADD,
  IP_VS_SO_SET_ADDDEST,
  IP_VS_SO_SET_DEL,
  IP_VS_SO_SET_DELDEST,
  IP_VS_SO_SET_EDIT,
  IP_VS_SO_SET_EDITDEST,
  IP_VS_SO_SET_FLUSH,
  IP_VS_SO_SET_STARTDAEMON,
  IP_VS_SO_SET_STOPDAEMON,
  IP_VS_SO_SET_TIMEOUT,
  IP_VS_SO_SET_ZERO,
} from './constants.js';
import { roleOfState, stateNumber } from './daemon-codec.js';
import { methodNumber, methodOfNumber } from './destination-codec.js';
import { flagsOf, ipv4Mask, serviceOf } from './service-codec.js';
import { versionText } from './settings-codec.js';

/** sizeof(struct ip_vs_service_user): u16 protocol, be32 addr, be16 port, u32 fwmark, sched_name[16], flags, timeout, be32 netmask. */
const SERVICE_USER = 44;
/** sizeof(struct ip_vs_dest_user): be32 addr, be16 port, conn_flags, weight, u_threshold, l_threshold. */
const DEST_USER = 24;
/** sizeof(struct ip_vs_service_entry): a service_user, num_dests, a stats_user of 56 bytes. */
export const SERVICE_ENTRY = 104;
/** sizeof(struct ip_vs_dest_entry): a dest_user, activeconns, inactconns, persistconns, padding, a stats_user. */
export const DEST_ENTRY = 96;
/** Before the entries of struct ip_vs_get_services: num_services, padding. */
export const SERVICES_HEADER = 8;
/** Before the entries of struct ip_vs_get_dests: the name of the service, num_dests, padding. */
export const DESTS_HEADER = 24;
/** sizeof(struct ip_vs_getinfo): version, size, num_services. */
export const INFO = 12;
/** sizeof(struct ip_vs_timeout_user): tcp, tcp_fin, udp. */
export const TIMEOUTS = 12;
/** sizeof(struct ip_vs_daemon_user): state, mcast_ifn[16], syncid. */
const DAEMON = 24;
/** The master, then the backup. */
export const DAEMONS = 2 * DAEMON;

const NAME = 16;

/** One command: the option, and its value. */
export interface OptionCommand {
  readonly option: number;
  readonly value: Uint8Array;
}

const OPTIONS: Readonly<Record<NormalChange['verb'], number>> = {
  'add-service': IP_VS_SO_SET_ADD,
  'update-service': IP_VS_SO_SET_EDIT,
  'delete-service': IP_VS_SO_SET_DEL,
  'add-destination': IP_VS_SO_SET_ADDDEST,
  'update-destination': IP_VS_SO_SET_EDITDEST,
  'delete-destination': IP_VS_SO_SET_DELDEST,
  flush: IP_VS_SO_SET_FLUSH,
  zero: IP_VS_SO_SET_ZERO,
  'set-timeouts': IP_VS_SO_SET_TIMEOUT,
  'start-daemon': IP_VS_SO_SET_STARTDAEMON,
  'stop-daemon': IP_VS_SO_SET_STOPDAEMON,
};

/** The command that brings a change about; only for one that {@link lackOf} finds nothing against. */
export function optionCommand(change: NormalChange): OptionCommand {
  return { option: OPTIONS[change.verb], value: structFor(change) };
}

function structFor(change: NormalChange): Uint8Array {
  switch (change.verb) {
    case 'add-service':
    case 'update-service':
      return struct(SERVICE_USER, (view) => writeService(view, change.service));
    case 'delete-service':
      return struct(SERVICE_USER, (view) => writeKey(view, change.key));
    case 'add-destination':
    case 'update-destination':
    case 'delete-destination':
      return struct(SERVICE_USER + DEST_USER, (view) => {
        writeKey(view, change.key);
        writeDestination(part(view, SERVICE_USER), change.destination);
      });
    case 'zero':
      // All zeros: everything.
      return struct(SERVICE_USER, (view) => change.key && writeKey(view, change.key));
    case 'set-timeouts':
      return struct(TIMEOUTS, (view) => writeTimeouts(view, change.timeouts));
    case 'start-daemon':
      return struct(DAEMON, (view) => writeDaemon(view, change.daemon));
    case 'stop-daemon':
      return struct(DAEMON, (view) => setU32(view, 0, stateNumber(change.role)));
    case 'flush':
      return new Uint8Array(0);
  }
}

/** What of a change the options cannot say; undefined where they can say all of it. */
export function lackOf(change: NormalChange): string | undefined {
  switch (change.verb) {
    case 'add-service':
    case 'update-service':
      return lackOfSubject(change.service) ?? lackOfService(change.service);
    case 'delete-service':
      return lackOfSubject(change.key);
    case 'add-destination':
    case 'update-destination':
    case 'delete-destination':
      return lackOfSubject(change.key) ?? lackOfDestination(change.destination);
    case 'zero':
      return change.key && (lackOfSubject(change.key) ?? lackOfZero(change.key));
    case 'start-daemon':
      return lackOfDaemon(change.daemon);
    default:
      return undefined;
  }
}

/** What of a service's name the options cannot say. */
export function lackOfKey(key: ServiceKey): string | undefined {
  return familyOfKey(key) === 'ipv6' ? 'only IPv4' : undefined;
}

/** The same of a service that is to be changed; any protocol can be read. */
function lackOfSubject(key: ServiceKey): string | undefined {
  const isTaken = key.protocol === 'fwmark' || isBalanced(key.protocol);
  return lackOfKey(key) ?? (isTaken ? undefined : 'changes of tcp, udp and sctp only');
}

function lackOfService({ persistenceEngine }: NormalService): string | undefined {
  return persistenceEngine === undefined ? undefined : 'no persistence engines';
}

function lackOfDestination({ address, tunnel }: Pick<NormalDestination, 'address' | 'tunnel'>): string | undefined {
  if (familyOf(address) === 'ipv6') return 'only IPv4';
  return tunnel === undefined || tunnel.type === 'ipip' ? undefined : 'only tunnels of the type ipip';
}

/** The kernel takes a value without address, port and mark for all services. */
function lackOfZero(key: ServiceKey): string | undefined {
  const isNameless = key.protocol !== 'fwmark' && key.port === 0 && key.address === '0.0.0.0';
  return isNameless ? 'no zeroing of the service 0.0.0.0:0 alone' : undefined;
}

/** What the kernel makes of a daemon that was started by a socket option (start_sync_thread in ip_vs_sync.c). */
const DAEMON_DEFAULTS = { group: '224.0.0.81', port: 8848, ttl: 1 } as const;

function lackOfDaemon({ maxLength, ...daemon }: NormalSyncDaemon): string | undefined {
  if (maxLength !== undefined) return 'no maximum length of sync messages';
  for (const field of ['group', 'port', 'ttl'] as const) {
    const [given = DAEMON_DEFAULTS[field], only] = [daemon[field], DAEMON_DEFAULTS[field]];
    if (given !== only) return `only the multicast ${field} ${only} of a sync daemon`;
  }
  return undefined;
}

/** The value to ask for one service with. */
export function serviceQuery(key: ServiceKey): Uint8Array {
  return struct(SERVICE_ENTRY, (view) => writeKey(view, key));
}

/** The value to ask for so many services with. */
export function servicesQuery(room: number): Uint8Array {
  return struct(SERVICES_HEADER + room * SERVICE_ENTRY, (view) => setU32(view, 0, room));
}

/** The value to ask for so many destinations of a service with. */
export function destinationsQuery(key: ServiceKey, room: number): Uint8Array {
  return struct(DESTS_HEADER + room * DEST_ENTRY, (view) => {
    writeKey(view, key);
    setU32(view, 16, room);
  });
}

/**
 * The entries of an answer. The kernel does not say how many it wrote; an entry is never all zeros, for a service has a
 * scheduler's name and a destination has an address.
 */
export function* entriesOf(answer: Uint8Array, header: number, size: number): Generator<DataView> {
  for (let start = header; start + size <= answer.length; start += size) {
    const entry = answer.subarray(start, start + size);
    if (entry.every((byte) => byte === 0)) return;
    yield viewOf(entry);
  }
}

/** Reads a struct ip_vs_service_entry. What it has no field for, a persistence engine, is absent. */
export function readServiceEntry(view: DataView): ServiceEntry {
  const [scheduler, flags] = [readName(view, 16), u32(view, 32)];
  const service = serviceOf(readKey(view), { scheduler, flags, engine: '' }, () => ({
    timeout: u32(view, 36),
    netmask: describeMask(bytesAt(view, 40, 4)),
  }));
  return { service, stats: readStats(part(view, 48)) };
}

/** Reads a struct ip_vs_dest_entry. What it has no field for, the type of a tunnel, is absent. */
export function readDestinationEntry(view: DataView): DestinationEntry {
  const destination = makeDestination({
    address: formatIPv4(view.getUint32(0)),
    port: view.getUint16(4),
    forward: methodOfNumber(u32(view, 8)),
    weight: view.getInt32(12, LITTLE_ENDIAN),
    upperThreshold: u32(view, 16),
    lowerThreshold: u32(view, 20),
  });
  return {
    destination,
    activeConnections: u32(view, 24),
    inactiveConnections: u32(view, 28),
    persistentConnections: u32(view, 32),
    stats: readStats(part(view, 40)),
  };
}

/** Reads a struct ip_vs_getinfo. */
export function readInfo(answer: Uint8Array): Info {
  const view = viewOf(answer);
  return { version: versionText(u32(view, 0)), connectionTableSize: u32(view, 4) };
}

/** Reads a struct ip_vs_timeout_user. */
export function readTimeouts(answer: Uint8Array): Timeouts {
  const view = viewOf(answer);
  return { tcp: u32(view, 0), tcpFin: u32(view, 4), udp: u32(view, 8) };
}

/** Reads two structs ip_vs_daemon_user; one whose state is 0 does not run. Length, group, port and TTL are not told. */
export function readDaemons(answer: Uint8Array): NormalSyncDaemon[] {
  const views = [viewOf(answer), part(viewOf(answer), DAEMON)];
  const running = views.filter((view) => u32(view, 0) !== 0);
  return running.map((view) => ({
    role: roleOfState(u32(view, 0)),
    interface: readName(view, 4),
    syncId: u32(view, 20),
  }));
}

/** The first fields of every struct that is about a service. For a mark the kernel wants a protocol all the same: TCP by netlink. */
function writeKey(view: DataView, key: ServiceKey): void {
  if (key.protocol === 'fwmark') {
    setU16(view, 0, protocolNumber('tcp'));
    setU32(view, 12, key.mark);
    return;
  }
  setU16(view, 0, protocolNumber(key.protocol));
  view.setUint32(4, addressNumber(key.address));
  view.setUint16(8, key.port);
}

function readKey(view: DataView): ServiceKey {
  const mark = u32(view, 12);
  if (mark !== 0) return { protocol: 'fwmark', mark, family: 'ipv4' };
  const protocol = protocolOfNumber(view.getUint16(0, LITTLE_ENDIAN));
  return { protocol, address: formatIPv4(view.getUint32(4)), port: view.getUint16(8) };
}

function writeService(view: DataView, service: NormalService): void {
  writeKey(view, service);
  writeName(view, 16, service.scheduler);
  setU32(view, 32, flagsOf(service));
  setU32(view, 36, service.persistence?.timeout ?? 0);
  bytesAt(view, 40, 4).set(ipv4Mask(service.persistence?.netmask ?? 32));
}

/** Of a destination that is deleted, the name alone. */
function writeDestination(
  view: DataView,
  destination: NormalDestination | { readonly address: string; readonly port: number },
): void {
  view.setUint32(0, addressNumber(destination.address));
  view.setUint16(4, destination.port);
  if (!('forward' in destination)) return;
  const { forward, weight, upperThreshold = 0, lowerThreshold = 0 } = destination;
  setU32(view, 8, methodNumber(forward));
  setU32(view, 12, weight);
  setU32(view, 16, upperThreshold);
  setU32(view, 20, lowerThreshold);
}

function writeTimeouts(view: DataView, { tcp = 0, tcpFin = 0, udp = 0 }: Partial<Timeouts>): void {
  setU32(view, 0, tcp);
  setU32(view, 4, tcpFin);
  setU32(view, 8, udp);
}

function writeDaemon(view: DataView, daemon: NormalSyncDaemon): void {
  setU32(view, 0, stateNumber(daemon.role));
  writeName(view, 4, daemon.interface);
  setU32(view, 20, daemon.syncId);
}

/** Reads a struct ip_vs_stats_user: of 32 bits but for the bytes, which come after 4 bytes of padding. */
function readStats(view: DataView): Stats {
  const counters = {
    connections: BigInt(u32(view, 0)),
    inPackets: BigInt(u32(view, 4)),
    outPackets: BigInt(u32(view, 8)),
    inBytes: view.getBigUint64(16, LITTLE_ENDIAN),
    outBytes: view.getBigUint64(24, LITTLE_ENDIAN),
  };
  const rates = {
    connections: u32(view, 32),
    inPackets: u32(view, 36),
    outPackets: u32(view, 40),
    inBytes: u32(view, 44),
    outBytes: u32(view, 48),
  };
  return new Stats(counters, rates, 32);
}

function addressNumber(address: string): number {
  const number = parseIPv4Number(address);
  if (number === undefined) throw new ProtocolError(`address "${address}" was not checked`);
  return number;
}

function writeName(view: DataView, start: number, name: string): void {
  bytesAt(view, start, NAME).set(Buffer.from(name, 'latin1').subarray(0, NAME - 1));
}

/** Up to the NUL. */
function readName(view: DataView, start: number): string {
  const bytes = bytesAt(view, start, NAME);
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString('latin1');
}

function struct(size: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  write(viewOf(bytes));
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function part(view: DataView, start: number): DataView {
  return new DataView(view.buffer, view.byteOffset + start);
}

function bytesAt(view: DataView, start: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start, length);
}

function u32(view: DataView, start: number): number {
  return view.getUint32(start, LITTLE_ENDIAN);
}

function setU16(view: DataView, start: number, value: number): void {
  view.setUint16(start, value, LITTLE_ENDIAN);
}

function setU32(view: DataView, start: number, value: number): void {
  view.setUint32(start, value, LITTLE_ENDIAN);
}
