/**
 * Who is at the other end of a unix socket.
 * @module
 */
import type { Socket } from 'node:net';
import { loadNative } from './native.js';

/** A process as it was when it connected, in the namespaces of this one. */
export interface PeerCredentials {
  /** 0 for a process that this one's pid namespace does not have. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Undefined of a socket that is closed, or that is none of this kind. */
export function peerCredentials(socket: Socket): PeerCredentials | undefined {
  // Node tells the descriptor of a socket nowhere else (v20 to v25).
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: unknown } | null };
  const descriptor = handle?.fd;
  if (typeof descriptor !== 'number' || descriptor < 0) return undefined;
  const into = new Int32Array(3);
  if (loadNative().peerCredentials(descriptor, into) !== 0) return undefined;
  const [pid = 0, uid = 0, gid = 0] = into;
  // Of a TCP socket the kernel tells nobody.
  return uid === -1 ? undefined : { pid, uid: uid >>> 0, gid: gid >>> 0 };
}
