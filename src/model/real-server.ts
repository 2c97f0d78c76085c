/**
 * A real server's own set-up: what it needs so that it takes packets for the virtual IPs, and answers the right way.
 * @module
 */
import type { z } from 'zod';
import { familyOf } from '../address/ip.js';
import { GUE_PORT } from './destination.js';
import { MODES } from './director.js';
import { addressSchema, lazy, oneOf, parse } from './parse.js';
import { TRUTH } from './rules.js';
import { vipsSchema } from './vip.js';

/** The ways of wrapping packets that a real server can be set up for. */
export const REAL_SERVER_TUNNELS = ['ipip', 'gre', 'gue'] as const;
/** One of {@link REAL_SERVER_TUNNELS}. */
export type RealServerTunnel = (typeof REAL_SERVER_TUNNELS)[number];

const realServerSchema = lazy((z) => {
  const gateway = addressSchema();
  return z.discriminatedUnion(
    'mode',
    [
      /** `gateway`: the director, for every answer must come back through it. */
      z.strictObject({ mode: z.literal('nat'), gateway }),
      /** `gateway`: the router that answers go out by, where it is to be set up too. Default: what is there stays. */
      z.strictObject({ mode: z.literal('dr'), vips: vipsSchema(), gateway: gateway.optional() }),
      z
        .strictObject({
          mode: z.literal('tun'),
          vips: vipsSchema(),
          gateway: gateway.optional(),
          /** The director's way of wrapping packets. Default `ipip`. */
          tunnel: z.enum(REAL_SERVER_TUNNELS).default('ipip'),
          /** With `gue`, and there required: the UDP port that the director sends to, 1 to 65535. */
          port: GUE_PORT.schema().optional(),
          /**
           * With `gre`: the packets have checksums. A GRE device takes either those with or those without. Default: they have none.
           */
          checksum: TRUTH.schema().optional(),
          /**
           * With `checksum`: the addresses of this host that the director sends to, one of a family. Default: the only one that a
           * device has, or that of the default route.
           */
          local: z.array(gateway).optional(),
        })
        .superRefine(checkTunnel),
    ],
    oneOf(...MODES),
  );
});

interface TunnelWishes {
  readonly tunnel: RealServerTunnel;
  readonly port?: number | undefined;
  readonly checksum?: boolean | undefined;
  readonly local?: readonly string[] | undefined;
}

function checkTunnel({ tunnel, port, checksum, local = [] }: TunnelWishes, context: z.RefinementCtx): void {
  const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
  if (tunnel === 'gue' && port === undefined) refuse('port', 'is required with the tunnel gue: a UDP port, 1 to 65535');
  if (tunnel !== 'gue' && port !== undefined) refuse('port', 'is only for the tunnel gue');
  if (checksum === true && tunnel !== 'gre') refuse('checksum', 'is only for the tunnel gre');
  if (checksum !== true && local.length > 0) refuse('local', 'is only for checksum: true');
  if (new Set(local.map(familyOf)).size < local.length) refuse('local', 'must have at most one address of a family');
}

/** A real server's set-up as a program or a file writes it. */
export type RealServer = z.input<ReturnType<typeof realServerSchema>>;
/** A real server's set-up in its one form: VIPs one by one. */
export type NormalRealServer = z.output<ReturnType<typeof realServerSchema>>;

/** Checks a real server's set-up. Throws `InvalidArgumentError` with the path of every wrong field. */
export function parseRealServer(input: RealServer | NormalRealServer): NormalRealServer {
  return parse(realServerSchema, 'real server', input);
}
