import { createSecureServer, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Server } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GrpcCheck, HttpCheck } from '../../../../src/model/check.js';
import {
  type Certificate,
  expectAbortToClose,
  failed,
  hasOpenssl,
  LONG,
  makeCertificate,
  nobody,
  run,
  says,
  serve,
  silent,
  started,
  useDirectory,
} from './fixture.js';

const directory = useDirectory();
let certificate: Certificate;
beforeAll(() => {
  if (hasOpenssl) certificate = makeCertificate(directory.path, 'DNS:real.example');
});

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

function serve2(onStream: OnStream) {
  const server = createServer().on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  server.on('sessionError', () => {});
  return started(server as unknown as Server);
}

const answering =
  (status: number, body = ''): OnStream =>
  (stream) => {
    stream.respond({ ':status': status });
    stream.end(body);
  };

describe('HTTP/2', () => {
  const http2 = (server: { address: string; port: number }, fields: Partial<HttpCheck> = {}) =>
    run(server, { type: 'http', version: '2', ...fields });
  const PASSED = { result: 'passed', reason: 'HTTP status 200', warning: undefined };

  test('asks by prior knowledge', async () => {
    const asked: IncomingHttpHeaders[] = [];
    const server = await serve2((stream, headers) => {
      asked.push(headers);
      answering(200)(stream, headers);
    });
    const fields = { path: '/up', host: 'www.example', headers: { 'X-Check': 'yes' } };
    expect(await http2(server, fields)).toEqual(PASSED);
    expect(asked[0]).toMatchObject({
      ':method': 'GET',
      ':path': '/up',
      ':authority': 'www.example',
      ':scheme': 'http',
      'x-check': 'yes',
    });
    await expect.poll(() => server.open.size, { timeout: LONG }).toBe(0);
  });

  test('looks at the status and the body', async () => {
    expect(await http2(await serve2(answering(503)))).toEqual(failed('soft', 'HTTP status 503, wanted 200-299'));
    const server = await serve2(answering(200, 'all is well'));
    expect(await http2(server, { body: { contains: 'well' } })).toEqual(PASSED);
    expect(await http2(server, { body: { contains: 'ill' } })).toMatchObject({ kind: 'soft' });
    expect(await http2(server, { body: { contains: 'x' }, maxBody: 5 })).toEqual(
      failed('soft', 'the answer is longer than 5 bytes'),
    );
    expect(await http2(await serve2(answering(204)), { body: { matches: '^$' } })).toMatchObject({ result: 'passed' });
  });

  test('follows redirects', async () => {
    const server = await serve2((stream, { ':path': path }) => {
      if (path === '/up') answering(200)(stream, {});
      else stream.respond({ ':status': 302, location: '/up' }, { endStream: true });
    });
    expect(await http2(server, { redirects: 1 })).toEqual(PASSED);
  });

  test.skipIf(!hasOpenssl)('asks by ALPN', async () => {
    const options = { key: certificate.key, cert: certificate.cert };
    const server = createSecureServer(options).on('stream', answering(200));
    const tls = { ca: certificate.certFile, serverName: 'real.example' };
    const served = await started(server as unknown as Server);
    expect(await http2(served, { tls })).toEqual(PASSED);
    expect(await http2(served, { tls: { verify: false } })).toEqual(PASSED);
    const { createServer: createTlsServer } = await import('node:tls');
    for (const protocols of [[], ['http/1.1']]) {
      const old = createTlsServer({ ...options, ALPNProtocols: protocols }, (socket) => socket.on('error', () => {}));
      const served = await started(old.on('tlsClientError', () => {}));
      expect(await http2(served, { tls })).toEqual(failed('soft', 'the server does not speak h2'));
      await expect.poll(() => served.open.size, { timeout: LONG }).toBe(0);
    }
  });

  test('fails softly by what is no HTTP/2', async () => {
    expect(await http2(await says('HTTP/1.1 400 Bad Request\r\n\r\n'))).toEqual(failed('soft', /^HTTP\/2: /));
  });

  test('fails softly by an answer that is cut off', async () => {
    const server = await serve2((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('all is', () => stream.close(2));
    });
    expect(await http2(server, { body: { contains: 'x' } })).toMatchObject({ kind: 'soft' });
    const gone = await serve2((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('all is', () => stream.session?.destroy());
    });
    expect(await http2(gone, { body: { contains: 'x' } })).toMatchObject({ result: 'failed' });
  });

  test('fails hard without an answer, and leaves nothing', async () => {
    expect(await http2(await nobody())).toEqual(failed('hard', 'connection refused'));
    expect(await http2(await silent(), { timeout: 50 })).toEqual(failed('hard', 'no answer within 50 ms'));
    const closing = await serve((socket) => socket.once('data', () => socket.end()));
    expect(await http2(closing)).toMatchObject({ kind: 'hard' });
    const resetting = await serve((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(await http2(resetting)).toMatchObject({ kind: 'hard' });
    await expectAbortToClose(await silent(), { type: 'http', version: '2' });
  });
});

describe('grpc', () => {
  const grpc = (server: { address: string; port: number }, fields: Partial<GrpcCheck> = {}) =>
    run(server, { type: 'grpc', ...fields });

  /** A health service that says some bytes, and ends with a code. */
  function health(message: string, code = '0') {
    const asked: string[] = [];
    return serve2((stream, { ':path': path }) => {
      stream.on('data', (data: Buffer) => asked.push(data.toString('hex')));
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': code }));
      stream.end(Buffer.from(message, 'hex'));
      expect(path).toBe('/grpc.health.v1.Health/Check');
    }).then((server) => ({ ...server, asked }));
  }

  test('passes with SERVING', async () => {
    const server = await health('00 00000002 0801'.replaceAll(' ', ''));
    const passed = { result: 'passed', reason: 'gRPC health SERVING', warning: undefined };
    expect(await grpc(server)).toEqual(passed);
    expect(await grpc(server, { service: 'shop.Cart' })).toEqual(passed);
    await grpc(server, { service: 'x'.repeat(200) });
    expect(server.asked[0]).toBe('0000000000');
    expect(server.asked[1]).toBe(`000000000b0a09${Buffer.from('shop.Cart').toString('hex')}`);
    expect(server.asked[2]).toBe(`00000000cb0ac801${'78'.repeat(200)}`);
  });

  test.each([
    ['00000000020802', '0', 'gRPC health NOT_SERVING, wanted SERVING'],
    ['0000000000', '0', 'gRPC health UNKNOWN, wanted SERVING'],
    ['00000000020809', '0', 'gRPC health 9, wanted SERVING'],
    ['', '5', 'gRPC status 5 NOT_FOUND (it does not know this service)'],
    ['', '12', 'gRPC status 12 UNIMPLEMENTED (it has no health service)'],
    ['', '13', 'gRPC status 13'],
    ['', '0', /^not an answer of a gRPC health service/],
    ['01000000020801', '0', /^not an answer of a gRPC health service/],
    ['00000000030801', '0', /^not an answer of a gRPC health service/],
    ['0000000002ffff', '0', /^not an answer of a gRPC health service/],
  ])('fails softly with %j and %s', async (message, code, reason) => {
    expect(await grpc(await health(message, code))).toEqual(failed('soft', reason));
  });

  test('fails softly by a server of something else', async () => {
    expect(await grpc(await serve2(answering(404)))).toEqual(failed('soft', 'HTTP status 404, wanted 200'));
    expect(await grpc(await serve2(answering(200)))).toEqual(failed('soft', 'gRPC status none'));
    const short = await serve2((stream) =>
      stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true }),
    );
    expect(await grpc(short)).toEqual(failed('soft', 'gRPC status 12 UNIMPLEMENTED (it has no health service)'));
    expect(await grpc(await says('HTTP/1.1 400 Bad Request\r\n\r\n'))).toMatchObject({ kind: 'soft' });
  });

  test('fails hard without an answer, and leaves nothing', async () => {
    expect(await grpc(await nobody())).toEqual(failed('hard', 'connection refused'));
    expect(await grpc(await silent(), { timeout: 50 })).toEqual(failed('hard', 'no answer within 50 ms'));
    await expectAbortToClose(await silent(), { type: 'grpc' });
  });
});
