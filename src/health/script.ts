/**
 * Scripts of send and expect on a connection.
 * @module
 */
import type { ScriptStep } from '../model/check.js';
import type { Connection } from './connection.js';
import { hardOutcome, passed, quoted, soft, softOutcome } from './outcome.js';
import type { Run } from './run.js';

/** Bytes that are looked through for what is expected. */
const MOST = 65_536;

/** Runs the steps one after the other. Rejects with a `CheckFailure` or what the system says. */
export async function talk(connection: Connection, steps: readonly ScriptStep[], run: Run): Promise<void> {
  for (const [index, step] of steps.entries()) {
    const bytes = sent(step);
    if (bytes === undefined) await expectation(connection, step, run);
    else if (index < steps.length - 1) connection.send(bytes);
    else await sayGoodbye(connection, bytes, run);
  }
}

function sent({ send, sendHex }: ScriptStep): Uint8Array | undefined {
  if (sendHex !== undefined) return Buffer.from(sendHex, 'hex');
  return send === undefined ? undefined : Buffer.from(send);
}

function expectation(connection: Connection, step: ScriptStep, run: Run): Promise<void> {
  const { expect, expectHex, matches, line, reply } = step;
  if (line !== undefined) return expectLine(connection, line, run);
  if (reply !== undefined) return expectReply(connection, reply, run);
  if (expect !== undefined) return search(connection, containing(Buffer.from(expect)), { run, wanted: quoted(expect) });
  if (expectHex !== undefined) {
    return search(connection, containing(Buffer.from(expectHex, 'hex')), { run, wanted: `the bytes ${expectHex}` });
  }
  return search(connection, matching(new RegExp(matches ?? '')), {
    run,
    wanted: `what matches ${quoted(matches ?? '')}`,
  });
}

/** How many of the bytes are to be taken; 0: it is not there yet. */
type Find = (received: Buffer) => number;

function containing(bytes: Buffer): Find {
  return (received) => {
    const index = received.indexOf(bytes);
    return index < 0 ? 0 : index + bytes.length;
  };
}

function matching(pattern: RegExp): Find {
  return (received) => (pattern.test(received.toString()) ? received.length : 0);
}

async function search(
  connection: Connection,
  find: Find,
  { run, wanted }: { run: Run; wanted: string },
): Promise<void> {
  awaitAnswer(connection, wanted, run);
  for (let end = find(connection.received); ; end = find(connection.received)) {
    if (end > 0) {
      connection.take(end);
      return;
    }
    if (connection.received.length > MOST) throw soft(`more than ${MOST} bytes without ${wanted}`);
    if (!(await connection.more()))
      throw connection.received.length === 0 ? connection.closed() : wrong(connection.received, wanted);
  }
}

/** Silence is a hard failure; anything else than what is wanted is a wrong answer, once no more of it comes in time. */
function awaitAnswer(connection: Connection, wanted: string, run: Run): void {
  run.orLate((time) => {
    if (connection.received.length === 0) return hardOutcome(`no answer within ${time}`);
    return softOutcome(`answer ${quoted(connection.received)}, wanted ${wanted}, within ${time}`);
  });
}

function wrong(said: Uint8Array | string, wanted: string): Error {
  return soft(`answer ${quoted(said)}, wanted ${wanted}`);
}

/** Bytes of a line of the usual protocols, of which SMTP's is the longest one in a standard (RFC 5321: 1000). */
const LINE = 8192;

async function expectLine(connection: Connection, start: string, run: Run): Promise<void> {
  run.waitFor('no answer');
  const line = await connection.line(LINE);
  // As bytes: what is wanted may have characters beyond ASCII.
  if (!line.startsWith(Buffer.from(start).toString('latin1'))) throw wrong(line, quoted(start));
}

/** Lines of one reply; a thousand are no reply of a server that works. */
const LINES = 1000;

async function expectReply(connection: Connection, wanted: string, run: Run): Promise<void> {
  const [last = ''] = (await readReply(connection, run)).slice(-1);
  if (!last.startsWith(wanted)) throw wrong(last, wanted);
}

/**
 * The lines of a reply of SMTP, FTP or NNTP: `250-one`, `250 two`. What is between the lines of one number may be any text (FTP,
 * RFC 959).
 */
export async function readReply(connection: Connection, run: Run): Promise<string[]> {
  run.waitFor('no answer');
  const lines = [await connection.line(LINE)];
  const [number] = /^[1-5]\d\d/.exec(lines[0] ?? '') ?? [];
  if (number === undefined) throw soft(`not a reply with a number: ${quoted(lines[0] ?? '')}`);
  run.waitFor('no end of the answer');
  const isLast = (line: string) => line === number || line.startsWith(`${number} `);
  for (let line = lines[0] ?? ''; !isLast(line); ) {
    if (lines.length === LINES) throw soft(`a reply of more than ${LINES} lines`);
    line = await connection.line(LINE);
    lines.push(line);
  }
  return lines;
}

/**
 * Waits until the server has read the last words, which the reset at the end of the run would else take from it. All that was asked
 * has been answered: nothing that comes now, or does not, makes a difference.
 */
export async function sayGoodbye(connection: Connection, bytes: Uint8Array | string, run: Run): Promise<void> {
  run.orLate(() => passed(ANSWERED, { warning: connection.warning }));
  connection.send(bytes);
  await connection.more().catch(() => false);
}

/** What a script that has come to its end has seen. */
export const ANSWERED = 'answered as it should';
