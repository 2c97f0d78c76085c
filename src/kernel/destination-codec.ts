/**
 * IPVS_CMD_ATTR_DEST <-> destinations (kernel: ip_vs_genl_fill_dest and ip_vs_genl_parse_dest in ip_vs_ctl.c).
 * @module
 */
import type { Family } from '../address/ip.js';
import {
  type DestinationEntry,
  makeDestination,
  type NormalDestination,
  type NormalTunnel,
} from '../model/destination.js';
import type { AttributeReader, AttributeWriter } from '../netlink/attributes.js';
import { familyNumberOf, familyOfNumber, readAddress, writeAddress } from './address-codec.js';
import {
  IP_VS_CONN_F_BYPASS,
  IP_VS_CONN_F_DROUTE,
  IP_VS_CONN_F_FWD_MASK,
  IP_VS_CONN_F_LOCALNODE,
  IP_VS_CONN_F_MASQ,
  IP_VS_CONN_F_TUNNEL,
  IP_VS_CONN_F_TUNNEL_TYPE_GRE,
  IP_VS_CONN_F_TUNNEL_TYPE_GUE,
  IP_VS_CONN_F_TUNNEL_TYPE_IPIP,
  IP_VS_TUNNEL_ENCAP_FLAG_CSUM,
  IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM,
  IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM,
  IPVS_CMD_ATTR_DEST,
  IPVS_DEST_ATTR_ACTIVE_CONNS,
  IPVS_DEST_ATTR_ADDR,
  IPVS_DEST_ATTR_ADDR_FAMILY,
  IPVS_DEST_ATTR_FWD_METHOD,
  IPVS_DEST_ATTR_INACT_CONNS,
  IPVS_DEST_ATTR_L_THRESH,
  IPVS_DEST_ATTR_PERSIST_CONNS,
  IPVS_DEST_ATTR_PORT,
  IPVS_DEST_ATTR_STATS,
  IPVS_DEST_ATTR_STATS64,
  IPVS_DEST_ATTR_TUN_FLAGS,
  IPVS_DEST_ATTR_TUN_PORT,
  IPVS_DEST_ATTR_TUN_TYPE,
  IPVS_DEST_ATTR_U_THRESH,
  IPVS_DEST_ATTR_WEIGHT,
} from './constants.js';
import { readEitherStats } from './stats-codec.js';

/** Appends a DEST nest that names a destination. */
export function writeDestinationKey(writer: AttributeWriter, key: { address: string; port: number }): void {
  const nest = writer.beginNest(IPVS_CMD_ATTR_DEST);
  writeKeyAttributes(writer, key);
  writer.endNest(nest);
}

/** Appends a DEST nest with all that NEW_DEST and SET_DEST ask for. */
export function writeDestination(writer: AttributeWriter, destination: NormalDestination): void {
  const { forward, weight, tunnel, upperThreshold = 0, lowerThreshold = 0 } = destination;
  const nest = writer.beginNest(IPVS_CMD_ATTR_DEST);
  writeKeyAttributes(writer, destination);
  writer.u32(IPVS_DEST_ATTR_FWD_METHOD, methodNumber(forward));
  writer.u32(IPVS_DEST_ATTR_WEIGHT, weight);
  writer.u32(IPVS_DEST_ATTR_U_THRESH, upperThreshold);
  writer.u32(IPVS_DEST_ATTR_L_THRESH, lowerThreshold);
  // Without them the tunnel is ipip; kernels before 5.2 know no other and no attributes.
  if (tunnel !== undefined && tunnel.type !== 'ipip') writeTunnel(writer, tunnel);
  writer.endNest(nest);
}

function writeKeyAttributes(writer: AttributeWriter, { address, port }: { address: string; port: number }): void {
  writer.u16(IPVS_DEST_ATTR_ADDR_FAMILY, familyNumberOf(address));
  writeAddress(writer, IPVS_DEST_ATTR_ADDR, address);
  writer.be16(IPVS_DEST_ATTR_PORT, port);
}

function writeTunnel(writer: AttributeWriter, tunnel: NormalTunnel): void {
  writer.u8(IPVS_DEST_ATTR_TUN_TYPE, tunnelNumber(tunnel.type));
  if ('port' in tunnel) writer.be16(IPVS_DEST_ATTR_TUN_PORT, tunnel.port);
  if ('checksum' in tunnel) writer.u16(IPVS_DEST_ATTR_TUN_FLAGS, CHECKSUM_FLAGS[tunnel.checksum]);
}

const CHECKSUM_FLAGS = {
  none: IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM,
  csum: IP_VS_TUNNEL_ENCAP_FLAG_CSUM,
  remcsum: IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM,
} as const;

function tunnelNumber(type: NormalTunnel['type']): number {
  switch (type) {
    case 'ipip':
      return IP_VS_CONN_F_TUNNEL_TYPE_IPIP;
    case 'gue':
      return IP_VS_CONN_F_TUNNEL_TYPE_GUE;
    case 'gre':
      return IP_VS_CONN_F_TUNNEL_TYPE_GRE;
    default:
      return Number(type.slice('type'.length));
  }
}

/** The number of a way of forwarding. */
export function methodNumber(forward: NormalDestination['forward']): number {
  const known = METHODS.indexOf(forward);
  return known === -1 ? Number(forward.slice('method'.length)) : known;
}

