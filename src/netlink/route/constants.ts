/**
 * linux/rtnetlink.h, if_addr.h: the numbers that the codec has no names for, by the kernel's names.
 * @module
 */
import type { Family } from '../../address/ip.js';

export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;

export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;

/** The kernel's number of a family. */
export const AF: Readonly<Record<Family, number>> = { ipv4: AF_INET, ipv6: AF_INET6 };

/** The family of a kernel's number; undefined for what is no IP: bridges, multicast routes, MPLS. */
export function familyOfNumber(number: number | undefined): Family | undefined {
  if (number === AF_INET) return 'ipv4';
  return number === AF_INET6 ? 'ipv6' : undefined;
}

/** RT_SCOPE_*: how far off something is, in ip(8)'s words; any other number is written as such. */
export type RouteScope = 'global' | 'site' | 'link' | 'host' | 'nowhere' | `${number}`;

const SCOPES: Readonly<Record<string, number>> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };

/** The kernel's number of a scope. */
export function scopeNumber(scope: RouteScope): number {
  return SCOPES[scope] ?? Number(scope);
}

/** The reverse of {@link scopeNumber}. */
export function scopeName(number: number): RouteScope {
  const name = Object.keys(SCOPES).find((key) => SCOPES[key] === number);
  return (name ?? String(number)) as RouteScope;
}
