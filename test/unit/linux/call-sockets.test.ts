import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { constants } from 'node:os';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CallSockets } from '../../../src/linux/call-sockets.js';

const LONG = 20_000;
const { EBADF, ECONNREFUSED } = constants.errno;

let sockets: CallSockets;
let port: number;
const accepted: Socket[] = [];
const server = createServer((socket) => {
  accepted.push(socket.on('error', () => {}));
});
beforeEach(async () => {
  sockets = new CallSockets();
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  sockets.end();
  for (const socket of accepted.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** Calls, and resolves with what is heard first. */
function heard(call: Parameters<CallSockets['connect']>[0]): Promise<{ socket: number; errno: number }> {
  return new Promise((resolve) => {
    const socket: number = sockets.connect(call, { onReady: (errno) => resolve({ socket, errno }) });
    if (socket < 0) resolve({ socket, errno: socket });
  });
}

test.each(['127.0.0.1', '::1'])('connects to %s, sends and receives', async (address) => {
  const { socket, errno } = await heard({ address, port });
  expect(errno).toBe(0);
  await vi.waitFor(() => expect(accepted.length).toBe(1), LONG);
  const more = new Promise((resolve) => sockets.listen(socket, { onReady: resolve }));
  expect(sockets.send(socket, Buffer.from('ping'))).toBe(4);
  accepted[0]?.write('pong!');
  expect(await more).toBe(0);
  const into = Buffer.alloc(10);
  expect(sockets.receive(socket, into)).toBe(5);
  expect(into.toString('latin1', 0, 5)).toBe('pong!');
  expect(sockets.receive(socket, into)).toBe(-constants.errno.EAGAIN);
  const end = new Promise((resolve) => sockets.listen(socket, { onReady: resolve }));
  accepted[0]?.end();
  expect(await end).toBe(0);
  expect(sockets.receive(socket, into)).toBe(0);
  sockets.close(socket, true);
});

test('calls from the address it is told, and tells a refusal', async () => {
  const { errno } = await heard({ address: '127.0.0.1', port, source: '127.0.0.9' });
  expect(errno).toBe(0);
  await vi.waitFor(() => expect(accepted[0]?.remoteAddress).toBe('::ffff:127.0.0.9'), LONG);
  expect(await heard({ address: '127.0.0.1', port: 1 })).toMatchObject({ errno: -ECONNREFUSED });
  expect(await heard({ address: '127.0.0.1', port, source: '::1' })).toMatchObject({ errno: expect.any(Number) });
});

test('uses a socket again, which knows nothing of the call before', async () => {
  for (let call = 0; call < 20; call++) {
    const isRefused = call % 3 === 0;
    const { socket, errno } = await heard({ address: '127.0.0.1', port: isRefused ? 1 : port });
    expect(errno).toBe(isRefused ? -ECONNREFUSED : 0);
    sockets.close(socket, !isRefused);
    expect(sockets.send(socket, Buffer.from('x'))).toBe(-EBADF);
  }
  await vi.waitFor(() => expect(accepted.filter(({ destroyed }) => destroyed).length).toBe(13), LONG);
  expect(accepted.length).toBe(13);
});

test('one that is closed in the turn of another hears nothing, nor does the one that has its number', async () => {
  const told: string[] = [];
  const first = sockets.connect({ address: '127.0.0.1', port }, { onReady: () => closeOther(second) });
  const second = sockets.connect({ address: '127.0.0.1', port }, { onReady: () => closeOther(first) });
  const closeOther = (other: number) => {
    told.push('one');
    sockets.close(other, true);
    expect(sockets.connect({ address: '127.0.0.1', port }, { onReady: () => told.push('new') })).toBe(other);
  };
  await vi.waitFor(() => expect(told.length).toBe(2), LONG);
  expect(told).toEqual(['one', 'new']);
});

test('gives a connection away', async () => {
  const { socket } = await heard({ address: '127.0.0.1', port });
  const given = new Socket({ fd: sockets.release(socket) });
  expect(sockets.send(socket, Buffer.from('x'))).toBe(-EBADF);
  given.end('hello');
  await vi.waitFor(() => expect(accepted.length).toBe(1), LONG);
  expect(String(await new Promise((resolve) => accepted[0]?.once('data', resolve)))).toBe('hello');
});

test('closes all of them at its end, and none before', async () => {
  const count = () => readdirSync('/proc/self/fd').length;
  const before = count();
  for (let call = 0; call < 100; call++) sockets.connect({ address: '127.0.0.1', port: 1 }, { onReady: () => {} });
  expect(count()).toBe(before + 100);
  sockets.end();
  expect(sockets.connect({ address: '127.0.0.1', port }, { onReady: () => {} })).toBe(-EBADF);
  // The descriptor of epoll has gone too.
  expect(count()).toBe(before - 1);
});
