/**
 * One question to a name server.
 * @module
 */
import { randomInt } from 'node:crypto';
import type { NormalDnsCheck } from '../../model/check.js';
import type { CheckOutcome, Target } from '../check-outcome.js';
import { Connection } from '../connection.js';
import { exchange } from '../datagram.js';
import { type DnsAnswer, dnsQuestion, readDnsAnswer } from '../dns-message.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe, Run } from '../run.js';

/** Asks, and looks at the records of the answer. */
export const probeDns: Probe<NormalDnsCheck> = async (target, check, run) => {
  const id = randomInt(0x1_0000);
  const question = dnsQuestion(id, check.name, check.recordType);
  const read = (bytes: Buffer) => readOrFail(bytes, id, check);
  const answer =
    check.transport === 'udp'
      ? await exchange(target, { from: check, bytes: question }, { run, read })
      : await askByTcp(target, { check, question, read }, run);
  return judge(answer, check);
};

function readOrFail(bytes: Buffer, id: number, { recordType }: NormalDnsCheck): DnsAnswer | undefined {
  try {
    return readDnsAnswer(bytes, id, recordType);
  } catch {
    throw soft(`the answer is no DNS message: ${quoted(bytes)}`);
  }
}

/** By TCP, each message has its length before it (RFC 1035, 4.2.2). */
async function askByTcp(
  target: Target,
  {
    check,
    question,
    read,
  }: { check: NormalDnsCheck; question: Buffer; read: (bytes: Buffer) => DnsAnswer | undefined },
  run: Run,
): Promise<DnsAnswer> {
  const connection = await Connection.open(target, { from: check }, run);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(question.length);
  connection.send(Buffer.concat([length, question]));
  for (;;) {
    const size = (await connection.bytes(2)).readUInt16BE(0);
    const answer = read(await connection.bytes(size));
    if (answer !== undefined) return answer;
  }
}

function judge({ code, records, truncated }: DnsAnswer, { name, recordType, answer }: NormalDnsCheck): CheckOutcome {
  const what = `${recordType} of ${name}`;
  if (code !== 'NOERROR') throw soft(`DNS answer ${code} for ${what}`);
  if (answer === undefined ? records.length > 0 : records.some((record) => record.includes(answer))) {
    return passed(`DNS answer ${records.length === 1 ? quoted(records[0] ?? '') : `of ${records.length} records`}`);
  }
  if (truncated) throw soft(`the DNS answer for ${what} is cut off: ask by TCP`);
  if (records.length === 0) throw soft(`no DNS record: ${what}`);
  throw soft(`DNS answer ${quoted(records.join(', '))} for ${what}, wanted ${quoted(answer ?? '')}`);
}
