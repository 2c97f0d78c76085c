/** Debian's nginx: HTTP/1.1 and 2, TLS. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCheck } from '../../src/health/run-check.js';
import { type HttpCheck, parseCheck } from '../../src/model/check.js';
import { type Certificate, failed, LONG, makeCertificate, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const PAGE = 'all is well\n';
/** Bytes. */
const HUGE = 50_000_000;

let server: Server;
let certificate: Certificate;
let client: Certificate;
const ports = { plain: 0, tls: 0, tls2: 0, plain2: 0, named: 0 };

function configuration(): string {
  const { path } = directory;
  const headers = Array.from({ length: 12 }, (_, index) => `add_header X-${index} ${'x'.repeat(3500)};`).join(' ');
  return `
daemon off; worker_processes 1; pid ${path}/pid; error_log stderr;
events { worker_connections 100; }
http {
  access_log off; root ${path}/www; default_type text/plain; http2_max_field_size 16k;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${path}/${name};`).join(' ')}
  ssl_certificate ${certificate.certFile}; ssl_certificate_key ${certificate.keyFile};
  server {
    listen ${HOST}:${ports.plain} default_server;
    listen ${HOST}:${ports.tls} ssl;
    listen ${HOST}:${ports.tls2} ssl http2;
    listen ${HOST}:${ports.plain2} http2;
    keepalive_timeout 1s; port_in_redirect on;
    location /moved { return 302 /page; }
    location /elsewhere { return 302 http://other.example/; }
    location /circle { return 302 /circle; }
    location /busy { return 503; }
    location /headers { ${headers} return 200; }
    location /hangup { return 444; }
    location /slow { limit_rate 2k; alias ${path}/www/long; }
    location /secret { auth_basic secret; auth_basic_user_file ${path}/users; alias ${path}/www/page; }
  }
  server { listen ${HOST}:${ports.plain}; server_name www.example; return 200 www; }
  server {
    listen ${HOST}:${ports.named} ssl; ssl_client_certificate ${client.certFile}; ssl_verify_client on; return 200 known;
  }
}`;
}

beforeAll(async () => {
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  certificate = makeCertificate(directory.path, 'DNS:www.example');
  client = makeCertificate(directory.path, 'DNS:client.example');
  mkdirSync(join(directory.path, 'www'));
  writeFileSync(join(directory.path, 'www/page'), PAGE);
  writeFileSync(join(directory.path, 'www/long'), PAGE.repeat(10_000));
  writeFileSync(join(directory.path, 'www/huge'), Buffer.alloc(HUGE, 'x'));
  writeFileSync(join(directory.path, 'users'), 'probe:{PLAIN}word\n');
  writeFileSync(join(directory.path, 'nginx.conf'), configuration());
  server = await start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

function start(): Promise<Server> {
  return Server.start({
    package: 'nginx-light',
    command: ['/usr/sbin/nginx', '-p', directory.path, '-e', 'stderr', '-c', 'nginx.conf'],
    directory: directory.path,
    port: ports.plain,
    ready: { type: 'http', path: '/page' },
  });
}

/** The ways to the same site. */
const WAYS: readonly [string, keyof typeof ports, Partial<HttpCheck>][] = [
  ['HTTP/1.1', 'plain', {}],
  ['HTTP/1.1 kept', 'plain', { connection: 'kept' }],
  ['HTTPS', 'tls', { tls: { verify: false } }],
  ['HTTPS kept', 'tls', { tls: { verify: false }, connection: 'kept' }],
  ['HTTP/2', 'plain2', { version: '2' }],
  ['HTTP/2 with TLS', 'tls2', { version: '2', tls: { verify: false } }],
];
const PASSED = { result: 'passed', reason: 'HTTP status 200', warning: undefined };

describe.each(WAYS)('%s', (_, way, fields) => {
  const http = (more: Partial<HttpCheck> = {}) =>
    run({ address: HOST, port: ports[way] }, { type: 'http', path: '/page', ...fields, ...more });

  test('passes with a status, a text, a sum', async () => {
    expect(await http()).toEqual(PASSED);
    expect(await http({ method: 'HEAD' })).toEqual(PASSED);
    const sha256 = createHash('sha256').update(PAGE).digest('hex');
    expect(await http({ body: { contains: 'well', matches: '^all', sha256 } })).toEqual(PASSED);
    expect(await http({ path: '/secret', status: [401] })).toMatchObject({ result: 'passed' });
    expect(await http({ path: '/moved', redirects: 1 })).toEqual(PASSED);
  });

  test.each<[string, Partial<HttpCheck>, string]>([
    ['another status', { path: '/busy' }, 'HTTP status 503, wanted 200-299'],
    ['a page that is not there', { path: '/none' }, 'HTTP status 404, wanted 200-299'],
    ['another text', { body: { contains: 'ill' } }, 'HTTP status 200, but the body has no "ill"'],
    ['a circle', { path: '/circle', redirects: 3 }, 'more than 3 redirects'],
    [
      'a way elsewhere',
      { path: '/elsewhere', redirects: 3 },
      'redirect to "http://other.example/", which is another server',
    ],
    ['a huge page', { path: '/huge', body: { contains: 'y' } }, 'the answer is longer than 262144 bytes'],
  ])('fails softly with %s', async (__, more, reason) => {
    expect(await http(more)).toEqual(failed('soft', reason));
  });

  test('does not read what it does not look at', async () => {
    expect(await http({ path: '/huge' })).toEqual(PASSED);
  });

  test('fails where the server hangs up', async () => {
    // By HTTP/2 it takes leave.
    const how =
      fields.version === '2'
        ? failed('soft', 'HTTP/2: Stream closed with error code NGHTTP2_PROTOCOL_ERROR')
        : failed('hard', 'connection closed by the server before its answer');
    expect(await http({ path: '/hangup' })).toEqual(how);
  });

  test('fails hard where a page does not end', async () => {
    expect(await http({ path: '/slow', body: { contains: 'well' }, timeout: 300 })).toEqual(
      failed('hard', 'no end of the answer within 300 ms'),
    );
  });
});

test('gives each name its own site', async () => {
  const check = { type: 'http', host: 'www.example', body: { matches: '^www$' } } as const;
  expect(await run(server, check)).toEqual(PASSED);
  expect(await run(server, { ...check, host: 'other.example' })).toMatchObject({ kind: 'soft' });
});

test('headers without measure fail softly', async () => {
  expect(await run(server, { type: 'http', path: '/headers' })).toEqual(
    failed('soft', 'headers of more than 32768 bytes'),
  );
});

describe('TLS', () => {
  const https = (port: number, tls: HttpCheck['tls'], fields: Partial<HttpCheck> = {}) =>
    run({ address: HOST, port }, { type: 'http', path: '/page', tls, ...fields });

  test.each(['1.1', '2'] as const)('knows the certificate, and its name (HTTP/%s)', async (version) => {
    const ca = certificate.certFile;
    expect(await https(ports.tls2, { ca, serverName: 'www.example' }, { version })).toEqual(PASSED);
    expect(await https(ports.tls2, { ca }, { version, host: 'www.example' })).toEqual(PASSED);
    expect(await https(ports.tls2, { ca }, { version })).toEqual(
      failed('soft', 'certificate is for www.example, not 127.0.0.1'),
    );
    expect(await https(ports.tls2, true, { version })).toEqual(
      failed('soft', 'certificate is signed by itself, and is not among the trusted ones'),
    );
  });

  test('shows its own certificate', async () => {
    const own = { verify: false, cert: client.certFile, key: client.keyFile };
    expect(await https(ports.named, own)).toEqual(PASSED);
    expect(await https(ports.named, { verify: false })).toEqual(failed('soft', 'HTTP status 400, wanted 200-299'));
    const stranger = { verify: false, cert: certificate.certFile, key: certificate.keyFile };
    expect(await https(ports.named, stranger)).toEqual(failed('soft', 'HTTP status 400, wanted 200-299'));
  });

  test('is told from what is none', async () => {
    expect(await https(ports.plain, { verify: false })).toEqual(failed('soft', /^no TLS handshake: /));
    expect(await https(ports.tls, undefined)).toEqual(failed('soft', 'HTTP status 400, wanted 200-299'));
    expect(await https(ports.tls, { verify: false }, { version: '2' })).toEqual(
      failed('soft', 'the server does not speak h2'),
    );
    expect(await https(ports.plain, undefined, { version: '2' })).toMatchObject({ kind: 'soft' });
    expect(await https(ports.plain2, undefined)).toMatchObject({ kind: 'soft' });
  });
});

describe('a kept connection', () => {
  const kept = parseCheck({ type: 'http', path: '/page', connection: 'kept', interval: 60_000, timeout: LONG });
  const once = () => runCheck({ address: HOST, port: server.port }, kept, new AbortController().signal);

  test('that the server has ended is opened anew', async () => {
    expect(await once()).toEqual(PASSED);
    // keepalive_timeout
    await sleep(1200);
    expect(await once()).toEqual(PASSED);
  });

  test('fails no run while the server reads its configuration anew', async () => {
    const reloading = setInterval(() => server.signal('SIGHUP'), 50);
    try {
      for (let index = 0; index < 300; index++) expect(await once()).toEqual(PASSED);
    } finally {
      clearInterval(reloading);
    }
  });
});

test('passes for no other protocol', async () => {
  await expectStrangersToFail(ports.plain, ['http']);
  await expectStrangersToFail(ports.plain2, ['http2']);
  await expectStrangersToFail(ports.tls, ['http', 'https']);
});

describe('that stands still, dies, is gone', () => {
  test('takes calls while it stands still: the kernel does', async () => {
    server.signal('SIGSTOP');
    expect(await run(server, { type: 'tcp' })).toEqual({ result: 'passed', reason: 'connected' });
    server.signal('SIGCONT');
    await expectFaults(server, { type: 'http', path: '/page' });
    expect(await run(server, { type: 'tcp' })).toEqual(failed('hard', 'connection refused'));
  });

  test.each(WAYS)('%s', async (_, way, fields) => {
    await using again = await start();
    await expectFaults(again, { type: 'http', path: '/page', ...fields }, ports[way]);
  });
});
