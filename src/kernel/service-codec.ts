/**
 * IPVS_CMD_ATTR_SERVICE <-> services (kernel: ip_vs_genl_fill_service and ip_vs_genl_parse_service in ip_vs_ctl.c).
 * @module
 */
import { type Family, parseIPv4 } from '../address/ip.js';
import { describeMask, maskOfPrefix } from '../address/network.js';
import { ProtocolError } from '../errors.js';
import { bitsOfFlags, flagsOfBits, makeService, type NormalService, type ServiceEntry } from '../model/service.js';
import { familyOfKey, protocolNumber, protocolOfNumber, type ServiceKey } from '../model/service-key.js';
import type { AttributeReader, AttributeWriter } from '../netlink/attributes.js';
import { familyNumber, familyOfNumber, readAddress, writeAddress } from './address-codec.js';
import {
  IP_VS_SVC_F_ONEPACKET,
  IP_VS_SVC_F_PERSISTENT,
  IP_VS_SVC_F_SCHED_MASK,
  IP_VS_SVC_F_SCHED_SHIFT,
  IPVS_CMD_ATTR_SERVICE,
  IPVS_SVC_ATTR_ADDR,
  IPVS_SVC_ATTR_AF,
  IPVS_SVC_ATTR_FLAGS,
  IPVS_SVC_ATTR_FWMARK,
  IPVS_SVC_ATTR_NETMASK,
  IPVS_SVC_ATTR_PE_NAME,
  IPVS_SVC_ATTR_PORT,
  IPVS_SVC_ATTR_PROTOCOL,
  IPVS_SVC_ATTR_SCHED_NAME,
  IPVS_SVC_ATTR_STATS,
  IPVS_SVC_ATTR_STATS64,
  IPVS_SVC_ATTR_TIMEOUT,
} from './constants.js';
import { readEitherStats } from './stats-codec.js';

/** The flags that a service's settings decide. The mask leaves all others, the kernel's HASHED among them, as they are. */
const OUR_FLAGS = IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_ONEPACKET | IP_VS_SVC_F_SCHED_MASK;

/** Appends a SERVICE nest that names a service. */
export function writeServiceKey(writer: AttributeWriter, key: ServiceKey): void {
  const nest = writer.beginNest(IPVS_CMD_ATTR_SERVICE);
  writeKeyAttributes(writer, key);
  writer.endNest(nest);
}

/** Appends a SERVICE nest with all that NEW_SERVICE and SET_SERVICE ask for. */
export function writeService(writer: AttributeWriter, service: NormalService): void {
  const { scheduler, persistence, persistenceEngine } = service;
  const family = familyOfKey(service);
  const nest = writer.beginNest(IPVS_CMD_ATTR_SERVICE);
  writeKeyAttributes(writer, service);
  writer.string(IPVS_SVC_ATTR_SCHED_NAME, scheduler);
  // Leaving the name out removes the engine.
  if (persistenceEngine !== undefined) writer.string(IPVS_SVC_ATTR_PE_NAME, persistenceEngine);
  writeFlags(writer, flagsOf(service));
  writer.u32(IPVS_SVC_ATTR_TIMEOUT, persistence?.timeout ?? 0);
  writeNetmask(writer, family, persistence?.netmask ?? (family === 'ipv4' ? 32 : 128));
  writer.endNest(nest);
}

function writeKeyAttributes(writer: AttributeWriter, key: ServiceKey): void {
  writer.u16(IPVS_SVC_ATTR_AF, familyNumber(familyOfKey(key)));
  if (key.protocol === 'fwmark') {
    writer.u32(IPVS_SVC_ATTR_FWMARK, key.mark);
    return;
  }
  writer.u16(IPVS_SVC_ATTR_PROTOCOL, protocolNumber(key.protocol));
  writeAddress(writer, IPVS_SVC_ATTR_ADDR, key.address);
  writer.be16(IPVS_SVC_ATTR_PORT, key.port);
}

/** The flags that a service's settings decide, as bits. */
export function flagsOf({ onePacket, persistence, schedulerFlags = [] }: NormalService): number {
  return (
    (persistence === undefined ? 0 : IP_VS_SVC_F_PERSISTENT) |
    (onePacket === true ? IP_VS_SVC_F_ONEPACKET : 0) |
    (bitsOfFlags(schedulerFlags) << IP_VS_SVC_F_SCHED_SHIFT)
  );
}

/** struct ip_vs_flags: flags and mask. */
function writeFlags(writer: AttributeWriter, flags: number): void {
  const start = writer.reserveAttribute(IPVS_SVC_ATTR_FLAGS, 8);
  writer.setU32(start, flags);
  writer.setU32(start + 4, OUR_FLAGS);
}

