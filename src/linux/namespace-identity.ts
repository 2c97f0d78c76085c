/**
 * What tells a network namespace from every other one, however it is named.
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import { UnavailableError } from '../errors.js';
import { LITTLE_ENDIAN } from './byte-order.js';
import { type NamespaceOptions, namespacePath } from './namespace.js';
import { AF_UNIX, SO_NETNS_COOKIE, SOCK_DGRAM, SOL_SOCKET } from './native.js';
import { openSocket } from './socket.js';

/**
 * `net-4127`: the kernel's cookie of the namespace, which no other one gets before the machine starts again. Kernels before
 * 5.14 have none: there it is `inode-4026531840`, and Linux soon gives the inode of a namespace that is gone to another one.
 * @throws {UnavailableError} if there is no such namespace, it can't be entered, or without the addon.
 */
export function namespaceIdentity({ netns }: NamespaceOptions = {}): string {
  const socket = openSocket({ what: 'a local socket', domain: AF_UNIX, type: SOCK_DGRAM, protocol: 0, netns });
  try {
    const cookie = Buffer.alloc(8);
    const size = socket.getOption(SOL_SOCKET, SO_NETNS_COOKIE, cookie);
    if (size === cookie.length) {
      return `net-${LITTLE_ENDIAN ? cookie.readBigUInt64LE() : cookie.readBigUInt64BE()}`;
    }
  } finally {
    socket.close();
  }
  return `inode-${inodeOf(namespacePath(netns) ?? '/proc/thread-self/ns/net')}`;
}

function inodeOf(file: string): number {
  try {
    return statSync(file).ino;
  } catch (cause) {
    throw new UnavailableError(`there is no network namespace ${file}`, { cause });
  }
}

/**
 * `net-4127-0f3c9a52...`: the identity of a namespace with the boot of the machine, so that it is never used again, not after
 * the machine started again either. For what may be kept that long: plans, and files in a /run that is on a disk.
 * @throws as {@link namespaceIdentity}.
 */
export function namespaceOfThisBoot(options: NamespaceOptions = {}): string {
  return `${namespaceIdentity(options)}-${readBootId()}`;
}

/** Some sandboxes have none; their /run does not outlive them either. */
function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().replaceAll('-', '');
  } catch {
    return 'boot';
  }
}
