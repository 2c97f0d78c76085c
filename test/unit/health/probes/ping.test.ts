import { expect, test } from 'vitest';
import { EchoSocket } from '../../../../src/linux/echo-socket.js';
import { failed, run } from './fixture.js';

/** Why there is no ping here: no addon (it is built after these tests), or no right to it. */
function problem(address: string): string | undefined {
  try {
    EchoSocket.open({ address })[Symbol.dispose]();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const PING = { type: 'ping' } as const;

test.each(['127.0.0.1', '::1'])('a host answers, or it is not measured (%s)', async (address) => {
  const reason = problem(address);
  const outcome = await run({ address, port: 0 }, PING);
  expect(outcome).toEqual(
    reason === undefined ? { result: 'passed', reason: 'echo' } : { result: 'not measured', reason },
  );
});

test('a host that is not there has failed, or it is not measured', async () => {
  // 240.0.0.0/4 is for nobody.
  const outcome = await run({ address: '240.0.0.1', port: 0 }, { ...PING, timeout: 50 });
  expect(['failed', 'not measured']).toContain(outcome.result);
  if (outcome.result === 'failed') expect(outcome).toEqual(failed('hard', /^no (echo within 50 ms|route)/));
});

test('is ended', async () => {
  const controller = new AbortController();
  const outcome = run({ address: '127.0.0.1', port: 0 }, PING, controller.signal);
  controller.abort();
  expect(await outcome).toEqual({ result: 'not measured', reason: 'ended before there was an answer' });
});
