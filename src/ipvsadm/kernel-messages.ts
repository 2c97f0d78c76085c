/**
 * What ipvsadm says when the kernel refuses (libipvs.c 1.31, `ipvs_strerror`).
 * @module
 */
import { getSystemErrorMap } from 'node:util';
import type { NormalChange } from '../model/change.js';

/** What was asked of the kernel; `list` is any reading of the table. */
export type KernelVerb = NormalChange['verb'] | 'list';

/**
 * The message for an errno, by its name as {@link KernelError} has it: `kernelMessage('add-service', 'EEXIST')` is
 * `Service already exists`. ipvsadm 1.31 prints it as one line on standard error; where `-L --timeout` or `-L --daemon` is
 * refused it prints nothing.
 */
export function kernelMessage(verb: KernelVerb, code: string): string {
  return BY_VERB[verb]?.get(code) ?? COMMON.get(code) ?? strerror(code);
}

/**
 * The two lines of an ipvsadm 1.31 that cannot reach IPVS (`main`), without the end of the second. The errno is EPERM
 * without CAP_NET_ADMIN; where the kernel has no IPVS it is the old socket option's, ENOPROTOOPT, or EPERM without
 * CAP_NET_RAW.
 */
export function initMessage(code: string): string {
  return (
    `Can't initialize ipvs: ${COMMON.get(code) ?? strerror(code)}\n` +
    'Are you sure that IP Virtual Server is built in the kernel or as module?'
  );
}

const NO_SERVICE = ['ESRCH', 'No such service'] as const;
const SERVICE_UNDEFINED = ['ESRCH', 'Service not defined'] as const;
const NO_DESTINATION = ['ENOENT', 'No such destination'] as const;
const NO_SCHEDULER = ['ENOENT', 'Scheduler or persistence engine not found'] as const;

/** Errnos that mean something else with each command. */
const BY_VERB: { readonly [Verb in KernelVerb]?: ReadonlyMap<string, string> } = {
  'add-service': new Map([['EEXIST', 'Service already exists'], NO_SCHEDULER]),
  'update-service': new Map([NO_SERVICE, NO_SCHEDULER]),
  'delete-service': new Map([NO_SERVICE]),
  zero: new Map([NO_SERVICE]),
  list: new Map([NO_SERVICE]),
  'add-destination': new Map([SERVICE_UNDEFINED, ['EEXIST', 'Destination already exists']]),
  'update-destination': new Map([SERVICE_UNDEFINED, NO_DESTINATION]),
  'delete-destination': new Map([SERVICE_UNDEFINED, NO_DESTINATION]),
  'start-daemon': new Map([['EEXIST', 'Daemon has already run']]),
  'stop-daemon': new Map([['ESRCH', 'No daemon is running']]),
};

/** Errnos that ipvsadm explains by itself, whatever the command. */
const COMMON: ReadonlyMap<string, string> = new Map([
  ['EPERM', 'Permission denied (you must be root)'],
  ['EINVAL', 'Invalid operation.  Possibly wrong module version, address not unicast, ...'],
  ['ENOPROTOOPT', 'Protocol not available'],
  ['ENOMEM', 'Memory allocation problem'],
  ['EOPNOTSUPP', 'Operation not supported with IPv6'],
  ['EAFNOSUPPORT', 'Operation not supported with specified address family'],
  ['EMSGSIZE', 'Module is wrong version'],
]);

/** What glibc calls the errnos that IPVS and the layers around it answer; libuv's words are not the same. */
const STRERROR: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'Permission denied'],
  ['EADDRINUSE', 'Address already in use'],
  ['EADDRNOTAVAIL', 'Cannot assign requested address'],
  ['EAGAIN', 'Resource temporarily unavailable'],
  ['EBUSY', 'Device or resource busy'],
  ['EEXIST', 'File exists'],
  ['EFAULT', 'Bad address'],
  ['EFBIG', 'File too large'],
  ['EINTR', 'Interrupted system call'],
  ['EIO', 'Input/output error'],
  ['EMFILE', 'Too many open files'],
  ['ENETDOWN', 'Network is down'],
  ['ENETUNREACH', 'Network is unreachable'],
  ['ENFILE', 'Too many open files in system'],
  ['ENOBUFS', 'No buffer space available'],
  ['ENODEV', 'No such device'],
  ['ENOENT', 'No such file or directory'],
  ['ENOSPC', 'No space left on device'],
  ['ENOSYS', 'Function not implemented'],
  ['EOVERFLOW', 'Value too large for defined data type'],
  ['EPROTONOSUPPORT', 'Protocol not supported'],
  ['ERANGE', 'Numerical result out of range'],
  ['ESRCH', 'No such process'],
  ['ETIMEDOUT', 'Connection timed out'],
]);

function strerror(code: string): string {
  return STRERROR.get(code) ?? libuvMessage(code) ?? code.replace(/^ERRNO_/, 'Unknown error ');
}

function libuvMessage(code: string): string | undefined {
  for (const [name, message] of getSystemErrorMap().values()) if (name === code) return message;
  return undefined;
}
