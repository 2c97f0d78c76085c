/**
 * Checks that ask a program on the real server what it thinks of itself: an agent, and gRPC's health service.
 * @module
 */
import { integer, lazy } from '../parse.js';
import { baseShape, type CheckBase, lineSchema, textSchema, type WithFilled } from './base.js';
import { type NormalTls, type TlsOptions, tlsSchema } from './tls.js';

/**
 * HAProxy's agent-check: a TCP server that says one line of words, and ends. `75%` asks for so much of the weight; `up` and `ready`
 * pass; `down`, `fail`, `failed`, `stopped`, `drain` and `maint` have failed (soft). What follows `#` is a reason for people;
 * `maxconn:` is passed over.
 */
export interface AgentCheck extends CheckBase {
  readonly type: 'agent';
  /** The agent's port, 1 to 65535; the service's own is none. */
  readonly port: number;
  /** What to say first, as HAProxy's `agent-send`. Default: nothing. */
  readonly send?: string | undefined;
}

/** gRPC's health service (`grpc.health.v1.Health/Check`), which must say SERVING. */
export interface GrpcCheck extends CheckBase {
  readonly type: 'grpc';
  /** The service that is asked for. Default: empty, the server as a whole. */
  readonly service?: string | undefined;
  /** The name of the site (`:authority`). Default: the address and the port. */
  readonly host?: string | undefined;
  /** TLS: `true`, or how. Default: no TLS (prior knowledge). */
  readonly tls?: true | TlsOptions | undefined;
}

/** With its defaults filled in. */
export type NormalGrpcCheck = WithFilled<Omit<GrpcCheck, 'tls'>, 'service'> & { readonly tls?: NormalTls | undefined };

/** The schema of an agent check. */
export const agentSchema = lazy((z) =>
  z.strictObject({
    type: z.literal('agent'),
    ...baseShape(),
    port: integer(1, 65535),
    send: textSchema().optional(),
  }),
);

/** The schema of a gRPC check. */
export const grpcSchema = lazy((z) =>
  z.strictObject({
    type: z.literal('grpc'),
    ...baseShape(),
    service: z.string().max(1000, { error: 'must be at most 1000 characters' }).default(''),
    host: lineSchema().optional(),
    tls: tlsSchema().optional(),
  }),
);
