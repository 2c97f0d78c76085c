/**
 * A call to PostgreSQL up to its question for a password.
 * @module
 */
import type { NormalPostgresqlCheck } from '../../model/check.js';
import { Connection } from '../connection.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe } from '../run.js';

/** 3.0, which all servers since 7.4 speak. */
const PROTOCOL = 0x0003_0000;
/** Bytes of an answer. */
const MOST = 65_536;

/**
 * Classes of errors of a server that takes calls, but not this one: it does not know the user or the database, or does not let this
 * host in (28, 3D). Any other is a server that takes none: it starts, it stops, it is full.
 */
const TAKES_CALLS = /^(?:28|3D)/;

/** Calls, and looks at the first message. */
export const probePostgresql: Probe<NormalPostgresqlCheck> = async (target, check, run) => {
  const { user, database = user } = check;
  const connection = await Connection.open(target, { from: check }, run);
  connection.send(startup({ user, database, application_name: 'ipvs-ts' }));
  const head = await connection.bytes(5);
  const [type, length] = [head.toString('latin1', 0, 1), head.readUInt32BE(1)];
  if (!/[RE]/.test(type) || length < 4 || length > MOST) {
    throw soft(`not PostgreSQL: ${quoted(Buffer.concat([head, connection.received]))}`);
  }
  const content = await connection.bytes(length - 4);
  if (type === 'R') return passed('PostgreSQL takes calls');
  const { C: state = '', M: words = '' } = fieldsOf(content);
  if (!TAKES_CALLS.test(state)) throw soft(`PostgreSQL error ${state}: ${quoted(words)}`);
  return passed(`PostgreSQL takes calls (${state}: ${quoted(words)})`);
};

/** StartupMessage: its length, the protocol, names and values. */
function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const text = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const message = Buffer.concat([Buffer.alloc(8), Buffer.from(`${text.join('')}\0`)]);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(PROTOCOL, 4);
  return message;
}

/** ErrorResponse: fields of a letter and a text. */
function fieldsOf(content: Buffer): Readonly<Record<string, string>> {
  const fields = content.toString().split('\0');
  return Object.fromEntries(fields.filter((field) => field !== '').map((field) => [field.charAt(0), field.slice(1)]));
}
