/** Debian's PostgreSQL. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { PostgresqlCheck } from '../../src/model/check.js';
import { failed, LONG, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const VERSIONS = '/usr/lib/postgresql';
const PASSED = { result: 'passed', reason: 'PostgreSQL takes calls' };

/** Who is let in, how: the first line that fits. */
const ACCESS = `
host all       stranger 127.0.0.1/32 reject
host all       secret   127.0.0.1/32 scram-sha-256
host all       old      127.0.0.1/32 password
host all       all      127.0.0.1/32 trust
`;

let data = '';

/** The newest that there is. */
function program(name: string): string {
  const [version = 'none'] = existsSync(VERSIONS) ? readdirSync(VERSIONS).toSorted().reverse() : [];
  return join(VERSIONS, version, 'bin', name);
}

async function start(settings: Readonly<Record<string, string | number>> = {}): Promise<Server> {
  const port = await freePort();
  const all = {
    ...{ port, listen_addresses: HOST, unix_socket_directories: '', fsync: 'off', max_connections: 10 },
    ...{ superuser_reserved_connections: 0, max_wal_senders: 0, shared_buffers: '1MB', autovacuum: 'off' },
    ...settings,
  };
  const words = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return Server.start({
    package: 'postgresql',
    command: [program('postgres'), '-D', data, ...words],
    directory: directory.path,
    port,
    ready: { type: 'postgresql', user: 'probe' },
  });
}

let server: Server;
beforeAll(async () => {
  data = join(directory.path, 'data');
  if (existsSync(program('initdb'))) {
    const words = ['-D', data, '-U', 'probe', '-A', 'trust', '--no-sync', '--locale=C', '-E', 'UTF8'];
    const { status, stderr } = spawnSync(program('initdb'), words, { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    writeFileSync(join(data, 'pg_hba.conf'), ACCESS);
  }
  server = await start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

const call = (fields: Partial<PostgresqlCheck> = {}) => run(server, { type: 'postgresql', ...fields });

test('passes for who is known, with a password to ask for or without', async () => {
  expect(await call({ user: 'probe', database: 'postgres' })).toEqual(PASSED);
  expect(await call({ user: 'secret' })).toEqual(PASSED);
  expect(await call({ user: 'old' })).toEqual(PASSED);
});

test('passes for who is not let in, and for a database that is not there', async () => {
  expect(await call({ user: 'stranger' })).toEqual({
    result: 'passed',
    reason: expect.stringMatching(/^PostgreSQL takes calls \(28000: "pg_hba\.conf rejects connection for host /),
  });
  // Whoever needs no password is told that before the server looks for the name.
  expect(await call()).toEqual(PASSED);
  expect(await call({ user: 'probe', database: 'none' })).toEqual(PASSED);
});

/** Somebody who is in. */
async function visitor({ port }: Server): Promise<Socket> {
  const words = Buffer.from('\0\0\0\0\0\x03\0\0user\0probe\0database\0postgres\0\0', 'latin1');
  words.writeUInt32BE(words.length, 0);
  const socket = connect(port, HOST).on('error', () => {});
  socket.write(words);
  // ReadyForQuery
  await new Promise<void>((resolve) => {
    socket.on('data', (bytes) => bytes.includes('Z\0\0\0\x05') && resolve());
  });
  return socket;
}

test('passes for no other protocol', () => expectStrangersToFail(server.port, ['postgresql']));

test('fails softly where there is room for no more', async () => {
  await server[Symbol.asyncDispose]();
  server = await start({ max_connections: 1 });
  const other = await visitor(server);
  try {
    await vi.waitFor(
      async () =>
        expect(await call({ user: 'probe' })).toEqual(
          failed('soft', 'PostgreSQL error 53300: "sorry, too many clients already"'),
        ),
      LONG,
    );
  } finally {
    other.destroy();
  }
});

test('fails softly while it stops', async () => {
  await server[Symbol.asyncDispose]();
  server = await start();
  const other = await visitor(server);
  try {
    // It waits for whoever is in.
    process.kill(server.pid, 'SIGTERM');
    await vi.waitFor(
      async () =>
        expect(await call({ user: 'probe' })).toEqual(
          failed('soft', 'PostgreSQL error 57P03: "the database system is shutting down"'),
        ),
      LONG,
    );
  } finally {
    other.destroy();
  }
  await vi.waitFor(async () => expect(await call()).toEqual(failed('hard', 'connection refused')), LONG);
});

test('stands still, dies, is gone', async () => {
  server = await start();
  await expectFaults(server, { type: 'postgresql' });
});
