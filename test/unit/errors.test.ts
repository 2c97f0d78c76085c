import { describe, expect, test } from 'vitest';
import {
  ClosedError,
  ConfigError,
  errnoName,
  HostApplyError,
  InterruptedError,
  InvalidArgumentError,
  IpvsError,
  KernelError,
  LockedError,
  OverrunError,
  ProtocolError,
  RestoreError,
  RulesError,
  TimeoutError,
  UnavailableError,
} from '../../src/errors.js';

const EEXIST = new KernelError({ errno: -17, command: 'add service', object: 'tcp://10.0.0.1:80' });

test.each<[IpvsError, string, string]>([
  [new InvalidArgumentError('service', []), 'InvalidArgumentError', 'ERR_INVALID_ARGUMENT'],
  [EEXIST, 'KernelError', 'EEXIST'],
  [new UnavailableError('x'), 'UnavailableError', 'ERR_UNAVAILABLE'],
  [new LockedError('x', { pid: 1, program: 'x', since: 'x' }), 'LockedError', 'ERR_LOCKED'],
  [new InterruptedError('x'), 'InterruptedError', 'ERR_DUMP_INTERRUPTED'],
  [new ClosedError('x'), 'ClosedError', 'ERR_CLOSED'],
  [new TimeoutError('x'), 'TimeoutError', 'ERR_TIMEOUT'],
  [new OverrunError('x'), 'OverrunError', 'ERR_OVERRUN'],
  [new ProtocolError('x'), 'ProtocolError', 'ERR_PROTOCOL'],
  [new RulesError(1, 'x', 'x'), 'RulesError', 'ERR_RULES'],
  [new RestoreError(0, []), 'RestoreError', 'ERR_RESTORE'],
  [new ConfigError('x', [{ line: 1, column: 2, path: '', message: 'y' }]), 'ConfigError', 'ERR_CONFIG'],
  [new HostApplyError({ step: 'x', inForce: [], takenBack: [], notTried: [] }, EEXIST), 'HostApplyError', 'ERR_APPLY'],
])('%s', (error, name, code) => {
  expect(error).toBeInstanceOf(IpvsError);
  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.code]).toEqual([name, code]);
  expect(error.stack).toContain(name);
  expect(String(error)).toBe(`${name}: ${error.message}`);
});

test('errors keep their cause', () => {
  const cause = new Error('why');
  expect(new UnavailableError('x', { cause })).toMatchObject({ message: 'x', cause });
});

test('a refused step says what is in force and what is not', () => {
  const failure = { step: 'add x', inForce: ['set a'], takenBack: ['set b', 'set c'], notTried: ['set d'] };
  const error = new HostApplyError(failure, EEXIST);
  expect(error).toMatchObject({ ...failure, cause: EEXIST });
  expect(error.message).toBe(
    'add x: add service tcp://10.0.0.1:80: EEXIST; taken back: set b, set c; still in force: set a; not tried: set d',
  );
});

test('an invalid argument says what, where and what is allowed', () => {
  const issues = [
    { path: '', message: 'unknown field "prot"' },
    { path: 'persistence.timeout', message: 'must be more' },
  ];
  const error = new InvalidArgumentError('service', issues);
  expect(error).toMatchObject({ subject: 'service', issues });
  expect(error.message).toBe('service: unknown field "prot"; persistence.timeout: must be more');
});

describe('a refusal of the kernel', () => {
  test('says the command, the object and the errno', () => {
    expect(EEXIST.message).toBe('add service tcp://10.0.0.1:80: EEXIST');
    expect(new KernelError({ errno: -1, command: 'flush' }).message).toBe('flush: EPERM');
  });

  test('says all that is known', () => {
    const refusal = {
      errno: -22,
      command: 'add destination',
      object: '10.0.0.2:80 of tcp://10.0.0.1:80',
      reason: 'the address is not unicast',
      hint: 'bring lo up',
      extendedAck: { message: 'Attribute failed policy validation', offset: 20 },
    };
    const error = new KernelError(refusal);
    expect(error).toMatchObject({ ...refusal, code: 'EINVAL' });
    expect(error.message).toBe(
      'add destination 10.0.0.2:80 of tcp://10.0.0.1:80: EINVAL; the address is not unicast; ' +
        'Attribute failed policy validation; bring lo up',
    );
  });
});

test('a bad line of rules is shown with its number', () => {
  const error = new RulesError(3, '-A -t x', 'illegal virtual server address[:port] specified');
  expect(error).toMatchObject({ line: 3, text: '-A -t x' });
  expect(error.message).toBe('line 3: illegal virtual server address[:port] specified: -A -t x');
});

describe('a restore', () => {
  const failure = (line: number) => ({ line, text: `-A -t 10.0.0.${line}:80`, error: EEXIST });

  test('tells what failed and what was done', () => {
    const error = new RestoreError(2, [failure(4)]);
    expect(error).toMatchObject({ applied: 2, failures: [failure(4)] });
    expect(error.message).toBe(`1 of 3 commands failed, the others were done: line 4: ${EEXIST.message}`);
  });

  test('shows the first five failures, and keeps all', () => {
    const error = new RestoreError(0, [1, 2, 3, 4, 5, 6, 7].map(failure));
    expect(error.failures).toHaveLength(7);
    expect(error.message).toContain(`line 5: ${EEXIST.message}; and 2 more`);
    expect(error.message).not.toContain('line 6');
  });
});

test.each([
  [1, 'EPERM'],
  [2, 'ENOENT'],
  [3, 'ESRCH'],
  [12, 'ENOMEM'],
  [16, 'EBUSY'],
  [17, 'EEXIST'],
  [19, 'ENODEV'],
  [22, 'EINVAL'],
  [34, 'ERANGE'],
  [90, 'EMSGSIZE'],
  [92, 'ENOPROTOOPT'],
  [95, 'EOPNOTSUPP'],
  [97, 'EAFNOSUPPORT'],
  [101, 'ENETUNREACH'],
  [105, 'ENOBUFS'],
])('errno %d is %s, whatever its sign', (errno, name) => {
  expect([errnoName(errno), errnoName(-errno)]).toEqual([name, name]);
});

test('an errno without a name keeps its number', () => {
  expect(errnoName(-524)).toContain('524');
});
