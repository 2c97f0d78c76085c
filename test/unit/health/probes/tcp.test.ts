import { expect, test, vi } from 'vitest';
import { failed, full, LONG, nobody, run, serve, silent } from './fixture.js';

const TCP = { type: 'tcp' } as const;

test('passes where somebody listens, and resets the connection', async () => {
  const errors: string[] = [];
  const server = await serve((socket) => socket.on('error', ({ message }) => errors.push(message)).resume());
  expect(await run(server, TCP)).toEqual({ result: 'passed', reason: 'connected' });
  await vi.waitFor(() => expect(errors).toEqual(['read ECONNRESET']), LONG);
});

test('takes IPv6', async () => {
  const server = await serve(() => {}, '::1');
  expect(await run(server, TCP)).toMatchObject({ result: 'passed' });
});

test('calls from the address it is told', async () => {
  const server = await serve(() => {});
  expect(await run(server, { ...TCP, source: '127.0.0.9' })).toMatchObject({ result: 'passed' });
  await vi.waitFor(() => expect(server.accepted()).toBe(1), LONG);
});

test('waits for silence until its time is over, and not longer', async () => {
  const server = await full();
  const started = performance.now();
  expect(await run(server, { ...TCP, timeout: 300 })).toEqual(failed('hard', 'no connection within 300 ms'));
  expect(performance.now() - started).toBeGreaterThanOrEqual(299);
});

test('is ended before its time', async () => {
  const server = await full();
  const controller = new AbortController();
  const outcome = run(server, TCP, controller.signal);
  controller.abort();
  expect(await outcome).toEqual({ result: 'not measured', reason: 'ended before there was an answer' });
});

test('fails hard where nobody listens', async () => {
  expect(await run(await nobody(), TCP)).toEqual(failed('hard', 'connection refused'));
});

test('is not measured from an address that this host does not have', async () => {
  const outcome = await run(await silent(), { ...TCP, source: '192.0.2.9' });
  expect(outcome).toEqual({
    result: 'not measured',
    reason: 'this host has no such address, or no port left, to call from: EADDRNOTAVAIL',
  });
});

test('is not measured from an address of the other family', async () => {
  expect(await run(await silent(), { ...TCP, source: '::1' })).toMatchObject({ result: 'not measured' });
});

test('is not begun when nobody wants to know', async () => {
  const server = await silent();
  expect(await run(server, TCP, AbortSignal.abort())).toMatchObject({ result: 'not measured' });
  expect(server.accepted()).toBe(0);
});

test('a signal that many runs share ends them all, and nobody is warned', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  const server = await silent();
  const controller = new AbortController();
  const outcomes = Array.from({ length: 30 }, () => run(server, { type: 'http' }, controller.signal));
  await vi.waitFor(() => expect(server.open.size).toBe(30), LONG);
  controller.abort();
  expect(new Set((await Promise.all(outcomes)).map(({ result }) => result))).toEqual(new Set(['not measured']));
  await vi.waitFor(() => expect(server.open.size).toBe(0), LONG);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});

test('a connection that the server has ended is closed too', async () => {
  const server = await serve((socket) => socket.once('data', () => socket.end()));
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => run(server, { type: 'http' })));
  expect(new Set(outcomes.map(({ reason }) => reason))).toEqual(
    new Set(['connection closed by the server before its answer']),
  );
  await vi.waitFor(() => expect(process.getActiveResourcesInfo()).not.toContain('TCPSocketWrap'), LONG);
});
