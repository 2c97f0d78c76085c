/**
 * gRPC's health service. Two fields of protobuf need no library for it.
 * @module
 */

import { formatEndpoint } from '../../address/endpoint.js';
import type { NormalGrpcCheck } from '../../model/check.js';
import { requestHttp2 } from '../http2.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe } from '../run.js';

/** Bytes of an answer; it has nine. */
const MOST = 65_536;
/** Before each message: whether it is compressed, and its length in 32 bits. */
const FRAME = 5;
/** Protobuf: field 1, text; and field 1, a number. */
const TEXT_FIELD = 0x0a;
const NUMBER_FIELD = 0x08;

/** grpc.health.v1.HealthCheckResponse.ServingStatus */
const SERVING = 1;
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** What the codes mean that a health service gives (google.rpc.Code). */
const CODES: Readonly<Record<string, string>> = {
  '5': 'NOT_FOUND (it does not know this service)',
  '7': 'PERMISSION_DENIED',
  '12': 'UNIMPLEMENTED (it has no health service)',
  '14': 'UNAVAILABLE',
  '16': 'UNAUTHENTICATED',
};

/** Asks, and looks at the status. */
export const probeGrpc: Probe<NormalGrpcCheck> = async (target, check, run) => {
  const { tls, service, host } = check;
  const authority = host ?? formatEndpoint(target.address, target.port);
  const headers = {
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    ':scheme': tls === undefined ? 'http' : 'https',
    ':authority': authority,
    'content-type': 'application/grpc',
    'user-agent': 'ipvs-ts',
    te: 'trailers',
  };
  const request = { headers, body: frame(question(service)), most: MOST };
  const answer = await requestHttp2(target, { from: check, tls, name: host?.replace(/:\d+$/, '') }, { request, run });
  if (answer.status !== 200) throw soft(`HTTP status ${answer.status}, wanted 200`);
  // A server that has nothing to say puts its trailers in the head.
  const code = String(answer.trailers['grpc-status'] ?? answer.headers['grpc-status'] ?? 'none');
  if (code !== '0') throw soft(`gRPC status ${code}${CODES[code] === undefined ? '' : ` ${CODES[code]}`}`);
  const status = statusOf(answer.body);
  if (status !== SERVING) throw soft(`gRPC health ${STATUSES[status] ?? status}, wanted SERVING`);
  return passed('gRPC health SERVING', { warning: answer.warning });
};

function question(service: string): Buffer {
  const name = Buffer.from(service);
  return name.length === 0 ? name : Buffer.concat([Uint8Array.of(TEXT_FIELD), ...lengthOf(name.length), name]);
}

/** A number in pieces of seven bits, the lowest first. */
function lengthOf(length: number): Uint8Array[] {
  return [length < 0x80 ? Uint8Array.of(length) : Uint8Array.of((length & 0x7f) | 0x80, length >> 7)];
}

function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(FRAME);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** An empty message is status 0: protobuf leaves zeros out. */
function statusOf(body: Buffer): number {
  const message = body.subarray(FRAME);
  const isWhole = body.length >= FRAME && body[0] === 0 && body.readUInt32BE(1) === message.length;
  if (isWhole && message.length === 0) return 0;
  if (isWhole && message.length >= 2 && message[0] === NUMBER_FIELD) return message[1] ?? 0;
  throw soft(`not an answer of a gRPC health service: ${quoted(body)}`);
}
