/**
 * A SERVICE nest of a request (ip_vs_genl_parse_service in ip_vs_ctl.c): which service is meant, and what it is to be.
 * @module
 */
import type { Family } from '../../address/ip.js';
import {
  AF_INET,
  AF_INET6,
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
import type { Bytes } from '../../netlink/attributes.js';
import type { Namespace, ServiceSettings } from '../table/namespace.js';
import type { Service } from '../table/service.js';
import { Attributes } from './attributes.js';
import { EAFNOSUPPORT, EINVAL } from './errno.js';
import {
  type AttributePolicy,
  NLA_BINARY,
  NLA_NESTED,
  NLA_NUL_STRING,
  NLA_U16,
  NLA_U32,
  NLA_UNSPEC,
} from './policy.js';

const POLICY: AttributePolicy[] = [];
POLICY[IPVS_SVC_ATTR_AF] = { kind: NLA_U16 };
POLICY[IPVS_SVC_ATTR_PROTOCOL] = { kind: NLA_U16 };
POLICY[IPVS_SVC_ATTR_ADDR] = { kind: NLA_BINARY, length: 16 };
POLICY[IPVS_SVC_ATTR_PORT] = { kind: NLA_U16 };
POLICY[IPVS_SVC_ATTR_FWMARK] = { kind: NLA_U32 };
POLICY[IPVS_SVC_ATTR_SCHED_NAME] = { kind: NLA_NUL_STRING, length: 15 };
POLICY[IPVS_SVC_ATTR_PE_NAME] = { kind: NLA_NUL_STRING, length: 16 };
POLICY[IPVS_SVC_ATTR_FLAGS] = { kind: NLA_BINARY, length: 8 };
POLICY[IPVS_SVC_ATTR_TIMEOUT] = { kind: NLA_U32 };
POLICY[IPVS_SVC_ATTR_NETMASK] = { kind: NLA_U32 };
POLICY[IPVS_SVC_ATTR_STATS] = { kind: NLA_NESTED };
POLICY[IPVS_SVC_ATTR_STATS64] = { kind: NLA_UNSPEC };

const IPPROTO_TCP = 6;

/** IPv4 or IPv6 of the numbers that a kernel takes; undefined for EAFNOSUPPORT. */
export function familyOf(number: number, ipv6: boolean): Family | undefined {
  if (number === AF_INET) return 'ipv4';
  return number === AF_INET6 && ipv6 ? 'ipv6' : undefined;
}

/** What one nest says; used again for the next one. */
export class ServiceRequest {
  readonly #namespace: Namespace;
  readonly #attributes = new Attributes(POLICY);
  readonly #flags = new Uint8Array(8);
  readonly #flagsView = new DataView(this.#flags.buffer);
  readonly identity = { family: 'ipv4' as Family, protocol: 0, address: new Uint8Array(16), port: 0, mark: 0 };
  readonly settings: ServiceSettings = {
    schedulerName: '',
    engine: '',
    serviceFlags: 0,
    timeout: 0,
    netmask: 0,
    prefix: 0,
  };
  /** The service that bears the name, if there is one. */
  service: Service | undefined;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** Reads the nest, where `full` with the settings. 0 or an errno. The kernel says nothing more of what is wrong. */
  read(bytes: Bytes, top: Attributes, full: boolean): number {
    const errno = this.#readIdentity(bytes, top);
    if (errno !== 0) return errno;
    this.service = this.#namespace.services.find(this.identity);
    return full ? this.#readSettings() : 0;
  }

  #readIdentity(bytes: Bytes, top: Attributes): number {
    const attributes = this.#attributes;
    const start = top.start(IPVS_CMD_ATTR_SERVICE);
    if (start === 0) return EINVAL;
    if (attributes.parse(bytes, start, start + top.length(IPVS_CMD_ATTR_SERVICE)) !== 0) return EINVAL;
    const byMark = attributes.has(IPVS_SVC_ATTR_FWMARK);
    if (!attributes.has(IPVS_SVC_ATTR_AF) || !(byMark || this.#hasAddress)) return EINVAL;
    const family = familyOf(attributes.u16(IPVS_SVC_ATTR_AF), this.#namespace.options.ipv6);
    if (family === undefined) return EAFNOSUPPORT;
    const { identity } = this;
    identity.family = family;
    identity.mark = byMark ? attributes.u32(IPVS_SVC_ATTR_FWMARK) : 0;
    identity.protocol = byMark ? IPPROTO_TCP : attributes.u16(IPVS_SVC_ATTR_PROTOCOL);
    identity.port = byMark ? 0 : attributes.be16(IPVS_SVC_ATTR_PORT);
    if (byMark) identity.address.fill(0);
    else attributes.copy(IPVS_SVC_ATTR_ADDR, identity.address);
    return 0;
  }

  get #hasAddress(): boolean {
    const attributes = this.#attributes;
    return (
      attributes.has(IPVS_SVC_ATTR_PORT) && attributes.has(IPVS_SVC_ATTR_PROTOCOL) && attributes.has(IPVS_SVC_ATTR_ADDR)
    );
  }

  #readSettings(): number {
    const attributes = this.#attributes;
    if (
      !attributes.has(IPVS_SVC_ATTR_SCHED_NAME) ||
      !attributes.has(IPVS_SVC_ATTR_FLAGS) ||
      !attributes.has(IPVS_SVC_ATTR_TIMEOUT) ||
      !attributes.has(IPVS_SVC_ATTR_NETMASK)
    ) {
      return EINVAL;
    }
    const { settings } = this;
    attributes.copy(IPVS_SVC_ATTR_FLAGS, this.#flags);
    const flags = this.#flagsView.getUint32(0, LITTLE_ENDIAN);
    const mask = this.#flagsView.getUint32(4, LITTLE_ENDIAN);
    settings.serviceFlags = ((this.service?.serviceFlags ?? 0) & ~mask) | (flags & mask);
    settings.schedulerName = attributes.string(IPVS_SVC_ATTR_SCHED_NAME);
    settings.engine = attributes.has(IPVS_SVC_ATTR_PE_NAME) ? attributes.string(IPVS_SVC_ATTR_PE_NAME) : '';
    settings.timeout = attributes.u32(IPVS_SVC_ATTR_TIMEOUT);
    settings.netmask = attributes.be32(IPVS_SVC_ATTR_NETMASK);
    settings.prefix = attributes.u32(IPVS_SVC_ATTR_NETMASK);
    return 0;
  }
}
