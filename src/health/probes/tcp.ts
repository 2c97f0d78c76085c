/**
 * Whether a TCP connection comes about.
 * @module
 */
import type { TcpCheck } from '../../model/check.js';
import { openSocket } from '../connection.js';
import { passed } from '../outcome.js';
import type { Probe } from '../run.js';

/** Connects; the end of the run resets the connection. */
export const probeTcp: Probe<TcpCheck> = async (target, { source }, run) => {
  await openSocket(target, source, run);
  return passed('connected');
};
