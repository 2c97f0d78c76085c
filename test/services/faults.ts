/**
 * What can befall every server.
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect, vi } from 'vitest';
import type { Target } from '../../src/health/check-outcome.js';
import type { Check } from '../../src/model/check.js';
import { failed, LONG, run } from '../unit/health/probes/fixture.js';
import { HOST, type Server } from './server.js';

/** A server by TCP stands still, dies while it is asked, and is gone: it fails hard each time, and the reason says by what. */
export async function expectFaults(server: Server, check: Check, port = server.port): Promise<void> {
  const target = { address: HOST, port };
  server.signal('SIGSTOP');
  await expectSoon(target, check, /^no (?:answer|end of the TLS handshake) within 300 ms$/);
  await vi.waitFor(() => expect(callsTo(port)).toBe(0), LONG);
  const waiting = run(target, check);
  await vi.waitFor(() => expect(callsTo(port)).toBeGreaterThan(0), LONG);
  server.kill();
  const died = /^connection (?:reset by the server|closed by the server during the TLS handshake)$/;
  expect(await waiting).toEqual(failed('hard', died));
  await expectSoon(target, check, 'connection refused');
}

/** The same by UDP, where nobody hears that a server dies. */
export async function expectFaultsByUdp(server: Server, check: Check): Promise<void> {
  server.signal('SIGSTOP');
  await expectSoon(server, check, 'no answer within 300 ms');
  server.kill();
  await expectSoon(server, check, 'connection refused');
}

/** The threads of a process do not stop at once, and neither does a group of processes die at once. */
async function expectSoon(target: Target, check: Check, reason: string | RegExp): Promise<void> {
  await vi.waitFor(
    async () => expect(await run(target, { ...check, timeout: 300 })).toEqual(failed('hard', reason)),
    LONG,
  );
}

/** `/proc/net/tcp`: the state of a connection that has come about. */
const ESTABLISHED = '01';

/** How many connections this process has called a port for; some servers call themselves. */
function callsTo(port: number): number {
  const digits = port.toString(16).toUpperCase().padStart(4, '0');
  const own = new Set(readdirSync('/proc/self/fd').map((descriptor) => linkOf(`/proc/self/fd/${descriptor}`)));
  const rows = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  return rows.filter((row) => {
    const [, , remote = '', state, , , , , , inode] = row.trim().split(/\s+/);
    return state === ESTABLISHED && remote.endsWith(`:${digits}`) && own.has(`socket:[${inode}]`);
  }).length;
}

/** Undefined for what is closed by now: the directory's own, for one. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
