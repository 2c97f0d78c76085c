/**
 * A virtual service as the kernel holds it (struct ip_vs_service), and its SERVICE nest (ip_vs_genl_fill_service in
 * ip_vs_ctl.c).
 * @module
 */
import type { Family } from '../../address/ip.js';
import { familyNumber } from '../../kernel/address-codec.js';
import {
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
} from '../../kernel/constants.js';
import { LITTLE_ENDIAN } from '../../linux/byte-order.js';
import type { AttributeWriter } from '../../netlink/attributes.js';
import type { Padding } from '../netlink/u64.js';
import type { ScheduledService, Scheduler } from '../schedulers/scheduler.js';
import { addressKey } from '../traffic/address-key.js';
import type { Destination } from './destination.js';
import { Meter } from './estimator.js';
import type { ServiceIdentity } from './service-identity.js';
import { Statistics, writeStatistics } from './statistics.js';

/** One virtual service. */
export class Service implements ServiceIdentity, ScheduledService {
  readonly family: Family;
  readonly protocol: number;
  readonly address: Uint8Array;
  readonly port: number;
  readonly mark: number;
  /** `none` where there is no scheduler. */
  schedulerName = 'none';
  scheduler: Scheduler | undefined;
  /** The persistence engine; undefined for none. */
  engine: string | undefined;
  /** All of IP_VS_SVC_F_*, and whatever other bits were set. */
  serviceFlags = 0;
  /** Of persistence, in ticks, as 32 bits: the seconds times HZ, wrapped. */
  timeout = 0;
  /** IPv4: the mask, its first byte highest; IPv6: the prefix length in the machine's order, read so. */
  netmask = 0;
  /** Newest first. */
  readonly destinations: Destination[] = [];
  readonly statistics = new Statistics();
  readonly meter = new Meter(this.statistics);
  /** Made with the first destination: many services are small. */
  #byAddress: Map<string, Destination> | undefined;

  constructor({ family, protocol, address, port, mark }: ServiceIdentity) {
    this.family = family;
    this.protocol = protocol;
    this.address = address;
    this.port = port;
    this.mark = mark;
  }

  /** Of an IPv6 service: the prefix length of the networks that are one client to persistence. */
  get prefix(): number {
    return LITTLE_ENDIAN ? this.netmask >>> 24 : this.netmask;
  }

  /** Those of the scheduler. */
  get flags(): number {
    return (this.serviceFlags & IP_VS_SVC_F_SCHED_MASK) >> IP_VS_SVC_F_SCHED_SHIFT;
  }

  destination(family: Family, address: Uint8Array, port: number): Destination | undefined {
    return this.#byAddress?.get(addressKey(family, address, port));
  }

  link(destination: Destination): void {
    this.destinations.unshift(destination);
    this.#byAddress ??= new Map();
    this.#byAddress.set(addressKey(destination.family, destination.address, destination.port), destination);
  }

  unlink(destination: Destination): void {
    this.destinations.splice(this.destinations.indexOf(destination), 1);
    this.#byAddress?.delete(addressKey(destination.family, destination.address, destination.port));
  }

  /** Takes all destinations out. */
  unlinkAll(): Destination[] {
    this.#byAddress = undefined;
    return this.destinations.splice(0);
  }
}

const STATS = [IPVS_SVC_ATTR_STATS, IPVS_SVC_ATTR_STATS64] as const;

/** How a kernel writes numbers that depend on it. */
export interface Encoding {
  readonly padding: Padding;
  /** HZ. */
  readonly ticksPerSecond: number;
}

/** Appends the SERVICE nest, its attributes in the kernel's order. */
export function writeService(writer: AttributeWriter, service: Service, encoding: Encoding): void {
  const nest = writer.beginNest(IPVS_CMD_ATTR_SERVICE);
  writer.u16(IPVS_SVC_ATTR_AF, familyNumber(service.family));
  if (service.mark !== 0) {
    writer.u32(IPVS_SVC_ATTR_FWMARK, service.mark);
  } else {
    writer.u16(IPVS_SVC_ATTR_PROTOCOL, service.protocol);
    writer.bytes(IPVS_SVC_ATTR_ADDR, service.address);
    writer.be16(IPVS_SVC_ATTR_PORT, service.port);
  }
  writer.string(IPVS_SVC_ATTR_SCHED_NAME, service.schedulerName);
  if (service.engine !== undefined) writer.string(IPVS_SVC_ATTR_PE_NAME, service.engine);
  const flags = writer.reserveAttribute(IPVS_SVC_ATTR_FLAGS, 8);
  writer.setU32(flags, service.serviceFlags);
  writer.setU32(flags + 4, 0xffffffff);
  writer.u32(IPVS_SVC_ATTR_TIMEOUT, Math.floor(service.timeout / encoding.ticksPerSecond));
  writer.be32(IPVS_SVC_ATTR_NETMASK, service.netmask);
  writeStatistics(writer, STATS, service.statistics, encoding.padding);
  writer.endNest(nest);
}
