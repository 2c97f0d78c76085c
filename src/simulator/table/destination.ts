/**
 * A destination as the kernel holds it (struct ip_vs_dest), and its DEST nest (ip_vs_genl_fill_dest in ip_vs_ctl.c).
 * @module
 */
import type { Endpoint } from '../../address/endpoint.js';
import { type Family, formatIP } from '../../address/ip.js';
import { familyNumber } from '../../kernel/address-codec.js';
import {
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
} from '../../kernel/constants.js';
import type { AttributeWriter } from '../../netlink/attributes.js';
import type { Padding } from '../netlink/u64.js';
import type { ScheduledDestination } from '../schedulers/scheduler.js';
import { Meter } from './estimator.js';
import type { Loaded, OverloadRule } from './overload.js';
import type { ServiceIdentity } from './service-identity.js';
import { Statistics, writeStatistics } from './statistics.js';

/** The service that has a destination, as far as the destination knows it. */
export interface DestinationOwner extends ServiceIdentity {
  readonly meter: Meter;
}

/** What NEW_DEST and SET_DEST set. */
export interface DestinationSettings {
  /** IP_VS_CONN_F_MASQ and the like. */
  method: number;
  weight: number;
  /** 0 is none. */
  upperThreshold: number;
  lowerThreshold: number;
  tunnelType: number;
  tunnelPort: number;
  tunnelFlags: number;
}

/** One real server of a service, or one that was, in the trash. */
export class Destination implements ScheduledDestination, DestinationSettings, Loaded {
  readonly family: Family;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** 16 bytes, as the kernel sends it (union nf_inet_addr): IPv4 has the first four. */
  readonly union: Uint8Array;
  readonly port: number;
  /** The service it belongs to; in the trash, the one it belonged to, which may be gone. */
  service: DestinationOwner;
  method = 0;
  weight = 0;
  /** The weight it was added with, then the latest one that was not 0. */
  lastWeight = 0;
  upperThreshold = 0;
  lowerThreshold = 0;
  tunnelType = 0;
  tunnelPort = 0;
  tunnelFlags = 0;
  activeConnections = 0;
  inactiveConnections = 0;
  persistentConnections = 0;
  /** IP_VS_DEST_F_OVERLOAD: the upper threshold was reached, the lower one not yet again. */
  overloaded = false;
  /** IP_VS_DEST_F_AVAILABLE: in a service, not in the trash. */
  available = false;
  /** Connections that hold it; the trash keeps what is held. */
  references = 0;
  readonly statistics = new Statistics();
  readonly meter = new Meter(this.statistics);

  readonly #overload: OverloadRule;
  #endpoint: Endpoint | undefined;

  /** @param union 16 bytes that nobody else changes. */
  constructor(family: Family, union: Uint8Array, port: number, service: DestinationOwner, overload: OverloadRule) {
    this.family = family;
    this.address = family === 'ipv4' ? union.subarray(0, 4) : union;
    this.union = union;
    this.port = port;
    this.service = service;
    this.#overload = overload;
  }

  /** Takes settings over. */
  configure(settings: DestinationSettings, isNew: boolean): void {
    if (isNew || settings.weight !== 0) this.lastWeight = settings.weight;
    this.weight = settings.weight;
    this.method = settings.method;
    this.tunnelType = settings.tunnelType;
    this.tunnelPort = settings.tunnelPort;
    this.tunnelFlags = settings.tunnelFlags;
    const { upperThreshold, lowerThreshold } = this;
    this.upperThreshold = settings.upperThreshold;
    this.lowerThreshold = settings.lowerThreshold;
    this.#overload.configured(this, { upperThreshold, lowerThreshold });
    this.available = true;
  }

  /** Its address as text, with the port that a connection has there. The one that was asked for last is kept. */
  endpoint(port: number): Endpoint {
    if (this.#endpoint?.port !== port) this.#endpoint = { address: formatIP(this.address), port };
    return this.#endpoint;
  }

  /** After a connection came: whether it is overloaded. */
  judgeFull(): void {
    this.#overload.gained(this);
  }

  /** After a connection went: whether it still is. */
  judgeFree(): void {
    this.#overload.lost(this);
  }
}

const STATS = [IPVS_DEST_ATTR_STATS, IPVS_DEST_ATTR_STATS64] as const;

/** Appends the DEST nest, its attributes in the kernel's order. */
export function writeDestination(writer: AttributeWriter, destination: Destination, padding: Padding): void {
  const nest = writer.beginNest(IPVS_CMD_ATTR_DEST);
  writer.bytes(IPVS_DEST_ATTR_ADDR, destination.union);
  writer.be16(IPVS_DEST_ATTR_PORT, destination.port);
  writer.u32(IPVS_DEST_ATTR_FWD_METHOD, destination.method);
  writer.u32(IPVS_DEST_ATTR_WEIGHT, destination.weight);
  writer.u8(IPVS_DEST_ATTR_TUN_TYPE, destination.tunnelType);
  writer.be16(IPVS_DEST_ATTR_TUN_PORT, destination.tunnelPort);
  writer.u16(IPVS_DEST_ATTR_TUN_FLAGS, destination.tunnelFlags);
  writer.u32(IPVS_DEST_ATTR_U_THRESH, destination.upperThreshold);
  writer.u32(IPVS_DEST_ATTR_L_THRESH, destination.lowerThreshold);
  writer.u32(IPVS_DEST_ATTR_ACTIVE_CONNS, destination.activeConnections);
  writer.u32(IPVS_DEST_ATTR_INACT_CONNS, destination.inactiveConnections);
  writer.u32(IPVS_DEST_ATTR_PERSIST_CONNS, destination.persistentConnections);
  writer.u16(IPVS_DEST_ATTR_ADDR_FAMILY, familyNumber(destination.family));
  writeStatistics(writer, STATS, destination.statistics, padding);
  writer.endNest(nest);
}
