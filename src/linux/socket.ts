/**
 * Sockets in a network namespace.
 * @module
 */
import { UnavailableError } from '../errors.js';
import { namespacePath, namespaceProblem } from './namespace.js';
import { AF_PACKET, loadNative, type NativeError, type NativeSocket } from './native.js';

/** Which socket: what socket(2) takes, where, and its name for errors. */
export interface SocketOptions {
  /** With its article: `a netlink socket`. */
  readonly what: string;
  readonly domain: number;
  readonly type: number;
  readonly protocol: number;
  /** As in `NamespaceOptions`. */
  readonly netns?: string | undefined;
}

/**
 * A socket of any kind.
 * @throws {UnavailableError} if it can't be had: no addon, no right to it, no such namespace, no right to enter it.
 */
export function openSocket(options: SocketOptions): NativeSocket {
  const { Socket } = loadNative();
  const { domain, type, protocol, netns } = options;
  try {
    return new Socket(domain, type, protocol, namespacePath(netns));
  } catch (cause) {
    throw new UnavailableError(socketProblem(options, cause as NativeError), { cause });
  }
}

function socketProblem({ what, domain }: SocketOptions, error: NativeError): string {
  if (error.path !== undefined) return namespaceProblem(error.path, error);
  const hint = error.code === 'EPERM' && domain === AF_PACKET ? ' (packet sockets need CAP_NET_RAW)' : '';
  return `${what} cannot be opened: ${error.syscall}: ${error.code}${hint}`;
}
