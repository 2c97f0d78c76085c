/**
 * What differs between two values of one key, field by field and in words. Every field counts.
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import type { DestinationFields, NormalTunnel } from '../model/destination.js';
import type { ServiceFields } from '../model/service.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Timeouts } from '../model/timeouts.js';

/** A field of either value, and how it is told. */
type Fields = Readonly<Record<string, unknown>>;

/** `scheduler rr -> wlc, persistence off -> 360 s`; empty for equal ones. */
export function serviceDifference(from: ServiceFields, to: ServiceFields): string {
  return difference(serviceFields(from), serviceFields(to));
}

function serviceFields({
  scheduler,
  schedulerFlags,
  onePacket,
  persistence,
  persistenceEngine,
}: ServiceFields): Fields {
  return {
    scheduler,
    'scheduler flags': schedulerFlags?.join(','),
    'one-packet': onePacket && 'on',
    persistence: persistence && `${persistence.timeout} s`,
    netmask: persistence?.netmask,
    engine: persistenceEngine,
  };
}

/** `weight 1 -> 5, tunnel ipip -> gre`; empty for equal ones. */
export function destinationDifference(from: DestinationFields, to: DestinationFields): string {
  return difference(destinationFields(from), destinationFields(to));
}

function destinationFields({ weight, forward, tunnel, upperThreshold, lowerThreshold }: DestinationFields): Fields {
  return {
    weight,
    forward,
    tunnel: forward === 'tun' ? tunnelText(tunnel) : undefined,
    'upper threshold': upperThreshold,
    'lower threshold': lowerThreshold,
  };
}

/** Socket options do not tell the type, and know ipip alone. */
function tunnelText(tunnel: NormalTunnel = { type: 'ipip' }): string {
  const port = 'port' in tunnel ? `:${tunnel.port}` : '';
  return `${tunnel.type}${port}${'checksum' in tunnel ? `:${tunnel.checksum}` : ''}`;
}

/** `tcp 900 -> 300`; empty where all that is wanted is so. */
export function timeoutsDifference(from: Timeouts, to: Partial<Timeouts>): string {
  return difference({ ...from }, { ...from, ...to });
}

/** `interface eth0 -> eth1`; empty where the one that runs is the one that is wanted. */
export function daemonDifference(running: NormalSyncDaemon, wanted: NormalSyncDaemon): string {
  const from: Fields = { ...running };
  const to = asStarted(wanted);
  // What a kernel before 4.3 does not tell can't be compared, nor what depends on the interface's MTU.
  const compared = Object.keys(to).filter((field) => from[field] !== undefined && to[field] !== undefined);
  const only = (fields: Fields) => Object.fromEntries(compared.map((field) => [field, fields[field]]));
  return difference(only(from), only(to));
}

/** Bytes of a UDP datagram's headers, the IP header among them. */
const HEADERS_IPV4 = 28;
const HEADERS_IPV6 = 48;

/**
 * What the kernel makes of what is left out or too much (start_sync_thread in ip_vs_sync.c, Linux 6.1). Without a length a
 * backup takes the MTU of its interface, which is not known here.
 */
function asStarted(daemon: NormalSyncDaemon): Fields {
  const { role, maxLength, group = '224.0.0.81', port = 8848, ttl = 1 } = daemon;
  const headers = group.includes(':') ? HEADERS_IPV6 : HEADERS_IPV4;
  const shortest = role === 'backup' ? 1024 : 1;
  const usual = role === 'backup' ? undefined : 1500 - headers;
  const length = maxLength === undefined ? usual : Math.min(Math.max(maxLength, shortest), 65535 - headers);
  return { ...daemon, group, port, ttl, maxLength: length };
}

function difference(from: Fields, to: Fields): string {
  return Object.keys(to)
    .filter((field) => !isDeepStrictEqual(from[field], to[field]))
    .map((field) => `${field} ${from[field] ?? 'none'} -> ${to[field] ?? 'none'}`)
    .join(', ');
}