/** The reverse of {@link methodNumber}; other bits of the number are left out. */
export function methodOfNumber(number: number): NormalDestination['forward'] {
  const method = number & IP_VS_CONN_F_FWD_MASK;
  return METHODS[method] ?? `method${method}`;
}

/** By number. */
const METHODS = [] as NormalDestination['forward'][];
METHODS[IP_VS_CONN_F_MASQ] = 'nat';
METHODS[IP_VS_CONN_F_LOCALNODE] = 'local';
METHODS[IP_VS_CONN_F_TUNNEL] = 'tun';
METHODS[IP_VS_CONN_F_DROUTE] = 'dr';
METHODS[IP_VS_CONN_F_BYPASS] = 'bypass';

/** What a DEST nest says, before it is put together. */
interface Attributes {
  family: Family | undefined;
  /** Of these, where they are: what they say depends on others. */
  address: number | undefined;
  port: number;
  method: number;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  active: number;
  inactive: number;
  persistent: number;
  tunnelType: number;
  tunnelPort: number;
  tunnelFlags: number;
  stats: number | undefined;
  stats64: number | undefined;
}

/** Reads a DEST nest of the kernel. `serviceFamily` is for kernels before 3.18, where it is the destination's as well. */
export function readDestination(reader: AttributeReader, serviceFamily: Family): DestinationEntry {
  const found = readAttributes(reader);
  const { active: activeConnections, inactive: inactiveConnections, persistent: persistentConnections } = found;
  const destination = destinationOf(reader, found, serviceFamily);
  const stats = readEitherStats(reader, found.stats64, found.stats);
  if (stats === undefined) return { destination, activeConnections, inactiveConnections, persistentConnections };
  return { destination, activeConnections, inactiveConnections, persistentConnections, stats };
}

function destinationOf(reader: AttributeReader, found: Attributes, serviceFamily: Family): NormalDestination {
  const { port, weight, upperThreshold, lowerThreshold } = found;
  const address = readAddress(reader, found.address, found.family ?? serviceFamily);
  const forward = methodOfNumber(found.method);
  if (forward !== 'tun') return makeDestination({ address, port, weight, forward, upperThreshold, lowerThreshold });
  const tunnel = readTunnel(found);
  return makeDestination({ address, port, weight, forward, tunnel, upperThreshold, lowerThreshold });
}

function readAttributes(reader: AttributeReader): Attributes {
  const found: Attributes = {
    family: undefined,
    address: undefined,
    port: 0,
    method: 0,
    weight: 0,
    upperThreshold: 0,
    lowerThreshold: 0,
    active: 0,
    inactive: 0,
    persistent: 0,
    tunnelType: 0,
    tunnelPort: 0,
    tunnelFlags: 0,
    stats: undefined,
    stats64: undefined,
  };
  while (reader.next()) readAttribute(reader, found);
  return found;
}

function readAttribute(reader: AttributeReader, found: Attributes): void {
  switch (reader.type) {
    case IPVS_DEST_ATTR_ADDR:
      found.address = reader.place;
      return;
    case IPVS_DEST_ATTR_PORT:
      found.port = reader.be16();
      return;
    case IPVS_DEST_ATTR_FWD_METHOD:
      found.method = reader.u32();
      return;
    case IPVS_DEST_ATTR_WEIGHT:
      found.weight = reader.i32();
      return;
    case IPVS_DEST_ATTR_U_THRESH:
      found.upperThreshold = reader.u32();
      return;
    case IPVS_DEST_ATTR_L_THRESH:
      found.lowerThreshold = reader.u32();
      return;
    case IPVS_DEST_ATTR_ACTIVE_CONNS:
      found.active = reader.u32();
      return;
    case IPVS_DEST_ATTR_INACT_CONNS:
      found.inactive = reader.u32();
      return;
    case IPVS_DEST_ATTR_PERSIST_CONNS:
      found.persistent = reader.u32();
      return;
    case IPVS_DEST_ATTR_ADDR_FAMILY:
      found.family = familyOfNumber(reader.u16());
      return;
    case IPVS_DEST_ATTR_TUN_TYPE:
      found.tunnelType = reader.u8();
      return;
    case IPVS_DEST_ATTR_TUN_PORT:
      found.tunnelPort = reader.be16();
      return;
    case IPVS_DEST_ATTR_TUN_FLAGS:
      found.tunnelFlags = reader.u16();
      return;
    case IPVS_DEST_ATTR_STATS:
      found.stats = reader.place;
      return;
    case IPVS_DEST_ATTR_STATS64:
      found.stats64 = reader.place;
      return;
  }
}

function readTunnel({ tunnelType, tunnelPort, tunnelFlags }: Attributes): NormalTunnel {
  const csum = (tunnelFlags & IP_VS_TUNNEL_ENCAP_FLAG_CSUM) !== 0;
  switch (tunnelType) {
    case IP_VS_CONN_F_TUNNEL_TYPE_IPIP:
      return { type: 'ipip' };
    case IP_VS_CONN_F_TUNNEL_TYPE_GUE: {
      const remcsum = (tunnelFlags & IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM) !== 0;
      return { type: 'gue', port: tunnelPort, checksum: remcsum ? 'remcsum' : csum ? 'csum' : 'none' };
    }
    case IP_VS_CONN_F_TUNNEL_TYPE_GRE:
      return { type: 'gre', checksum: csum ? 'csum' : 'none' };
    default:
      return { type: `type${tunnelType}` };
  }
}
