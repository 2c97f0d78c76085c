/**
 * Steps of send and expect on one TCP connection; the usual ones are ready made here.
 * @module
 */
import type { NormalScriptCheck, ScriptCheck, ScriptStep } from '../../model/check.js';
import { Connection } from '../connection.js';
import { passed } from '../outcome.js';
import type { Probe } from '../run.js';
import { ANSWERED, talk } from '../script.js';

/** Greeting and goodbye of the usual servers. */
const STEPS: Readonly<Record<NonNullable<ScriptCheck['preset']>, readonly ScriptStep[]>> = {
  ftp: [{ reply: '220' }, { send: 'QUIT\r\n' }],
  imap: [{ line: '* OK' }, { send: 'a1 LOGOUT\r\n' }],
  nntp: [{ reply: '20' }, { send: 'QUIT\r\n' }],
  pop: [{ line: '+OK' }, { send: 'QUIT\r\n' }],
  redis: [{ send: 'PING\r\n' }, { line: '+PONG' }, { send: 'QUIT\r\n' }],
  smtp: [{ reply: '220' }, { send: 'QUIT\r\n' }],
};

/** Connects, and goes through the steps. */
export const probeScript: Probe<NormalScriptCheck> = async (target, check, run) => {
  const { tls, steps, preset } = check;
  const connection = await Connection.open(target, { from: check, tls }, run);
  await talk(connection, preset === undefined ? (steps ?? []) : STEPS[preset], run);
  return passed(ANSWERED, { warning: connection.warning });
};
