import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadNative } from '../../../src/linux/native.js';
import { peerCredentials } from '../../../src/linux/peer-credentials.js';
import { nameOfUser } from '../../../src/linux/user.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-peer-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('of a unix socket is the process that connected', async () => {
  const path = join(directory, 'a.sock');
  const server = createServer().listen(path);
  await once(server, 'listening');
  const program = `require('node:net').connect(${JSON.stringify(path)}); setTimeout(() => {}, 60000);`;
  const child = spawn(process.execPath, ['-e', program]);
  const [socket] = (await once(server, 'connection')) as [Socket];
  expect(peerCredentials(socket)).toEqual({ pid: child.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  const exited = once(child, 'exit');
  child.kill();
  await exited;
  socket.destroy();
  expect(peerCredentials(socket)).toBeUndefined();
  server.close();
});

test('of a TCP socket is nobody', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const { connect } = await import('node:net');
  const client = connect(port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  expect(peerCredentials(socket)).toBeUndefined();
  client.destroy();
  socket.destroy();
  server.close();
});

test('a descriptor that is none, and a place that is too small, are told', () => {
  const { peerCredentials: ask } = loadNative();
  expect(ask(-1, new Int32Array(3))).toBe(-9);
  expect(ask(0, new Int32Array(2))).toBe(-22);
});

test('a user has a name where /etc/passwd has one', () => {
  expect(nameOfUser(0)).toBe('root');
  expect(nameOfUser(4_000_000_000)).toBe('4000000000');
});
