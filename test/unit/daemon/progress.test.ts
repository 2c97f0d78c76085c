import { createServer, type Server } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { parseStateText } from '../../../src/config/read.js';
import { Progress } from '../../../src/daemon/progress.js';
import { pulse } from '../../../src/daemon/pulse.js';
import { useDaemon, yaml } from './fixture.js';

const context = useDaemon();
const WANTED = parseStateText(yaml('10.0.0.1', '10.0.0.2'), { name: 'test', env: {} });

/** Progress by a clock of the test. */
function begun() {
  const state = { now: 0, behind: 0, out: 0 };
  const progress = new Progress(10_000, () => state.now);
  progress.begin({
    get behind() {
      return state.behind;
    },
    wishes: () => ({ verdicts: new Map(Array.from({ length: state.out }, (_, index) => [String(index), 'quiesce'])) }),
  } as never);
  return { state, progress };
}

describe('there is no progress', () => {
  test('without looks for two intervals and what a look may take', () => {
    const { state, progress } = begun();
    state.now = 50_000;
    expect(progress.stall).toBeUndefined();
    state.now = 50_001;
    expect(progress.stall).toBe('the table was looked at 50 s ago');
    // A look that failed is one.
    progress.look({ wanted: WANTED, error: new Error('the kernel is busy') });
    expect(progress.stall).toBeUndefined();
    expect(progress.sentence).toBe('1 service with 2 real servers; not all is as wanted: the kernel is busy');
    state.now = 200_000;
    expect(progress.stall).toContain('150 s ago');
    progress.end();
    expect(progress.stall).toBeUndefined();
  });

  test('while checks are late', () => {
    const { state, progress } = begun();
    progress.look({ wanted: WANTED });
    state.behind = 30_000;
    expect(progress.stall).toBeUndefined();
    state.behind = 31_000;
    expect(progress.stall).toBe('checks are 31 s late');
    state.behind = 0;
    state.out = 1;
    expect(progress.sentence).toBe('1 service with 2 real servers, 1 of them out');
  });

  test('while the API leaves a question unanswered', () => {
    const { state, progress } = begun();
    progress.ask();
    state.now = 20_000;
    // The first question counts.
    progress.ask();
    state.now = 30_001;
    expect(progress.stall).toBe('the API has not answered for 30 s');
    progress.answer();
    expect(progress.stall).toBeUndefined();
  });
});

describe('the API is asked', () => {
  async function asked(server: Server | ReturnType<typeof createSocketServer> | undefined) {
    const path = join(context.daemon.root, 'pulse.sock');
    if (server !== undefined) await new Promise<void>((resolve) => void server.listen(path, resolve));
    const progress = { ask: vi.fn(), answer: vi.fn() };
    return { progress, asking: pulse(path, progress, 20, 500) };
  }

  test('and any answer will do, also of one that has too many clients', async () => {
    const answering = createServer((_, response) => response.writeHead(503).end());
    const full = createSocketServer((socket) => socket.destroy());
    for (const server of [answering, full]) {
      const { progress, asking } = await asked(server);
      await vi.waitFor(() => expect(progress.answer.mock.calls.length).toBeGreaterThan(2));
      asking[Symbol.dispose]();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('one question at a time; silence and nobody are no answers', async () => {
    const silent = createSocketServer((socket) => socket.on('error', () => undefined).resume());
    const { progress, asking } = await asked(silent);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(progress.ask).toHaveBeenCalledTimes(1);
    // Then it gives up, and asks again.
    await vi.waitFor(() => expect(progress.ask.mock.calls.length).toBeGreaterThan(1), { timeout: 5000 });
    asking[Symbol.dispose]();
    await new Promise((resolve) => silent.close(resolve));
    const nobody = await asked(undefined);
    await vi.waitFor(() => expect(nobody.progress.ask.mock.calls.length).toBeGreaterThan(2));
    nobody.asking[Symbol.dispose]();
    expect(progress.answer).not.toHaveBeenCalled();
    expect(nobody.progress.answer).not.toHaveBeenCalled();
  });
});
