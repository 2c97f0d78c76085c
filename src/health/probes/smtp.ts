/**
 * A mail server up to its EHLO.
 * @module
 */
import { hostname } from 'node:os';
import type { NormalSmtpCheck } from '../../model/check.js';
import { Connection } from '../connection.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe, Run } from '../run.js';
import { readReply, sayGoodbye, talk } from '../script.js';

/** Greeting, EHLO, TLS if that is wanted, QUIT. */
export const probeSmtp: Probe<NormalSmtpCheck> = async (target, check, run) => {
  const { tls, startTls, helo = hostname() } = check;
  const connection = await Connection.open(target, { from: check, tls }, run);
  await talk(connection, [{ reply: '220' }], run);
  const extensions = await sayHello(connection, helo, run);
  if (startTls !== undefined) {
    if (!extensions.includes('STARTTLS')) throw soft('the server has no STARTTLS');
    connection.send('STARTTLS\r\n');
    await talk(connection, [{ reply: '220' }], run);
    await connection.secure(startTls);
    await sayHello(connection, helo, run);
  }
  await sayGoodbye(connection, 'QUIT\r\n', run);
  return passed('SMTP reply 250', { warning: connection.warning });
};

/** Says who calls; answers with the names of the server's extensions. */
async function sayHello(connection: Connection, helo: string, run: Run): Promise<string[]> {
  connection.send(`EHLO ${helo}\r\n`);
  const lines = await readReply(connection, run);
  const [first = ''] = lines;
  if (!first.startsWith('250')) throw soft(`answer ${quoted(first)}, wanted 250`);
  return lines.map((line) => line.slice(4).split(' ', 1).join('').toUpperCase());
}
