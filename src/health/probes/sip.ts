/**
 * OPTIONS of SIP by UDP (RFC 3261).
 * @module
 */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { formatEndpoint } from '../../address/endpoint.js';
import type { NormalSipCheck } from '../../model/check.js';
import type { Target } from '../check-outcome.js';
import { exchange } from '../datagram.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe } from '../run.js';
import { isAmong } from '../status.js';

/** Asks what the server can do, and looks at its final answer. */
export const probeSip: Probe<NormalSipCheck> = async (target, check, run) => {
  const { uri, status: wanted } = check;
  const call = randomBytes(8).toString('hex');
  const name = isIP(target.address) === 6 ? `[${target.address}]` : target.address;
  const bytes = (own: Target) => Buffer.from(requestText(`sip:${uri ?? name}`, call, own));
  const status = await exchange(target, { from: check, bytes }, { run, read: (answer) => finalStatus(answer, call) });
  if (!isAmong(status, wanted)) throw soft(`SIP status ${status}, wanted ${wanted.join(', ')}`);
  return passed(`SIP status ${status}`);
};

function requestText(uri: string, call: string, { address, port }: Target): string {
  const own = formatEndpoint(address, port);
  const lines = [
    `OPTIONS ${uri} SIP/2.0`,
    // A branch begins so since RFC 3261.
    `Via: SIP/2.0/UDP ${own};branch=z9hG4bK${call};rport`,
    'Max-Forwards: 70',
    `From: <sip:ipvs-ts@${own}>;tag=${call.slice(0, 8)}`,
    `To: <${uri}>`,
    `Call-ID: ${call}`,
    'CSeq: 1 OPTIONS',
    `Contact: <sip:ipvs-ts@${own}>`,
    'Accept: application/sdp',
    'User-Agent: ipvs-ts',
    'Content-Length: 0',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Undefined for what belongs to another call, or says that the answer takes a while (1xx). */
function finalStatus(answer: Buffer, call: string): number | undefined {
  const text = answer.toString();
  const [, digits] = /^SIP\/2\.0 ([1-6]\d\d)(?: |\r?\n)/.exec(text) ?? [];
  if (digits === undefined) throw soft(`not SIP: ${quoted(answer)}`);
  return text.includes(call) && Number(digits) >= 200 ? Number(digits) : undefined;
}