function writeNetmask(writer: AttributeWriter, family: Family, netmask: number | string): void {
  if (family === 'ipv6') return writer.u32(IPVS_SVC_ATTR_NETMASK, Number(netmask));
  writer.bytes(IPVS_SVC_ATTR_NETMASK, ipv4Mask(netmask));
}

/** The bytes of an IPv4 netmask that has been checked. */
export function ipv4Mask(netmask: number | string): Uint8Array {
  const mask = typeof netmask === 'number' ? maskOfPrefix(netmask) : parseIPv4(netmask);
  if (mask === undefined) throw new ProtocolError(`netmask "${netmask}" was not checked`);
  return mask;
}

/** What a SERVICE nest says, before it is put together. */
interface Attributes {
  family: Family;
  protocol: number;
  /** Of these, where they are: what they say depends on others. */
  address: number | undefined;
  port: number;
  mark: number;
  scheduler: string;
  flags: number;
  timeout: number;
  netmask: number | undefined;
  engine: string;
  stats: number | undefined;
  stats64: number | undefined;
}

/** Reads a SERVICE nest of the kernel. */
export function readService(reader: AttributeReader): ServiceEntry {
  const attributes = readAttributes(reader);
  const service = serviceOf(readKey(reader, attributes), attributes, () => readPersistence(reader, attributes));
  const stats = readEitherStats(reader, attributes.stats64, attributes.stats);
  return { service, ...(stats !== undefined && { stats }) };
}

/** A service by the kernel's numbers. `persistence` is called where the flags say that there is one. */
export function serviceOf(
  key: ServiceKey,
  { scheduler, flags, engine }: Pick<Attributes, 'scheduler' | 'flags' | 'engine'>,
  persistence: () => NonNullable<NormalService['persistence']>,
): NormalService {
  return makeService(key, {
    scheduler,
    schedulerFlags: flagsOfBits(scheduler, (flags & IP_VS_SVC_F_SCHED_MASK) >> IP_VS_SVC_F_SCHED_SHIFT),
    ...((flags & IP_VS_SVC_F_ONEPACKET) !== 0 && { onePacket: true }),
    ...((flags & IP_VS_SVC_F_PERSISTENT) !== 0 && { persistence: persistence() }),
    ...(engine !== '' && { persistenceEngine: engine }),
  });
}

function readAttributes(reader: AttributeReader): Attributes {
  const found: Attributes = {
    family: 'ipv4',
    protocol: 0,
    address: undefined,
    port: 0,
    mark: 0,
    scheduler: '',
    flags: 0,
    timeout: 0,
    netmask: undefined,
    engine: '',
    stats: undefined,
    stats64: undefined,
  };
  while (reader.next()) readAttribute(reader, found);
  return found;
}

function readAttribute(reader: AttributeReader, found: Attributes): void {
  switch (reader.type) {
    case IPVS_SVC_ATTR_AF:
      found.family = familyOfNumber(reader.u16());
      return;
    case IPVS_SVC_ATTR_PROTOCOL:
      found.protocol = reader.u16();
      return;
    case IPVS_SVC_ATTR_ADDR:
      found.address = reader.place;
      return;
    case IPVS_SVC_ATTR_PORT:
      found.port = reader.be16();
      return;
    case IPVS_SVC_ATTR_FWMARK:
      found.mark = reader.u32();
      return;
    case IPVS_SVC_ATTR_SCHED_NAME:
      found.scheduler = reader.string();
      return;
    case IPVS_SVC_ATTR_FLAGS:
      found.flags = reader.u32();
      return;
    case IPVS_SVC_ATTR_TIMEOUT:
      found.timeout = reader.u32();
      return;
    case IPVS_SVC_ATTR_NETMASK:
      found.netmask = reader.place;
      return;
    case IPVS_SVC_ATTR_PE_NAME:
      found.engine = reader.string();
      return;
    case IPVS_SVC_ATTR_STATS:
      found.stats = reader.place;
      return;
    case IPVS_SVC_ATTR_STATS64:
      found.stats64 = reader.place;
      return;
  }
}

/** The kernel sends either the mark or protocol, address and port. */
function readKey(reader: AttributeReader, { mark, family, protocol, address, port }: Attributes): ServiceKey {
  if (mark !== 0) return { protocol: 'fwmark', mark, family };
  return { protocol: protocolOfNumber(protocol), address: readAddress(reader, address, family), port };
}

function readPersistence(
  reader: AttributeReader,
  { timeout, family, netmask }: Attributes,
): NonNullable<NormalService['persistence']> {
  if (netmask === undefined) return { timeout, netmask: 0 };
  reader.back(netmask);
  return { timeout, netmask: family === 'ipv4' ? describeMask(reader.bytes(4)) : reader.u32() };
}
