import { describe, expect, it } from 'vitest';
import { initMessage, type KernelVerb, kernelMessage } from '../../../src/ipvsadm/kernel-messages.js';

describe('the message for an errno', () => {
  it.each<[KernelVerb, string, string]>([
    ['add-service', 'EEXIST', 'Service already exists'],
    ['add-service', 'ENOENT', 'Scheduler or persistence engine not found'],
    ['add-service', 'ESRCH', 'No such process'],
    ['update-service', 'ESRCH', 'No such service'],
    ['update-service', 'ENOENT', 'Scheduler or persistence engine not found'],
    ['update-service', 'EEXIST', 'File exists'],
    ['delete-service', 'ESRCH', 'No such service'],
    ['zero', 'ESRCH', 'No such service'],
    ['list', 'ESRCH', 'No such service'],
    ['add-destination', 'ESRCH', 'Service not defined'],
    ['add-destination', 'EEXIST', 'Destination already exists'],
    ['add-destination', 'ERANGE', 'Numerical result out of range'],
    ['update-destination', 'ESRCH', 'Service not defined'],
    ['update-destination', 'ENOENT', 'No such destination'],
    ['delete-destination', 'ESRCH', 'Service not defined'],
    ['delete-destination', 'ENOENT', 'No such destination'],
    ['start-daemon', 'EEXIST', 'Daemon has already run'],
    ['start-daemon', 'ENODEV', 'No such device'],
    ['stop-daemon', 'ESRCH', 'No daemon is running'],
    ['flush', 'ESRCH', 'No such process'],
    ['set-timeouts', 'ENOENT', 'No such file or directory'],
  ])('%s, %s: %s', (verb, code, message) => {
    expect(kernelMessage(verb, code)).toBe(message);
  });

  it.each([
    ['EPERM', 'Permission denied (you must be root)'],
    ['EINVAL', 'Invalid operation.  Possibly wrong module version, address not unicast, ...'],
    ['ENOPROTOOPT', 'Protocol not available'],
    ['ENOMEM', 'Memory allocation problem'],
    ['EOPNOTSUPP', 'Operation not supported with IPv6'],
    ['EAFNOSUPPORT', 'Operation not supported with specified address family'],
    ['EMSGSIZE', 'Module is wrong version'],
    // glibc's words
    ['EBUSY', 'Device or resource busy'],
    ['EADDRINUSE', 'Address already in use'],
    // libuv's, and none
    ['EPIPE', 'broken pipe'],
    ['ERRNO_524', 'Unknown error 524'],
  ])('whatever the command, %s: %s', (code, message) => {
    for (const verb of ['add-service', 'flush', 'list'] as const) expect(kernelMessage(verb, code)).toBe(message);
  });
});

it('without IPVS ipvsadm says two lines', () => {
  expect(initMessage('EPERM')).toBe(
    "Can't initialize ipvs: Permission denied (you must be root)\n" +
      'Are you sure that IP Virtual Server is built in the kernel or as module?',
  );
  expect(initMessage('ENOPROTOOPT')).toContain('ipvs: Protocol not available\n');
});
