/** Debian's etcd, whose gRPC has the health service of Google's library for Go. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificate, failed, makeCertificate, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const check = { type: 'grpc' } as const;
const PASSED = { result: 'passed', reason: 'gRPC health SERVING', warning: undefined };
let certificate: Certificate;

async function start(options: readonly string[] = [], scheme = 'http', ready: object = {}): Promise<Server> {
  const [port, peers] = [await freePort(), await freePort()];
  const [client, peer] = [`${scheme}://${HOST}:${port}`, `http://${HOST}:${peers}`];
  return Server.start({
    package: 'etcd-server',
    command: [
      ...(['/usr/bin/etcd', '--data-dir', join(directory.path, `data-${port}`), '--unsafe-no-fsync'] as const),
      ...['--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer],
      ...['--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`, ...options],
    ],
    directory: directory.path,
    port,
    ready: { ...check, ...ready },
  });
}

let server: Server;
beforeAll(async () => {
  certificate = makeCertificate(directory.path, 'DNS:etcd.example');
  server = await start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

test('passes', async () => {
  expect(await run(server, check)).toEqual(PASSED);
  expect(await run(server, { ...check, host: 'etcd.example' })).toEqual(PASSED);
});

test('fails softly where it does not know the service', async () => {
  expect(await run(server, { ...check, service: 'shop.Cart' })).toEqual(
    failed('soft', 'gRPC status 5 NOT_FOUND (it does not know this service)'),
  );
});

test('answers by HTTP as well', async () => {
  const http = { type: 'http', path: '/health', body: { contains: '"health":"true"' } } as const;
  expect(await run(server, http)).toMatchObject({ result: 'passed' });
  expect(await run(server, { ...http, path: '/version' })).toMatchObject({ kind: 'soft' });
});

test('speaks TLS, and knows its name', async () => {
  const { certFile, keyFile } = certificate;
  const tls = { ca: certFile, serverName: 'etcd.example' };
  await using secured = await start(['--cert-file', certFile, '--key-file', keyFile], 'https', { tls });
  expect(await run(secured, { ...check, tls })).toEqual(PASSED);
  expect(await run(secured, { ...check, tls: { ca: certFile }, host: 'etcd.example:443' })).toEqual(PASSED);
  expect(await run(secured, { ...check, tls: { ca: certFile } })).toEqual(
    failed('soft', 'certificate is for etcd.example, not 127.0.0.1'),
  );
  expect(await run(secured, check)).toMatchObject({ result: 'failed' });
  expect(await run(server, { ...check, tls })).toMatchObject({ result: 'failed' });
  await expectFaults(secured, { ...check, tls });
});

test('passes for no other protocol', () => expectStrangersToFail(server.port, ['http', 'http2', 'grpc']));

test('stands still, dies, is gone', () => expectFaults(server, check));
