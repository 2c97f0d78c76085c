/**
 * A DEST nest of a request (ip_vs_genl_parse_dest in ip_vs_ctl.c): which destination is meant, and what it is to be.
 * @module
 */
import type { Family } from '../../address/ip.js';
import {
  IP_VS_CONN_F_FWD_MASK,
  IP_VS_CONN_F_TUNNEL,
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
  IPVS_DEST_ATTR_TUN_FLAGS,
  IPVS_DEST_ATTR_TUN_PORT,
  IPVS_DEST_ATTR_TUN_TYPE,
  IPVS_DEST_ATTR_U_THRESH,
  IPVS_DEST_ATTR_WEIGHT,
} from '../../kernel/constants.js';
import type { Bytes } from '../../netlink/attributes.js';
import type { DestinationSettings } from '../table/destination.js';
import type { Namespace } from '../table/namespace.js';
import type { Service } from '../table/service.js';
import { Attributes } from './attributes.js';
import { EAFNOSUPPORT, EINVAL } from './errno.js';
import { type AttributePolicy, NLA_BINARY, NLA_NESTED, NLA_U8, NLA_U16, NLA_U32 } from './policy.js';
import { familyOf } from './service-request.js';

const POLICY: AttributePolicy[] = [];
POLICY[IPVS_DEST_ATTR_ADDR] = { kind: NLA_BINARY, length: 16 };
POLICY[IPVS_DEST_ATTR_PORT] = { kind: NLA_U16 };
POLICY[IPVS_DEST_ATTR_FWD_METHOD] = { kind: NLA_U32 };
POLICY[IPVS_DEST_ATTR_WEIGHT] = { kind: NLA_U32 };
POLICY[IPVS_DEST_ATTR_U_THRESH] = { kind: NLA_U32 };
POLICY[IPVS_DEST_ATTR_L_THRESH] = { kind: NLA_U32 };
POLICY[IPVS_DEST_ATTR_ACTIVE_CONNS] = { kind: NLA_U32 };
POLICY[IPVS_DEST_ATTR_INACT_CONNS] = { kind: NLA_U32 };
POLICY[IPVS_DEST_ATTR_PERSIST_CONNS] = { kind: NLA_U32 };
POLICY[IPVS_DEST_ATTR_STATS] = { kind: NLA_NESTED };
POLICY[IPVS_DEST_ATTR_ADDR_FAMILY] = { kind: NLA_U16 };
POLICY[IPVS_DEST_ATTR_TUN_TYPE] = { kind: NLA_U8 };
POLICY[IPVS_DEST_ATTR_TUN_PORT] = { kind: NLA_U16 };
POLICY[IPVS_DEST_ATTR_TUN_FLAGS] = { kind: NLA_U16 };

/** What one nest says; used again for the next one. */
export class DestinationRequest {
  readonly #namespace: Namespace;
  readonly #attributes = new Attributes(POLICY);
  readonly identity = { family: 'ipv4' as Family, address: new Uint8Array(16), port: 0 };
  readonly settings: DestinationSettings = {
    method: 0,
    weight: 0,
    upperThreshold: 0,
    lowerThreshold: 0,
    tunnelType: 0,
    tunnelPort: 0,
    tunnelFlags: 0,
  };

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /**
   * Reads the nest for a service, where `full` with the settings. 0 or an errno. A destination of another family than its
   * service is for tunnels alone, and not beside a sync daemon; to delete it is always fine.
   */
  read(bytes: Bytes, top: Attributes, service: Service, full: boolean): number {
    const attributes = this.#attributes;
    const start = top.start(IPVS_CMD_ATTR_DEST);
    if (start === 0) return EINVAL;
    if (attributes.parse(bytes, start, start + top.length(IPVS_CMD_ATTR_DEST)) !== 0) return EINVAL;
    if (!attributes.has(IPVS_DEST_ATTR_ADDR) || !attributes.has(IPVS_DEST_ATTR_PORT)) return EINVAL;
    if (full && !this.#readSettings()) return EINVAL;
    const { identity, settings } = this;
    attributes.copy(IPVS_DEST_ATTR_ADDR, identity.address);
    identity.port = attributes.be16(IPVS_DEST_ATTR_PORT);
    const number = attributes.has(IPVS_DEST_ATTR_ADDR_FAMILY) ? attributes.u16(IPVS_DEST_ATTR_ADDR_FAMILY) : 0;
    const family = number === 0 ? service.family : familyOf(number, this.#namespace.options.ipv6);
    if (family === undefined) return EAFNOSUPPORT;
    identity.family = family;
    if (!full || family === service.family) return 0;
    return this.#namespace.daemons.any || settings.method !== IP_VS_CONN_F_TUNNEL ? EINVAL : 0;
  }

  /** False where one that must be there is missing. */
  #readSettings(): boolean {
    const attributes = this.#attributes;
    if (
      !attributes.has(IPVS_DEST_ATTR_FWD_METHOD) ||
      !attributes.has(IPVS_DEST_ATTR_WEIGHT) ||
      !attributes.has(IPVS_DEST_ATTR_U_THRESH) ||
      !attributes.has(IPVS_DEST_ATTR_L_THRESH)
    ) {
      return false;
    }
    const { settings } = this;
    settings.method = attributes.u32(IPVS_DEST_ATTR_FWD_METHOD) & IP_VS_CONN_F_FWD_MASK;
    settings.weight = attributes.u32(IPVS_DEST_ATTR_WEIGHT) | 0;
    settings.upperThreshold = attributes.u32(IPVS_DEST_ATTR_U_THRESH);
    settings.lowerThreshold = attributes.u32(IPVS_DEST_ATTR_L_THRESH);
    settings.tunnelType = attributes.has(IPVS_DEST_ATTR_TUN_TYPE) ? attributes.u8(IPVS_DEST_ATTR_TUN_TYPE) : 0;
    settings.tunnelPort = attributes.has(IPVS_DEST_ATTR_TUN_PORT) ? attributes.be16(IPVS_DEST_ATTR_TUN_PORT) : 0;
    settings.tunnelFlags = attributes.has(IPVS_DEST_ATTR_TUN_FLAGS) ? attributes.u16(IPVS_DEST_ATTR_TUN_FLAGS) : 0;
    return true;
  }
}
