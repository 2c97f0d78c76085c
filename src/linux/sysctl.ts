/**
 * Sysctls of a network namespace: the files below /proc/sys.
 * @module
 */
import { closeSync, constants, readSync, writeSync } from 'node:fs';
import { constants as system } from 'node:os';
import { errnoName, InvalidArgumentError, KernelError } from '../errors.js';
import { type NamespaceOptions, openFile } from './namespace.js';

/** Bytes; a sysctl's text is at most a page. */
const PAGE = 4096;

/**
 * The file of a sysctl. Names are written as sysctl(8) takes them: the first separator rules, and the other one stands for
 * itself within a part. So the device `eth0.5` is in `net.ipv4.conf.eth0/5.arp_ignore` and in
 * `net/ipv4/conf/eth0.5/arp_ignore`.
 * @throws {InvalidArgumentError} for what names no file below /proc/sys.
 */
export function sysctlPath(name: string): string {
  const dotted = /[./]/.exec(name)?.[0] === '.';
  const path = dotted ? name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.')) : name;
  const parts = path.split('/');
  if (parts.length >= 2 && parts.every((part) => /^[^\0]+$/.test(part) && part !== '.' && part !== '..')) {
    return `/proc/sys/${path}`;
  }
  const message = `"${name}" is not written like net.ipv4.ip_forward or net/ipv4/ip_forward`;
  throw new InvalidArgumentError('sysctl', [{ path: 'name', message }]);
}

/** The dotted name of a sysctl of a device: `deviceSysctl('ipv4', 'eth0.5', 'arp_ignore')`; also of `all` and `default`. */
export function deviceSysctl(family: 'ipv4' | 'ipv6', device: string, name: string): string {
  return `net.${family}.conf.${device.replaceAll('.', '/')}.${name}`;
}

/**
 * A sysctl's value: its text without the end of the line. Undefined where the kernel has none of that name: no such
 * device, a module that is not loaded, no IPv6.
 * @throws {InvalidArgumentError} for a name that is none.
 * @throws {KernelError} if it can't be read.
 * @throws {UnavailableError} if the namespace can't be entered.
 */
export function readSysctl(name: string, { netns }: NamespaceOptions = {}): string | undefined {
  const descriptor = openFile(sysctlPath(name), constants.O_RDONLY, netns);
  if (descriptor === -system.errno.ENOENT) return undefined;
  if (descriptor < 0) throw refusal('read', name, descriptor);
  try {
    const text = Buffer.alloc(PAGE);
    return text.toString('latin1', 0, readSync(descriptor, text)).trimEnd();
  } catch (error) {
    throw refusal('read', name, errnoOf(error));
  } finally {
    closeSync(descriptor);
  }
}

/** Many sysctls at once, by the names that were asked for; see {@link readSysctl}. */
export function readSysctls<Name extends string>(
  names: Iterable<Name>,
  options: NamespaceOptions = {},
): Record<Name, string | undefined> {
  const values = Array.from(names, (name) => [name, readSysctl(name, options)]);
  return Object.fromEntries(values) as Record<Name, string | undefined>;
}

/**
 * Sets a sysctl.
 * @throws {InvalidArgumentError} for a name that is none, or a value that is empty or of several lines.
 * @throws {KernelError} `ENOENT` where there is none, `EINVAL` for a value that the kernel does not take, `EACCES`,
 *   `EPERM` or `EROFS` where it may not be set.
 * @throws {UnavailableError} if the namespace can't be entered.
 */
export function writeSysctl(name: string, value: string | number, { netns }: NamespaceOptions = {}): void {
  const path = sysctlPath(name);
  const text = String(value);
  if (!/^[^\0\n]+$/.test(text)) {
    const message = `${JSON.stringify(text)} is not one line of text`;
    throw new InvalidArgumentError('sysctl', [{ path: 'value', message }]);
  }
  const object = `${name} to ${text}`;
  const descriptor = openFile(path, constants.O_WRONLY, netns);
  if (descriptor < 0) throw refusal('set', object, descriptor);
  try {
    // One write: the kernel takes each for a value of its own.
    writeSync(descriptor, text);
  } catch (error) {
    throw refusal('set', object, errnoOf(error));
  } finally {
    closeSync(descriptor);
  }
}

function refusal(verb: 'read' | 'set', object: string, errno: number): KernelError {
  return new KernelError({ errno, command: `${verb} sysctl`, object, hint: HINTS[errnoName(errno)] });
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'needs root, with CAP_NET_ADMIN in the network namespace',
  EPERM: 'needs root, with CAP_NET_ADMIN in the network namespace',
  EROFS:
    '/proc/sys is mounted read-only, as in containers: set it on the host, or when the container is started (docker run --sysctl)',
  ENOENT: 'there is no such sysctl: no such device, or its module is not loaded',
  EINVAL: 'the kernel does not take this value',
};

/** Of what node:fs throws. */
function errnoOf(error: unknown): number {
  const { errno } = error as NodeJS.ErrnoException;
  if (errno === undefined) throw error;
  return errno;
}
