/**
 * An Access-Request to a RADIUS server (RFC 2865).
 * @module
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { NormalRadiusCheck } from '../../model/check.js';
import { exchange } from '../datagram.js';
import { passed, soft } from '../outcome.js';
import type { Probe } from '../run.js';

const ACCESS_REQUEST = 1;
/** The answers to it. */
const CODES: Readonly<Record<number, string>> = { 2: 'Access-Accept', 3: 'Access-Reject', 11: 'Access-Challenge' };

/** Attributes. */
const USER_NAME = 1;
const USER_PASSWORD = 2;
const NAS_IDENTIFIER = 32;
/** Since 2024 servers want it, for without it answers can be forged (CVE-2024-3596). */
const MESSAGE_AUTHENTICATOR = 80;

/** Bytes: code, id, length, authenticator. */
const HEADER = 20;
const AUTHENTICATOR = 16;

/** Asks, and looks whether the answer is the server's. */
export const probeRadius: Probe<NormalRadiusCheck> = async (target, check, run) => {
  const request = accessRequest(check);
  const read = (answer: Buffer) => (answer.length >= HEADER && answer[1] === request[1] ? answer : undefined);
  const answer = await exchange(target, { from: check, bytes: request }, { run, read });
  const code = CODES[answer[0] ?? 0];
  if (code === undefined) throw soft(`RADIUS code ${answer[0]}, wanted an answer to an Access-Request`);
  if (!isSigned(answer, request, check.secret)) throw soft(`${code} by RADIUS, signed with another secret`);
  return passed(`${code} by RADIUS`);
};

function accessRequest({ secret, user, password }: NormalRadiusCheck): Buffer {
  const authenticator = randomBytes(AUTHENTICATOR);
  const attributes = [
    // First, as the servers want it that look for forgeries.
    attribute(MESSAGE_AUTHENTICATOR, Buffer.alloc(AUTHENTICATOR)),
    attribute(USER_NAME, Buffer.from(user)),
    attribute(USER_PASSWORD, hidden(password, secret, authenticator)),
    attribute(NAS_IDENTIFIER, Buffer.from('ipvs-ts')),
  ];
  const request = Buffer.concat([Buffer.alloc(4), authenticator, ...attributes]);
  request[0] = ACCESS_REQUEST;
  request[1] = randomBytes(1)[0] ?? 0;
  request.writeUInt16BE(request.length, 2);
  createHmac('md5', secret)
    .update(request)
    .digest()
    .copy(request, HEADER + 2);
  return request;
}

function attribute(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(type, value.length + 2), value]);
}

/** RFC 2865, 5.2. */
function hidden(password: string, secret: string, authenticator: Uint8Array): Buffer {
  const bytes = Buffer.from(password);
  const padded = Buffer.concat([bytes], Math.max(1, Math.ceil(bytes.length / AUTHENTICATOR)) * AUTHENTICATOR);
  let before = authenticator;
  for (let at = 0; at < padded.length; at += AUTHENTICATOR) {
    const block = padded.subarray(at, at + AUTHENTICATOR);
    const key = md5(Buffer.from(secret), before);
    for (const [index, byte] of key.entries()) block[index] = (block[index] ?? 0) ^ byte;
    before = block;
  }
  return padded;
}

/** RFC 2865, 3: the Response Authenticator. */
function isSigned(answer: Buffer, request: Buffer, secret: string): boolean {
  const length = answer.readUInt16BE(2);
  if (length < HEADER || length > answer.length) return false;
  const expected = md5(
    answer.subarray(0, 4),
    request.subarray(4, HEADER),
    answer.subarray(HEADER, length),
    Buffer.from(secret),
  );
  return expected.equals(answer.subarray(4, HEADER));
}

function md5(...parts: readonly Uint8Array[]): Buffer {
  return createHash('md5').update(Buffer.concat(parts)).digest();
}
