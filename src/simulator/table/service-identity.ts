/**
 * What names a service of the simulated kernel.
 * @module
 */
import type { Family } from '../../address/ip.js';

/** What names a service. */
export interface ServiceIdentity {
  readonly family: Family;
  /** 0 to 65535: IPVS takes any (net/netfilter/ipvs/ip_vs_ctl.c checks it for the old interface only). */
  readonly protocol: number;
  /** 16 bytes; IPv4 has the first four. */
  readonly address: Uint8Array;
  readonly port: number;
  /** 0 for a service of an address. */
  readonly mark: number;
}
