/**
 * An anonymous bind by LDAP (RFC 4511). The few bytes of it need no library for BER.
 * @module
 */
import type { NormalLdapCheck } from '../../model/check.js';
import { Connection } from '../connection.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe } from '../run.js';
import { sayGoodbye } from '../script.js';

/** Message 1: bind, version 3, no name, no password. */
const BIND = Buffer.from('300c020101600702010304008000', 'hex');
/** Message 2: unbind. */
const UNBIND = Buffer.from('30050201024200', 'hex');

/** BER. */
const SEQUENCE = 0x30;
const LONG_LENGTH = 0x80;
/** In hexadecimal: message 1, a bind response, its length in one byte or several, and the result code. */
const ANSWER = /^02010161(?:[0-7].|81..|82.{4}|83.{6}|84.{8})0a01(..)/;
/** Bytes of an answer; it has 14, and a text for people. */
const MOST = 65_536;

/** What the codes mean that a bind gives. */
const CODES: Readonly<Record<number, string>> = {
  1: 'operationsError',
  2: 'protocolError',
  8: 'strongerAuthRequired',
  13: 'confidentialityRequired',
  48: 'inappropriateAuthentication (no anonymous bind)',
  49: 'invalidCredentials',
  51: 'busy',
  52: 'unavailable',
  53: 'unwillingToPerform',
};

/** Binds, and unbinds. */
export const probeLdap: Probe<NormalLdapCheck> = async (target, check, run) => {
  const connection = await Connection.open(target, { from: check, tls: check.tls }, run);
  connection.send(BIND);
  const message = await readMessage(connection);
  const [, code] = ANSWER.exec(message.toString('hex')) ?? [];
  if (code === undefined) throw soft(`not an LDAP bind response: ${quoted(message)}`);
  const number = Number.parseInt(code, 16);
  if (number !== 0) throw soft(`LDAP result ${number}${CODES[number] === undefined ? '' : ` ${CODES[number]}`}`);
  await sayGoodbye(connection, UNBIND, run);
  return passed('LDAP bind', { warning: connection.warning });
};

/** The content of one message. */
async function readMessage(connection: Connection): Promise<Buffer> {
  const head = await connection.bytes(2);
  const [tag, first = 0] = head;
  if (tag !== SEQUENCE) throw soft(`not LDAP: ${quoted(Buffer.concat([head, connection.received]))}`);
  const more = first & ~LONG_LENGTH;
  if (first < LONG_LENGTH) return connection.bytes(first);
  if (more < 1 || more > 4) throw soft('not LDAP: a length of too many bytes');
  const length = (await connection.bytes(more)).readUIntBE(0, more);
  if (length > MOST) throw soft(`the answer is longer than ${MOST} bytes`);
  return connection.bytes(length);
}
