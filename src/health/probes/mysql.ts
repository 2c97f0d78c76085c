/**
 * The greeting of MySQL or MariaDB.
 * @module
 */
import type { MysqlCheck } from '../../model/check.js';
import { Connection } from '../connection.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe } from '../run.js';

/** The first byte of a packet of protocol 10, and of an error. */
const PROTOCOL = 10;
const ERROR = 0xff;
/** Bytes of a greeting; it has about a hundred. */
const MOST = 4096;

/** Reads the greeting. */
export const probeMysql: Probe<MysqlCheck> = async (target, check, run) => {
  const connection = await Connection.open(target, { from: check }, run);
  const head = await connection.bytes(4);
  const length = head.readUIntLE(0, 3);
  // The first packet of a conversation has number 0.
  if (length === 0 || length > MOST || head[3] !== 0) {
    throw soft(`not MySQL: ${quoted(Buffer.concat([head, connection.received]))}`);
  }
  const packet = await connection.bytes(length);
  if (packet[0] === ERROR && packet.length >= 3) {
    throw soft(`MySQL error ${packet.readUInt16LE(1)}: ${quoted(packet.subarray(3))}`);
  }
  const end = packet.indexOf(0, 1);
  if (packet[0] !== PROTOCOL || end < 0) throw soft(`not a greeting of MySQL: ${quoted(packet)}`);
  return passed(`MySQL ${quoted(packet.subarray(1, end))}`);
};
