/**
 * Virtual IPs: the addresses that clients call, one by one or as ranges.
 * @module
 */

import type { z } from 'zod';
import { parseIP } from '../address/ip.js';
import { inNetwork, networkEnd } from '../address/network.js';
import { addressRange } from '../address/range.js';
import { lazy } from './parse.js';

/** The most addresses that all VIPs of one description may come to; each is an address of a network device. */
export const MAX_VIPS = 1024;

/** One virtual IP. */
export interface Vip {
  /** In this library's one form. */
  readonly address: string;
  /** Length of the network prefix it is added with on the director; real servers always take 32 or 128. */
  readonly prefix: number;
}

/** The VIPs of one text. One that was read already is taken too: a checked description may be checked again. */
const rangeSchema = lazy(
  (z) =>
    z.union([z.string(), z.object({ address: z.string(), prefix: z.number() })]).transform((vip, context) => {
      const vips = readVips(typeof vip === 'string' ? vip : `${vip.address}/${vip.prefix}`);
      if (Array.isArray(vips)) return vips;
      context.addIssue({ code: 'custom', message: vips });
      return z.NEVER;
    }) as z.ZodType<Vip[], string>,
);

/**
 * A VIP as a program writes it: `10.0.0.100`, `10.0.0.100/24`, a range `10.0.0.100-10.0.0.120` (also with a prefix, which is
 * then each one's), IPv6 alike. Without a prefix it is 32 or 128: the address alone, no network.
 */
export const vipsSchema = lazy((z) =>
  z
    .array(rangeSchema())
    .min(1, { error: 'must name at least one virtual IP' })
    .readonly()
    .transform((ranges) => ranges.flat())
    .refine((vips) => vips.length <= MAX_VIPS, { error: `must not come to more than ${MAX_VIPS} addresses` })
    .superRefine((vips, context) => {
      const seen = new Set<string>();
      for (const { address } of vips) {
        if (seen.has(address)) context.addIssue({ code: 'custom', message: `${address} is named twice` });
        seen.add(address);
      }
    }),
);

/** The VIPs of one text; a string says what is wrong with it. */
function readVips(text: string): Vip[] | string {
  const [, first = '', last = first, digits] = /^([^/-]+)(?:-([^/-]+))?(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const from = parseIP(first);
  const to = parseIP(last);
  if (from === undefined || to === undefined || from.length !== to.length) {
    return `"${text}" is none of the forms 10.0.0.100, 10.0.0.100/24, 10.0.0.100-10.0.0.120, 2001:db8::100/64`;
  }
  const bits = 8 * from.length;
  const prefix = digits === undefined ? bits : Number(digits);
  if (prefix < 1 || prefix > bits) return `"${text}": the prefix must be from 1 to ${bits}`;
  const range = addressRange(from, to);
  if (range === undefined) return `"${text}": the range ends before it begins`;
  if (range.count > BigInt(MAX_VIPS)) return `"${text}": a range has at most ${MAX_VIPS} addresses`;
  const vips = range.list().map((address) => ({ address, prefix }));
  return firstOf(vips, vipProblem) ?? vips;
}

function firstOf<T, Found>(values: readonly T[], find: (value: T) => Found | undefined): Found | undefined {
  for (const value of values) {
    const found = find(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Why no client can call an address; undefined if one can. */
export function vipProblem({ address, prefix }: Vip): string | undefined {
  const special = SPECIAL.find(({ network }) => inNetwork(address, network));
  if (special !== undefined) return `"${address}" is ${special.what}, which no client can call`;
  const end = networkEnd(address, prefix);
  return end && `"${address}" is the ${end} address of ${address}/${prefix}, which no client can call`;
}

/** IANA's registries of special addresses (RFC 6890), as far as they are never one host's. */
const SPECIAL: readonly { readonly network: Vip; readonly what: string }[] = [
  { network: { address: '0.0.0.0', prefix: 8 }, what: 'the unspecified address' },
  { network: { address: '127.0.0.0', prefix: 8 }, what: 'a loopback address' },
  { network: { address: '224.0.0.0', prefix: 4 }, what: 'a multicast address' },
  { network: { address: '255.255.255.255', prefix: 32 }, what: 'the broadcast address' },
  { network: { address: '::', prefix: 128 }, what: 'the unspecified address' },
  { network: { address: '::1', prefix: 128 }, what: 'a loopback address' },
  { network: { address: 'ff00::', prefix: 8 }, what: 'a multicast address' },
];
