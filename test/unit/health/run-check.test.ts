import { describe, expect, test } from 'vitest';
import { hard, quoted, soft } from '../../../src/health/outcome.js';
import { Run } from '../../../src/health/run.js';
import { outcomeOf } from '../../../src/health/system-error.js';

function systemError(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

describe('what the system says', () => {
  test.each([
    ['ECONNREFUSED', 'connection refused'],
    ['ECONNRESET', 'connection reset by the server'],
    ['EHOSTUNREACH', 'no route to the server, or nobody answers for its address'],
    ['ENETUNREACH', 'no route to the network of the server'],
    ['ETIMEDOUT', 'connection timed out'],
    ['EPIPE', 'connection closed by the server'],
  ])('%s is the server’s failure', (code, reason) => {
    expect(outcomeOf(systemError(code))).toEqual({ result: 'failed', kind: 'hard', reason });
  });

  test.each([
    ['EMFILE', 'this process has no file descriptors left: EMFILE'],
    ['ENFILE', 'this host has no file descriptors left: ENFILE'],
    ['ENOBUFS', 'this host has no buffers left: ENOBUFS'],
    ['ENOMEM', 'this host has no memory left: ENOMEM'],
    ['EAGAIN', 'this host has no resources left for it: EAGAIN'],
    ['EADDRINUSE', 'this host has no port left to call from: EADDRINUSE'],
    ['EPERM', 'this host does not let it out (a firewall, or no right to it): EPERM'],
    ['EACCES', 'this host does not let it out (a firewall, or no right to it): EACCES'],
    ['EWHATEVER', 'connect EWHATEVER'],
  ])('%s is this host’s own trouble', (code, reason) => {
    expect(outcomeOf(systemError(code))).toEqual({ result: 'not measured', reason });
  });

  test('is no verdict where it is a mistake of this program', () => {
    expect(outcomeOf(new TypeError('x is undefined'))).toEqual({ result: 'not measured', reason: 'x is undefined' });
    expect(outcomeOf('x')).toEqual({ result: 'not measured', reason: 'x' });
  });

  test('is what the probe says, where it says something', () => {
    expect(outcomeOf(soft('x'))).toEqual({ result: 'failed', kind: 'soft', reason: 'x' });
    expect(outcomeOf(hard('x'))).toEqual({ result: 'failed', kind: 'hard', reason: 'x' });
  });
});

describe('a run', () => {
  test('says where it stood when its time is over', () => {
    const run = new Run();
    expect(run.late(3000)).toEqual({ result: 'failed', kind: 'hard', reason: 'no answer within 3000 ms' });
    run.waitFor('no connection');
    expect(run.late(3000)).toEqual({ result: 'failed', kind: 'hard', reason: 'no connection within 3000 ms' });
    run.orLate((time) => ({ result: 'passed', reason: `quiet for ${time}` }));
    expect(run.late(10)).toEqual({ result: 'passed', reason: 'quiet for 10 ms' });
  });

  test('closes what it had opened once, and at once what is opened after its end', () => {
    const run = new Run();
    const closed: string[] = [];
    run.onEnd(() => closed.push('early'));
    run.onEnd(() => closed.push('then'));
    expect(closed).toEqual([]);
    run.end();
    run.end();
    run.onEnd(() => closed.push('late'));
    expect(closed).toEqual(['then', 'early', 'late']);
    expect(run.ended).toBe(true);
  });
});

test('a server’s words are a line of printable text', () => {
  expect(quoted('\r\n one\r\ntwo')).toBe('"one"');
  expect(quoted(Buffer.from('a\x1bb'))).toBe('"a\\u{1b}b"');
  expect(quoted('x'.repeat(1000))).toBe(`"${'x'.repeat(100)}... (1000 characters)"`);
  expect(quoted('')).toBe('""');
});
