/**
 * Servers on loopback for probes, in this process, and one run against them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import type { CheckOutcome, Target } from '../../../../src/health/check-outcome.js';
import { runCheck } from '../../../../src/health/run-check.js';
import { type Check, parseCheck } from '../../../../src/model/check.js';

export { type Certificate, hasOpenssl, makeCertificate } from '../../certificate.js';

/** Checks run on a busy machine: no test may need this much of it. */
export const LONG = 20_000;

/** What is closed after each test. */
const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await vi.waitFor(() => expect(process.getActiveResourcesInfo().filter(isOfProbes)).toEqual([]), LONG);
});

/** What no test may leave behind. */
function isOfProbes(resource: string): boolean {
  return ['TCPSocketWrap', 'UDPWrap', 'ProcessWrap'].includes(resource);
}

/** Closes something after the test. */
export function afterThis(close: () => Promise<void> | void): void {
  closing.push(close);
}

/** A server that is there for the test. */
export interface Served extends Target {
  /** Its ends of the connections that are open. */
  readonly open: ReadonlySet<Socket>;
  /** How many connections there have been. */
  readonly accepted: () => number;
}

/** A TCP server on a free port of 127.0.0.1 (or another address of this host). */
export async function serve(onConnection: (socket: Socket) => void, address = '127.0.0.1'): Promise<Served> {
  return started(createServer(onConnection), address);
}

/** The same with TLS. */
export async function serveTls(options: TlsOptions, onConnection: (socket: Socket) => void): Promise<Served> {
  return started(
    createTlsServer(options, onConnection).on('tlsClientError', () => {}),
    '127.0.0.1',
  );
}

/** Any server, once it listens. */
export async function started(server: Server, address = '127.0.0.1'): Promise<Served> {
  const open = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted++;
    open.add(socket);
    socket.on('error', () => {}).once('close', () => open.delete(socket));
  });
  server.on('secureConnection', (socket: Socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  afterThis(() => {
    for (const socket of open) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return { address, port: (server.address() as AddressInfo).port, open, accepted: () => accepted };
}

/** A server that says one thing to whoever connects, and then ends the connection. */
export function says(answer: string | Uint8Array): Promise<Served> {
  return serve((socket) => socket.end(answer));
}

/** A server that accepts and says nothing. */
export function silent(): Promise<Served> {
  return serve((socket) => socket.resume());
}

/** Listens and takes no call: two calls of its own fill its queue, and the kernel drops those that come then. */
const FULL = `
const server = net.createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  const { port } = server.address();
  fs.writeSync(1, port + '\\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

/** A port of 127.0.0.1 that swallows every call. */
export async function full(): Promise<Target> {
  const child = spawn(process.execPath, ['-e', FULL], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(text);
  const calls = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(calls.map((call) => once(call, 'connect')));
  afterThis(async () => {
    for (const call of calls) call.on('error', () => {}).destroy();
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  return { address: '127.0.0.1', port };
}

/** A port of 127.0.0.1 at which nobody listens. */
export async function nobody(): Promise<Target> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return { address: '127.0.0.1', port };
}

/** One run of a check. */
export function run(target: Target, check: Check, signal = new AbortController().signal): Promise<CheckOutcome> {
  const { address, port } = target;
  return runCheck({ address, port }, parseCheck({ timeout: LONG, ...check }), signal);
}

/** A failure, to compare with. */
export function failed(kind: 'hard' | 'soft', reason: string | RegExp): CheckOutcome {
  const matching = typeof reason === 'string' ? reason : expect.stringMatching(reason);
  return { result: 'failed', kind, reason: matching };
}

/** Aborts a run while its server is silent: it must end at once, and close what it had opened. */
export async function expectAbortToClose(server: Served, check: Check): Promise<void> {
  const controller = new AbortController();
  const outcome = run(server, check, controller.signal);
  await vi.waitFor(() => expect(server.open.size).toBe(1), LONG);
  controller.abort();
  expect(await outcome).toEqual({ result: 'not measured', reason: 'ended before there was an answer' });
  await vi.waitFor(() => expect(server.open.size).toBe(0), LONG);
}

/** A directory for the tests of a file. */
export function useDirectory(): { readonly path: string } {
  const directory = { path: '' };
  beforeAll(() => {
    directory.path = mkdtempSync(join(tmpdir(), 'ipvs-ts-probes-'));
  });
  afterAll(() => rmSync(directory.path, { recursive: true, force: true }));
  return directory;
}

/** Writes a file into a directory; its path. */
export function fileIn(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}
