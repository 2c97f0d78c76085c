import type { Socket } from 'node:net';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { TlsOptions } from '../../../../src/model/check.js';
import {
  type Certificate,
  expectAbortToClose,
  failed,
  fileIn,
  hasOpenssl,
  LONG,
  makeCertificate,
  run,
  says,
  serve,
  serveTls,
  silent,
  useDirectory,
} from './fixture.js';

const directory = useDirectory();
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

function https(server: { address: string; port: number }, tls: true | TlsOptions = true, fields: object = {}) {
  return run(server, { type: 'http', tls, body: { contains: 'hi' }, ...fields });
}

describe.skipIf(!hasOpenssl)('HTTPS', () => {
  let real: Certificate;
  beforeAll(() => {
    real = makeCertificate(directory.path, 'DNS:real.example,IP:127.0.0.1');
  });
  const answer = (socket: Socket) => socket.once('data', () => socket.end(OK));

  test('passes with a certificate that is trusted, by name or by address', async () => {
    const names: unknown[] = [];
    const server = await serveTls(real, (socket) => {
      names.push((socket as Socket & { servername: unknown }).servername);
      answer(socket);
    });
    const passed = { result: 'passed', reason: 'HTTP status 200', warning: undefined };
    expect(await https(server, { ca: real.certFile, serverName: 'real.example' })).toEqual(passed);
    expect(await https(server, { ca: real.certFile })).toEqual(passed);
    expect(await https(server, { ca: real.certFile }, { host: 'real.example:443' })).toEqual(passed);
    expect(names).toEqual(['real.example', false, 'real.example']);
  });

  test('fails softly with a certificate for another name', async () => {
    const other = makeCertificate(directory.path, 'DNS:other.example,DNS:www.other.example', 98);
    const server = await serveTls(other, answer);
    expect(await https(server, { ca: other.certFile, serverName: 'real.example' })).toEqual(
      failed('soft', 'certificate is for other.example, www.other.example, not real.example'),
    );
    expect(await https(server, { ca: other.certFile })).toEqual(
      failed('soft', 'certificate is for other.example, www.other.example, not 127.0.0.1'),
    );
  });

  test('fails softly with a certificate that is signed by nobody known', async () => {
    const server = await serveTls(real, answer);
    expect(await https(server)).toEqual(
      failed('soft', 'certificate is signed by itself, and is not among the trusted ones'),
    );
    expect(await https(server, { verify: false })).toMatchObject({ result: 'passed' });
  });

  test('warns of a certificate that ends soon', async () => {
    const server = await serveTls(makeCertificate(directory.path, 'DNS:real.example', 3), answer);
    const warned = { result: 'passed', warning: 'the certificate ends in 2 days' };
    expect(await https(server, { verify: false })).toMatchObject(warned);
    expect(await https(server, { verify: false, expiryWarning: 0 })).toMatchObject({ warning: undefined });
  });

  test('fails softly with a certificate that has ended', async () => {
    const ended = makeCertificate(directory.path, 'DNS:real.example', 2);
    const server = await serveTls(ended, answer);
    const now = Date.now();
    const ca = ended.certFile;
    expect(await https(server, { ca, serverName: 'real.example' })).toMatchObject({ result: 'passed' });
    vi.useFakeTimers({ now: now + 5 * 86_400_000, toFake: ['Date'] });
    try {
      const warning = expect.stringMatching(/^the certificate ended on 20\d\d-\d\d-\d\d$/);
      expect(await https(server, { verify: false })).toMatchObject({ result: 'passed', warning });
    } finally {
      vi.useRealTimers();
    }
  });

  test('shows its own certificate to a server that asks for one', async () => {
    const own = makeCertificate(directory.path, 'DNS:client.example');
    const seen: unknown[] = [];
    const options = { ...real, requestCert: true, ca: own.cert, rejectUnauthorized: true };
    const server = await serveTls(options, (socket) => {
      seen.push((socket as Socket & { authorized: unknown }).authorized);
      answer(socket);
    });
    const tls = { ca: real.certFile, cert: own.certFile, key: own.keyFile };
    expect(await https(server, tls)).toMatchObject({ result: 'passed' });
    expect(seen).toEqual([true]);
    // TLS 1.3 ends the handshake before the server looks, so that the refusal is the answer.
    expect(await https(server, { ca: real.certFile })).toEqual(failed('soft', /^TLS: /));
  });

  test('takes a file that has changed', async () => {
    const server = await serveTls(real, answer);
    const ca = fileIn(directory.path, 'ca.pem', makeCertificate(directory.path, 'DNS:x').cert);
    expect(await https(server, { ca })).toMatchObject({ result: 'failed' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    fileIn(directory.path, 'ca.pem', real.cert);
    expect(await https(server, { ca })).toMatchObject({ result: 'passed' });
  });

  test('is not measured without its files', async () => {
    const server = await serveTls(real, answer);
    const missing = { result: 'not measured', reason: expect.stringContaining('ENOENT') };
    expect(await https(server, { ca: '/nowhere/ca.pem' })).toEqual(missing);
    const cert = fileIn(directory.path, 'empty.pem', '');
    expect(await https(server, { cert, key: cert })).toMatchObject({ result: 'not measured' });
  });
});

test('fails softly where there is no TLS', async () => {
  expect(await https(await says('HTTP/1.0 400 Bad Request\r\n\r\n'))).toEqual(failed('soft', /^no TLS handshake: /));
});

test('fails hard where the handshake is not answered', async () => {
  const server = await silent();
  expect(await https(server, true, { timeout: 100 })).toEqual(
    failed('hard', 'no end of the TLS handshake within 100 ms'),
  );
  await expect.poll(() => server.open.size, { timeout: LONG }).toBe(0);
});

test.each([
  ['ended', (socket: Socket) => socket.end()],
  ['reset', (socket: Socket) => socket.resetAndDestroy()],
])('fails hard where the handshake is %s', async (_, end) => {
  const server = await serve((socket) => socket.once('data', () => end(socket)));
  expect(await https(server)).toEqual(failed('hard', 'connection closed by the server during the TLS handshake'));
});

test('leaves nothing behind when it is ended in the handshake', async () => {
  await expectAbortToClose(await silent(), { type: 'http', tls: true });
});
