/**
 * The files in /proc/net (ip_vs_info_seq_show and ip_vs_stats_show in ip_vs_ctl.c, Linux 6.1).
 * @module
 */
import {
  IP_VS_CONN_F_DROUTE,
  IP_VS_CONN_F_LOCALNODE,
  IP_VS_CONN_F_TUNNEL,
  IP_VS_SVC_F_ONEPACKET,
  IP_VS_SVC_F_PERSISTENT,
} from '../../kernel/constants.js';
import { word } from '../traffic/address-key.js';
import type { Connection } from '../traffic/connection.js';
import type { Connections } from '../traffic/connections.js';
import type { Destination } from './destination.js';
import type { Namespace } from './namespace.js';
import type { Service } from './service.js';
import type { Counters } from './statistics.js';

/** Services to a piece of text. */
const PIECE = 100;

/** /proc/net/ip_vs, in pieces. */
export function* procTable({ services, options }: Namespace): Generator<string, void, undefined> {
  const { version, connectionTableSize } = options;
  const number = `${version >> 16}.${(version >> 8) & 0xff}.${version & 0xff}`;
  let text =
    `IP Virtual Server version ${number} (size=${connectionTableSize})\n` +
    'Prot LocalAddress:Port Scheduler Flags\n' +
    '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n';
  let waiting = 0;
  for (const service of services.list()) {
    text += serviceText(service);
    if (++waiting < PIECE) continue;
    yield text;
    text = '';
    waiting = 0;
  }
  if (text !== '') yield text;
}

function serviceText(service: Service): string {
  const isPersistent = (service.serviceFlags & IP_VS_SVC_F_PERSISTENT) !== 0;
  const persistent = isPersistent ? `persistent ${service.timeout | 0} ${hex(service.netmask, 8)}` : '';
  return `${serviceName(service)}${persistent}\n${service.destinations.map(destinationText).join('')}`;
}

/** IPv6 services don't show `ops`. */
function serviceName({ family, protocol, address, port, mark, schedulerName, serviceFlags }: Service): string {
  const onePacket = (serviceFlags & IP_VS_SVC_F_ONEPACKET) === 0 ? '' : 'ops ';
  if (mark !== 0) return `FWM  ${hex(mark, 8)} ${schedulerName} ${onePacket}`;
  const where = `${protocolName(protocol)}  ${endpoint(family === 'ipv4', address, port)}`;
  return `${where} ${schedulerName} ${family === 'ipv4' ? `${onePacket} ` : ''}`;
}

function destinationText(destination: Destination): string {
  const { family, address, port, weight, activeConnections, inactiveConnections } = destination;
  const numbers = [activeConnections, inactiveConnections].map((count) => String(count).padEnd(10)).join(' ');
  const method = methodName(destination.method).padEnd(7);
  return `  -> ${endpoint(family === 'ipv4', address, port)}      ${method} ${String(weight).padEnd(6)} ${numbers}\n`;
}

function endpoint(isIPv4: boolean, address: Uint8Array, port: number): string {
  const host = isIPv4 ? hex(word(address, 0), 8) : `[${groups(address)}]`;
  return `${host}:${hex(port, 4)}`;
}

/** ip_vs_proto_name. */
function protocolName(protocol: number): string {
  return PROTOCOLS[protocol] ?? `IP_${protocol}`;
}

const PROTOCOLS: { readonly [number: number]: string } = {
  0: 'IP',
  1: 'ICMP',
  6: 'TCP',
  17: 'UDP',
  58: 'ICMPv6',
  132: 'SCTP',
};

/** ip_vs_fwd_name. */
function methodName(method: number): string {
  if (method === IP_VS_CONN_F_LOCALNODE) return 'Local';
  if (method === IP_VS_CONN_F_TUNNEL) return 'Tunnel';
  return method === IP_VS_CONN_F_DROUTE ? 'Route' : 'Masq';
}

/** /proc/net/ip_vs_stats. */
export function procStats({ totals }: Namespace): string {
  return (
    '   Total Incoming Outgoing         Incoming         Outgoing\n' +
    '   Conns  Packets  Packets            Bytes            Bytes\n' +
    `${countersText(totals.shown)}\n\n` +
    ' Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n' +
    `${countersText(totals.rates)}\n`
  );
}

function countersText({ connections, inPackets, outPackets, inBytes, outBytes }: Readonly<Counters>): string {
  const narrow = [connections, inPackets, outPackets].map((value) => hex(value).padStart(8));
  return [...narrow, ...[inBytes, outBytes].map((value) => hex(value).padStart(16))].join(' ');
}

/** /proc/net/ip_vs_conn, in pieces, as the table is with the first (ip_vs_conn_seq_show in ip_vs_conn.c). */
export function* procConnections(connections: Connections): Generator<string, void, undefined> {
  let text = 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n';
  let waiting = 0;
  for (const connection of [...connections]) {
    text += connectionText(connection, connections.left(connection));
    if (++waiting < PIECE) continue;
    yield text;
    text = '';
    waiting = 0;
  }
  if (text !== '') yield text;
}

function connectionText(connection: Connection, left: number): string {
  const { family, client, clientPort, virtual, virtualPort, destination, destinationPort } = connection;
  const columns = [
    protocolName(connection.protocolNumber).padEnd(3),
    connectionAddress(client.bytes(family)),
    hex(clientPort, 4),
    connectionAddress(virtual.bytes(family)),
    hex(virtualPort, 4),
    connectionAddress(destination.address),
    hex(destinationPort, 4),
    connection.stateName.padEnd(11),
    String(Math.floor(left / 1000)).padStart(7),
  ];
  return `${columns.join(' ')}\n`;
}

/** Unlike in /proc/net/ip_vs, IPv6 has no brackets here. */
function connectionAddress(address: Uint8Array): string {
  return address.length === 4 ? hex(word(address, 0), 8) : groups(address);
}

function groups(address: Uint8Array): string {
  return Buffer.from(address).toString('hex').match(/.{4}/g)?.join(':') ?? '';
}

function hex(value: number, digits = 0): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
