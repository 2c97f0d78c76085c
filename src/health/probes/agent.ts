/**
 * HAProxy's agent-check: what a program on the real server thinks of it.
 * @module
 */
import type { AgentCheck } from '../../model/check.js';
import type { CheckOutcome } from '../check-outcome.js';
import { Connection } from '../connection.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe } from '../run.js';

/** Bytes of its line. */
const LINE = 4096;

/** Words that fail. One that wants to be drained or left alone gets no new connections, like one that is down. */
const DOWN = ['down', 'fail', 'failed', 'stopped', 'drain', 'maint'];
const UP = ['up', 'ready'];

/** Connects, and reads the line. */
export const probeAgent: Probe<AgentCheck> = async (target, check, run) => {
  const { send } = check;
  const connection = await Connection.open(target, { from: check }, run);
  if (send !== undefined) connection.send(send);
  return judge(await readLine(connection));
};

/** An agent may end the connection in place of the line. */
async function readLine(connection: Connection): Promise<string> {
  const ends = () => /[\r\n\0]/.exec(connection.received.toString('latin1'))?.index;
  for (let end = ends(); ; end = ends()) {
    if (end !== undefined) return connection.take(end).toString();
    if (connection.received.length > LINE) throw soft(`a line of more than ${LINE} bytes`);
    if (!(await connection.more())) break;
  }
  if (connection.received.length === 0) throw connection.closed();
  return connection.received.toString();
}

/** An agent begins with one of these words: greetings of other protocols have some of them too, `200 news.example ready`. */
const FIRST = new RegExp(`^[\\s,]*(?:${[...DOWN, ...UP].join('|')}|\\d{1,3}%|maxconn:\\d+)(?:[\\s,]|$)`, 'i');

/** `up 75% # busy`. HAProxy takes the words in any order and case, between blanks and commas. */
function judge(line: string): CheckOutcome {
  const [words = '', ...comment] = line.split('#');
  if (!FIRST.test(words)) throw soft(`no word of an agent: ${quoted(line)}`);
  const reason = comment.join('#').trim();
  const because = reason === '' ? '' : `: ${quoted(reason)}`;
  const said = words
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '' && !word.startsWith('maxconn:'));
  const down = said.find((word) => DOWN.includes(word));
  if (down !== undefined) throw soft(`the agent says ${down}${because}`);
  const percent = said.map((word) => /^(\d{1,3})%$/.exec(word)?.[1]).find((digits) => digits !== undefined);
  if (percent !== undefined) return passed(`the agent says ${percent} %${because}`, { load: Number(percent) });
  const up = said.find((word) => UP.includes(word));
  if (up === undefined) throw soft(`no word of an agent: ${quoted(line)}`);
  return passed(`the agent says ${up}${because}`);
}
