/**
 * What the system says of a socket or a program, in an operator's words; and whose fault it is.
 * @module
 */
import { errnoName } from '../errors.js';
import type { CheckOutcome } from './check-outcome.js';
import { CheckFailure, hardOutcome, notMeasured, softOutcome } from './outcome.js';

/** The server's, or the way's to it. */
const THEIRS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by the server',
  ECONNABORTED: 'connection ended by the server',
  EPIPE: 'connection closed by the server',
  EHOSTUNREACH: 'no route to the server, or nobody answers for its address',
  EHOSTDOWN: 'nobody answers for its address',
  ENETUNREACH: 'no route to the network of the server',
  ETIMEDOUT: 'connection timed out',
  ENOPROTOOPT: 'protocol refused',
  EPROTO: 'protocol error',
};

/** This host's: says nothing of the server. */
const OURS: Readonly<Record<string, string>> = {
  EMFILE: 'this process has no file descriptors left',
  ENFILE: 'this host has no file descriptors left',
  ENOBUFS: 'this host has no buffers left',
  ENOMEM: 'this host has no memory left',
  EAGAIN: 'this host has no resources left for it',
  EADDRNOTAVAIL: 'this host has no such address, or no port left, to call from',
  EADDRINUSE: 'this host has no port left to call from',
  EPERM: 'this host does not let it out (a firewall, or no right to it)',
  EACCES: 'this host does not let it out (a firewall, or no right to it)',
  ENODEV: 'this host has no such device',
  ENETDOWN: 'the network of this host is down',
  EAFNOSUPPORT: 'this host has no sockets of this family',
};

/** The outcome of a run that rejected. What nobody knows is no verdict on the server. */
export function outcomeOf(error: unknown): CheckOutcome {
  if (error instanceof CheckFailure) return error.outcome;
  const { code = '', message = String(error), reason = message } = error as Partial<Record<string, string>>;
  // A server that speaks TLS refuses what it does not like, a client without a certificate for one, when the handshake is over.
  if (code.startsWith('ERR_SSL')) return softOutcome(`TLS: ${reason}`);
  return outcomeOfCode(code, message);
}

/** Why a check by a device or with a mark is not measured. */
export const NO_ADDON = 'a device or a mark needs the native addon';

/** An error as Node makes them. */
export function systemError(errno: number): Error {
  const code = errnoName(errno);
  return Object.assign(new Error(code), { code });
}

/** By errno: thousands may be refused a second, and Node makes a table of all names for each that is asked for. */
const known = new Map<number, CheckOutcome>();

/** The outcome of a run of which the system says a negative errno. */
export function outcomeOfErrno(errno: number): CheckOutcome {
  const before = known.get(errno);
  if (before !== undefined) return before;
  const code = errnoName(errno);
  const outcome = outcomeOfCode(code, code);
  known.set(errno, outcome);
  return outcome;
}

function outcomeOfCode(code: string, message: string): CheckOutcome {
  const theirs = THEIRS[code];
  if (theirs !== undefined) return hardOutcome(theirs);
  const ours = OURS[code];
  return notMeasured(ours === undefined ? message : `${ours}: ${code}`);
}
