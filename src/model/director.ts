/**
 * A director's own set-up: what it needs around the IPVS table so that packets reach it and go on.
 * @module
 */
import type { z } from 'zod';
import { familyOf } from '../address/ip.js';
import { addressSchema, addressWithPrefixSchema, lazy, name, oneOf, parse } from './parse.js';
import { vipsSchema } from './vip.js';

/** How packets get from the director to the real servers. */
export const MODES = ['nat', 'dr', 'tun'] as const;
/** One of {@link MODES}. */
export type Mode = (typeof MODES)[number];

const commonShape = lazy(() => ({
  /** The network device that clients' packets come in by, and that bears the VIPs: `eth0`. */
  device: name(15),
  /** The virtual IPs: `10.0.0.100`, `10.0.0.100/24`, `10.0.0.100-10.0.0.120`, `2001:db8::100`. */
  vips: vipsSchema(),
  /** The router to the rest of the world, where it is to be set up too. Default: what is there stays. */
  gateway: addressSchema().optional(),
}));

/** The side of a NAT director where the real servers are. */
const insideSchema = lazy((z) =>
  z.strictObject({
    /** Their network: `10.1.0.0/24`. */
    network: addressWithPrefixSchema(),
    /** The device towards them. Default: that of the VIPs, one network for all. */
    device: name(15).optional(),
    /** The director's address there, which is their gateway, where it is to be set up too: `10.1.0.1/24`. */
    address: addressWithPrefixSchema().optional(),
    /**
     * The real servers see the director in the place of the client, and need no route through it; they don't see who
     * calls. For real servers that cannot have the director as their gateway. Default false.
     */
    masquerade: z.boolean().default(false),
  }),
);

const directorSchema = lazy((z) =>
  z.discriminatedUnion(
    'mode',
    [
      z
        .strictObject({ mode: z.literal('nat'), ...commonShape(), inside: insideSchema() })
        .superRefine(({ vips, inside }, context) => {
          const family = familyOf(inside.network.address);
          // IPVS gives a packet another address, never another kind of header.
          const message =
            'must be of the family of inside.network, for NAT does not change it; the other family needs a set-up of its own';
          if (vips.some(({ address }) => familyOf(address) !== family)) {
            context.addIssue({ code: 'custom', path: ['vips'], message });
          }
          if (inside.address !== undefined && familyOf(inside.address.address) !== family) {
            context.addIssue({ code: 'custom', path: ['inside', 'address'], message });
          }
        }),
      z.strictObject({ mode: z.enum(['dr', 'tun']), ...commonShape() }),
    ],
    oneOf(...MODES),
  ),
);

/** A director's set-up as a program or a file writes it. */
export type Director = z.input<ReturnType<typeof directorSchema>>;
/** A director's set-up in its one form: VIPs one by one. */
export type NormalDirector = z.output<ReturnType<typeof directorSchema>>;

/** Checks a director's set-up. Throws `InvalidArgumentError` with the path of every wrong field. */
export function parseDirector(input: Director | NormalDirector): NormalDirector {
  return parse(directorSchema, 'director', input);
}
