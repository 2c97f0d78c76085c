/**
 * Timeouts and info: attributes at the top level of a message, without a nest.
 * @module
 */
import type { Info } from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import type { AttributeReader, AttributeWriter } from '../netlink/attributes.js';
import {
  IPVS_CMD_ATTR_TIMEOUT_TCP,
  IPVS_CMD_ATTR_TIMEOUT_TCP_FIN,
  IPVS_CMD_ATTR_TIMEOUT_UDP,
  IPVS_INFO_ATTR_CONN_TAB_SIZE,
  IPVS_INFO_ATTR_VERSION,
} from './constants.js';

/** Appends those that are given; the kernel keeps the others. */
export function writeTimeouts(writer: AttributeWriter, { tcp, tcpFin, udp }: Partial<Timeouts>): void {
  if (tcp !== undefined) writer.u32(IPVS_CMD_ATTR_TIMEOUT_TCP, tcp);
  if (tcpFin !== undefined) writer.u32(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, tcpFin);
  if (udp !== undefined) writer.u32(IPVS_CMD_ATTR_TIMEOUT_UDP, udp);
}

/** Reads the answer to GET_CONFIG. A kernel without TCP or UDP support leaves its timeouts out: 0. */
export function readTimeouts(reader: AttributeReader): Timeouts {
  const timeouts = { tcp: 0, tcpFin: 0, udp: 0 };
  while (reader.next()) {
    if (reader.type === IPVS_CMD_ATTR_TIMEOUT_TCP) timeouts.tcp = reader.u32();
    else if (reader.type === IPVS_CMD_ATTR_TIMEOUT_TCP_FIN) timeouts.tcpFin = reader.u32();
    else if (reader.type === IPVS_CMD_ATTR_TIMEOUT_UDP) timeouts.udp = reader.u32();
  }
  return timeouts;
}

/** Reads the answer to GET_INFO. */
export function readInfo(reader: AttributeReader): Info {
  let version = 0;
  let connectionTableSize = 0;
  while (reader.next()) {
    if (reader.type === IPVS_INFO_ATTR_VERSION) version = reader.u32();
    else if (reader.type === IPVS_INFO_ATTR_CONN_TAB_SIZE) connectionTableSize = reader.u32();
  }
  return { version: versionText(version), connectionTableSize };
}

/** `1.2.1` for 0x010201. */
export function versionText(version: number): string {
  return `${version >> 16}.${(version >> 8) & 0xff}.${version & 0xff}`;
}
