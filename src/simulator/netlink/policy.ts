/**
 * Attribute policies (struct nla_policy, Linux 6.1).
 * @module
 */

/** NLA_U8 to NLA_BINARY with the kernel's numbers (include/net/netlink.h). */
export const NLA_UNSPEC = 0;
export const NLA_U8 = 1;
export const NLA_U16 = 2;
export const NLA_U32 = 3;
export const NLA_NESTED = 8;
export const NLA_NUL_STRING = 10;
export const NLA_BINARY = 11;

/** What an attribute must be. */
export interface AttributePolicy {
  readonly kind: number;
  /** Of strings (without their NUL) and binary: the most bytes; of NLA_UNSPEC the fewest. 0 is any. */
  readonly length?: number;
}

/** Policies by attribute type; a type without one may be anything. Its length is the highest type that is known, and 1. */
export type Policy = readonly (AttributePolicy | undefined)[];
