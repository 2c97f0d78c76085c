/** Debian's Redis: the preset, steps of one's own, TLS. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failed, makeCertificate, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const check = { type: 'script', preset: 'redis' } as const;
const PASSED = { result: 'passed', reason: 'answered as it should', warning: undefined };

async function start(options: readonly string[] = [], ready: object = check): Promise<Server> {
  const port = await freePort();
  return Server.start({
    package: 'redis-server',
    command: ['/usr/bin/redis-server', '--port', String(port), '--bind', HOST, '--save', '', ...options],
    directory: directory.path,
    port,
    ready: { type: 'script', ...ready },
  });
}

let server: Server;
beforeAll(async () => {
  server = await start(['--enable-debug-command', 'local']);
});
afterAll(() => server?.[Symbol.asyncDispose]());

const script = (...lines: string[]) => ({
  type: 'script' as const,
  steps: lines.map((line, index) => (index % 2 === 0 ? { send: `${line}\r\n` } : { expect: line })),
});

test('passes with its answers', async () => {
  expect(await run(server, check)).toEqual(PASSED);
  expect(await run(server, script('SET key value', '+OK', 'GET key', 'value'))).toEqual(PASSED);
  expect(await run(server, { type: 'script', steps: [{ send: 'PING\r\n' }, { matches: '^\\+PONG\\r\\n$' }] })).toEqual(
    PASSED,
  );
});

test('fails softly by another answer, the server’s words in the reason', async () => {
  expect(await run(server, { ...script('NONSENSE', '+OK'), timeout: 300 })).toEqual(
    failed('soft', /^answer "-ERR unknown command 'NONSENSE'.*wanted "\+OK", within 300 ms$/),
  );
  const line = { type: 'script', steps: [{ send: 'GET none\r\n' }, { line: '+' }] } as const;
  expect(await run(server, line)).toEqual(failed('soft', 'answer "$-1", wanted "+"'));
});

test('fails softly by a huge answer', async () => {
  expect(await run(server, script('SETRANGE huge 10000000 x', '10000001'))).toEqual(PASSED);
  expect(await run(server, script('GET huge', 'never'))).toEqual(
    failed('soft', 'more than 65536 bytes without "never"'),
  );
  const line = { type: 'script', steps: [{ send: 'GET huge\r\n' }, { line: '$10000001' }, { line: 'x' }] } as const;
  expect(await run(server, line)).toEqual(failed('soft', /^a line of more than 8192 bytes: "/));
});

test('fails hard while the server is busy', async () => {
  const busy = { type: 'script', steps: [{ send: 'DEBUG SLEEP 1\r\n' }, { line: '+OK' }] } as const;
  expect(await run(server, { ...busy, timeout: 300 })).toEqual(failed('hard', 'no answer within 300 ms'));
  expect(await run(server, { ...check, timeout: 100 })).toEqual(failed('hard', 'no answer within 100 ms'));
  expect(await run(server, check)).toEqual(PASSED);
});

test('fails softly where a password is wanted, and passes with it', async () => {
  const ready = { steps: [{ send: 'AUTH word\r\n' }, { line: '+OK' }] };
  await using locked = await start(['--requirepass', 'word'], ready);
  expect(await run(locked, check)).toEqual(failed('soft', 'answer "-NOAUTH Authentication required.", wanted "+PONG"'));
  expect(await run(locked, script('AUTH word', '+OK', 'PING', '+PONG'))).toEqual(PASSED);
});

test('passes for no other protocol', () => expectStrangersToFail(server.port, ['redis']));

test('fails softly where there is room for no more', async () => {
  await using full = await start(['--maxclients', '1']);
  const other = connect(full.port, HOST).on('error', () => {});
  try {
    other.write('PING\r\n');
    await new Promise((resolve) => other.once('data', resolve));
    expect(await run(full, check)).toEqual(
      failed('soft', 'answer "-ERR max number of clients reached", wanted "+PONG"'),
    );
  } finally {
    other.destroy();
  }
});

test('speaks TLS, and knows its name', async () => {
  const { certFile, keyFile } = makeCertificate(directory.path, 'DNS:redis.example');
  const port = await freePort();
  const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-auth-clients', 'no'];
  await using secured = await start(['--tls-port', String(port), ...files]);
  const target = { address: HOST, port };
  expect(await run(target, { ...check, tls: { ca: certFile, serverName: 'redis.example' } })).toEqual(PASSED);
  expect(await run(target, { ...check, tls: { ca: certFile, serverName: 'other.example' } })).toEqual(
    failed('soft', 'certificate is for redis.example, not other.example'),
  );
  expect(await run(target, { ...check, timeout: 300 })).toMatchObject({ result: 'failed' });
  expect(await run(secured, { ...check, tls: { verify: false }, timeout: 300 })).toMatchObject({ kind: 'hard' });
  await expectFaults(secured, { ...check, tls: { verify: false } }, port);
});

test('stands still, dies, is gone', () => expectFaults(server, check));
