/**
 * A real server's own set-up: what it needs so that it takes packets for the virtual IPs, and answers the right way.
 * @module
 */
import type { z } from 'zod';
import { MODES } from './director.js';
import { addressSchema, lazy, oneOf, parse } from './parse.js';
import { vipsSchema } from './vip.js';

const realServerSchema = lazy((z) => {
  const gateway = addressSchema();
  return z.discriminatedUnion(
    'mode',
    [
      /** `gateway`: the director, for every answer must come back through it. */
      z.strictObject({ mode: z.literal('nat'), gateway }),
      /** `gateway`: the router that answers go out by, where it is to be set up too. Default: what is there stays. */
      z.strictObject({ mode: z.literal('dr'), vips: vipsSchema(), gateway: gateway.optional() }),
      z.strictObject({
        mode: z.literal('tun'),
        vips: vipsSchema(),
        gateway: gateway.optional(),
        /** The director's way of wrapping packets. Default `ipip`. */
        tunnel: z.enum(['ipip', 'gre']).default('ipip'),
      }),
    ],
    oneOf(...MODES),
  );
});

/** A real server's set-up as a program or a file writes it. */
export type RealServer = z.input<ReturnType<typeof realServerSchema>>;
/** A real server's set-up in its one form: VIPs one by one. */
export type NormalRealServer = z.output<ReturnType<typeof realServerSchema>>;

/** Checks a real server's set-up. Throws `InvalidArgumentError` with the path of every wrong field. */
export function parseRealServer(input: RealServer | NormalRealServer): NormalRealServer {
  return parse(realServerSchema, 'real server', input);
}
