/**
 * Network namespaces: how they are named, and their files.
 * @module
 */
import { openSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { UnavailableError } from '../errors.js';
import { loadNative, type NativeError } from './native.js';

/** Which network namespace. The process stays in its own whichever is named. */
export interface NamespaceOptions {
  /** A name as of `ip netns` (`blue`), or a path (`/run/netns/blue`, `/proc/1234/ns/net`); default: the process's own. */
  readonly netns?: string | undefined;
}

/** The file that stands for a namespace; undefined for the process's own. */
export function namespacePath(netns: string | undefined): string | undefined {
  return netns === undefined || isAbsolute(netns) ? netns : `/run/netns/${netns}`;
}

/**
 * Opens a file that exists, as a namespace has it: `/proc/thread-self/net/...` (`/proc/net` would be the main thread's) and
 * `/proc/sys/net/...` belong to the namespace of whoever opens them, for the descriptor's life. A descriptor, which the
 * caller closes (`fs.closeSync`), or a negative errno. `flags` are those of `fs.constants`. The process's own namespace
 * needs no addon.
 * @throws {UnavailableError} if the namespace can't be entered, or without the addon.
 */
export function openFile(path: string, flags: number, netns?: string): number {
  const namespace = namespacePath(netns);
  try {
    return namespace === undefined ? openSync(path, flags) : loadNative().openFile(path, flags, namespace);
  } catch (cause) {
    if (cause instanceof UnavailableError) throw cause;
    const error = cause as NativeError;
    if (namespace === undefined) return error.errno;
    throw new UnavailableError(namespaceProblem(namespace, error), { cause });
  }
}

/** Why a namespace could not be entered, in words. */
export function namespaceProblem(path: string, { code, syscall }: NativeError): string {
  const hint = code === 'EPERM' ? ' (entering a namespace needs CAP_SYS_ADMIN)' : '';
  return `the network namespace ${path} cannot be entered: ${syscall}: ${code}${hint}`;
}
