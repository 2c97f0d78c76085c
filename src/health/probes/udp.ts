/**
 * One datagram, and what is answered.
 * @module
 */
import type { UdpCheck } from '../../model/check.js';
import { exchange } from '../datagram.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe } from '../run.js';

/** Sends, and waits for an answer, a refusal, or the end of the time. */
export const probeUdp: Probe<UdpCheck> = async (target, check, run) => {
  const { send = '', sendHex } = check;
  const bytes = sendHex === undefined ? Buffer.from(send) : Buffer.from(sendHex, 'hex');
  if (!expectsAnswer(check)) run.orLate((time) => passed(`not refused within ${time}`));
  const answer = await exchange(target, { from: check, bytes }, { run, read: (received) => received });
  const missing = whatIsMissing(answer, check);
  if (missing !== undefined) throw soft(`answer ${quoted(answer)}, wanted ${missing}`);
  return passed(expectsAnswer(check) ? 'answered as it should' : 'answered');
};

function expectsAnswer({ expect, expectHex, matches }: UdpCheck): boolean {
  return (expect ?? expectHex ?? matches) !== undefined;
}

function whatIsMissing(answer: Buffer, { expect, expectHex, matches }: UdpCheck): string | undefined {
  if (expect !== undefined && !answer.includes(expect)) return quoted(expect);
  if (expectHex !== undefined && !beginsWith(answer, expectHex)) return `the bytes ${expectHex}`;
  if (matches !== undefined && !new RegExp(matches).test(answer.toString())) return `what matches ${quoted(matches)}`;
  return undefined;
}

/** `digits` may have `x` for any digit. */
function beginsWith(answer: Buffer, digits: string): boolean {
  const found = answer.toString('hex');
  return [...digits].every((digit, index) => (digit === 'x' ? index < found.length : digit === found[index]));
}
