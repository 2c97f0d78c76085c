import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import type { CheckOutcome } from '../../../../src/health/check-outcome.js';
import { runCheck } from '../../../../src/health/run-check.js';
import { type HttpCheck, parseCheck } from '../../../../src/model/check.js';
import { expectAbortToClose, failed, LONG, nobody, run, type Served, says, serve, silent } from './fixture.js';

type Fields = Partial<HttpCheck>;

function http(server: { address: string; port: number }, fields: Fields = {}) {
  return run(server, { type: 'http', ...fields });
}

/** A server that answers each request by its path. */
async function site(answers: Readonly<Record<string, string>>): Promise<{ server: Served; requests: string[] }> {
  const requests: string[] = [];
  const server = await serve((socket) => {
    socket.once('data', (data) => {
      requests.push(data.toString());
      socket.end(answers[data.toString().split(' ')[1] ?? ''] ?? 'HTTP/1.1 404 Not Found\r\n\r\n');
    });
  });
  return { server, requests };
}

/** Everything comes byte by byte. */
function slowly(text: string): Promise<Served> {
  return serve((socket: Socket) => {
    socket.setNoDelay(true);
    const bytes = [...Buffer.from(text)];
    const next = () => {
      const byte = bytes.shift();
      if (byte === undefined) socket.end();
      else socket.write(Uint8Array.of(byte), () => setImmediate(next));
    };
    next();
  });
}

const OK = 'HTTP/1.1 200 OK\r\n';
const PASSED = { result: 'passed', reason: 'HTTP status 200', warning: undefined };

describe('the request', () => {
  test('is what other clients send', async () => {
    const { server, requests } = await site({ '/': `${OK}\r\n` });
    expect(await http(server)).toEqual(PASSED);
    expect(requests).toEqual([
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUser-Agent: ipvs-ts\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
    ]);
  });

  test('has the method, the path, the host and the headers it is told', async () => {
    const { server, requests } = await site({ '/up?a=b': `${OK}\r\n` });
    const headers = { 'user-agent': 'probe/1', 'X-Check': 'yes' };
    expect(await http(server, { method: 'HEAD', path: '/up?a=b', host: 'www.example', headers })).toEqual(PASSED);
    expect(requests[0]?.split('\r\n')).toEqual([
      'HEAD /up?a=b HTTP/1.1',
      'Host: www.example',
      'Accept: */*',
      'Connection: close',
      'user-agent: probe/1',
      'X-Check: yes',
      '',
      '',
    ]);
  });
});

describe('the status', () => {
  test.each<[string, Fields, string]>([
    ['503 Service Unavailable', {}, 'HTTP status 503, wanted 200-299'],
    ['301 Moved', {}, 'HTTP status 301, wanted 200-299'],
    ['200 OK', { status: [204, '300-399'] }, 'HTTP status 200, wanted 204, 300-399'],
  ])('%s fails (%o)', async (line, fields, reason) => {
    expect(await http(await says(`HTTP/1.1 ${line}\r\n\r\n`), fields)).toEqual(failed('soft', reason));
  });

  test.each<[string, Fields]>([
    ['204 No Content', {}],
    ['204', {}],
    ['401 Unauthorized', { status: [401] }],
    ['302 Found', { status: ['300-399'] }],
  ])('%s passes (%o)', async (line, fields) => {
    expect(await http(await says(`HTTP/1.0 ${line}\r\n\r\n`), fields)).toMatchObject({ result: 'passed' });
  });

  test('comes after interim answers', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n';
    expect(await http(await says(`${early}${OK}\r\n`))).toEqual(PASSED);
  });

  test('is known before the body', async () => {
    const server = await serve((socket) => socket.write(`${OK}Content-Length: 1000000000\r\n\r\n`));
    expect(await http(server)).toEqual(PASSED);
  });
});

describe('the body', () => {
  const body = { contains: 'all is well' };

  test.each([
    ['of a length', `${OK}Content-Length: 11\r\n\r\nall is wellXXX`],
    ['in chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nall \r\n7\r\nis well\r\n0\r\n\r\n`],
    ['until the end', `${OK}\r\n\r\nall is well`],
    ['with bare line ends', 'HTTP/1.1 200 OK\n\nall is well'],
  ])('is read %s', async (_, answer) => {
    expect(await http(await says(answer), { body })).toEqual(PASSED);
    expect(await http(await slowly(answer), { body })).toEqual(PASSED);
  });

  test.each<[string, Fields['body'], string]>([
    ['without a text', { contains: 'sunshine' }, 'HTTP status 200, but the body has no "sunshine"'],
    ['that does not match', { matches: '^rain$' }, 'HTTP status 200, but the body does not match "^rain$"'],
    ['of another MD5', { md5: '0'.repeat(32) }, `HTTP status 200, but the MD5 of the body is ${sum('snow', 'md5')}`],
    ['of another sum', { sha256: '0'.repeat(64) }, `HTTP status 200, but the SHA-256 of the body is ${sum('snow')}`],
  ])('%s fails', async (_, wanted, reason) => {
    expect(await http(await says(`${OK}\r\nsnow`), { body: wanted })).toEqual(failed('soft', reason));
  });

  test('passes with all that is wanted', async () => {
    const wanted = { contains: 'now', matches: '^s.*w$', md5: sum('snow', 'md5'), sha256: sum('snow').toUpperCase() };
    expect(await http(await says(`${OK}\r\nsnow`), { body: wanted })).toEqual(PASSED);
  });

  test.each([
    ['in one piece', `${OK}Content-Length: 2000000\r\n\r\n`],
    ['in chunks', `${OK}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n`],
  ])('that is said to be huge fails at once, %s', async (_, head) => {
    const server = await serve((socket) => socket.write(head));
    expect(await http(server, { body })).toEqual(failed('soft', 'the answer is longer than 262144 bytes'));
  });

  test('without an end is not kept', async () => {
    let sent = 0;
    const server = await serve((socket) => {
      socket.write(`${OK}\r\n`);
      const block = Buffer.alloc(65_536);
      const more = () => {
        sent += block.length;
        if (!socket.destroyed) socket.write(block, more);
      };
      more();
    });
    expect(await http(server, { body, maxBody: 1000 })).toEqual(failed('soft', 'the answer is longer than 1000 bytes'));
    expect(sent).toBeLessThan(20_000_000);
  });

  test.each([
    ['a length', `${OK}Content-Length: 20\r\n\r\nall is well`],
    ['a chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n40\r\nall is well`],
    ['the last chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nall \r\n`],
  ])('that is shorter than %s fails', async (_, answer) => {
    expect(await http(await says(answer), { body })).toEqual(
      failed('soft', 'connection closed by the server in the middle of its answer'),
    );
  });

  function sum(text: string, name = 'sha256'): string {
    return createHash(name).update(text).digest('hex');
  }
});

describe('an answer that makes no sense fails softly', () => {
  test.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'not HTTP: "SSH-2.0-OpenSSH_9.2"'],
    ['bytes', '\x15\x03\x01\x00\x02\x02\x16', /^not HTTP: "/],
    ['HTTP of the future', 'HTTP/9.9 200 OK\r\n\r\n', 'not HTTP/1.1: "HTTP/9.9 200 OK"'],
    ['a status of words', 'HTTP/1.1 fine\r\n\r\n', 'not HTTP/1.1: "HTTP/1.1 fine"'],
    ['a header without a colon', `${OK}nonsense\r\n\r\n`, 'not a header: "nonsense"'],
    ['half a head', 'HTTP/1.1 200 OK\r\nServer: x', /in the middle of its answer: "Server: x"$/],
    ['a start', 'HTT', /in the middle of its answer: "HTT"$/],
    ['a long line', `${OK}X: ${'x'.repeat(40_000)}\r\n\r\n`, /^a line of more than 32768 bytes: "X: x+/],
    ['many headers', `${OK}${`X: ${'x'.repeat(1000)}\r\n`.repeat(40)}\r\n`, 'headers of more than 32768 bytes'],
    ['a length of words', `${OK}Content-Length: many\r\n\r\n`, 'not a Content-Length: "many"'],
    ['a chunk of words', `${OK}Transfer-Encoding: chunked\r\n\r\nmany\r\n`, 'not the length of a chunk: "many"'],
    [
      'a chunk that is too long',
      `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n`,
      'a chunk is longer than its length says: "cd"',
    ],
    ['a coding', `${OK}Transfer-Encoding: gzip\r\n\r\n`, 'the answer is in a coding that was not asked for: "gzip"'],
  ])('%s', async (_, answer, reason) => {
    expect(await http(await says(answer), { body: { contains: 'x' } })).toEqual(failed('soft', reason));
  });
});

describe('no answer fails hard', () => {
  test('where nobody listens', async () => {
    expect(await http(await nobody())).toEqual(failed('hard', 'connection refused'));
  });

  test('from a server that is silent', async () => {
    expect(await http(await silent(), { timeout: 50 })).toEqual(failed('hard', 'no answer within 50 ms'));
  });

  test('from a server that stops in the body', async () => {
    const server = await serve((socket) => socket.write(`${OK}Content-Length: 9\r\n\r\nall`));
    const outcome = await http(server, { timeout: 50, body: { contains: 'x' } });
    expect(outcome).toEqual(failed('hard', 'no end of the answer within 50 ms'));
  });

  test('from a server that closes', async () => {
    const server = await serve((socket) => socket.once('data', () => socket.end()));
    expect(await http(server)).toEqual(failed('hard', 'connection closed by the server before its answer'));
  });

  test('from a server that resets', async () => {
    const server = await serve((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(await http(server)).toEqual(failed('hard', 'connection reset by the server'));
  });

  test('and nothing is left when it is ended', async () => {
    await expectAbortToClose(await silent(), { type: 'http' });
  });

  test('and nothing is left when its time is over', async () => {
    const server = await silent();
    await http(server, { timeout: 50 });
    await expect.poll(() => server.open.size, { timeout: LONG }).toBe(0);
  });
});

describe('redirects', () => {
  const to = (location: string) => `HTTP/1.1 302 Found\r\nLocation: ${location}\r\n\r\n`;

  test('are followed on the same server', async () => {
    const { server, requests } = await site({ '/': to('/a'), '/a': to('b?c'), '/b?c': `${OK}\r\n` });
    expect(await http(server, { redirects: 2 })).toEqual(PASSED);
    expect(requests.map((request) => request.split(' ')[1])).toEqual(['/', '/a', '/b?c']);
    expect(await http(server, { redirects: 1 })).toEqual(failed('soft', 'more than 1 redirect'));
    expect(await http(server)).toEqual(failed('soft', 'HTTP status 302, wanted 200-299'));
    expect(await http(server, { redirects: 2, status: [302] })).toMatchObject({ reason: 'HTTP status 302' });
  });

  test('by the name of the site are on the same server', async () => {
    const { server } = await site({ '/': to('http://www.example/up'), '/up': `${OK}\r\n` });
    expect(await http(server, { redirects: 1, host: 'www.example' })).toEqual(PASSED);
  });

  test.each([
    ['http://other.example/', 'redirect to "http://other.example/", which is another server'],
    ['https://www.example/', 'redirect to "https://www.example/", which is another server'],
    ['http://[', 'redirect to "http://[", which is no URL'],
  ])('to %s are not followed', async (location, reason) => {
    const { server } = await site({ '/': to(location) });
    expect(await http(server, { redirects: 5, host: 'www.example' })).toEqual(failed('soft', reason));
  });
});

describe('a kept connection', () => {
  /** Answers every request on a connection, by `answer` of its number. */
  function persistent(answer: (request: number, socket: Socket) => string): Promise<Served & { requests: string[] }> {
    const requests: string[] = [];
    return serve((socket) => {
      socket.on('data', (data) => {
        requests.push(data.toString());
        socket.write(answer(requests.length, socket));
      });
    }).then((server) => Object.assign(server, { requests }));
  }

  const SHORT = `${OK}Content-Length: 2\r\n\r\nok`;

  /** Runs of one check, one after the other. */
  async function runs(server: Served, count: number, fields: Fields = {}, between = async () => {}) {
    const check = parseCheck({ type: 'http', connection: 'kept', interval: 60_000, timeout: LONG, ...fields });
    const outcomes: CheckOutcome[] = [];
    for (let index = 0; index < count; index++) {
      if (index > 0) await between();
      const { address, port } = server;
      outcomes.push(await runCheck({ address, port }, check, new AbortController().signal));
    }
    return outcomes;
  }

  test.each([
    ['by its length', SHORT, {}],
    ['in chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`, {}],
    ['looked at', SHORT, { body: { contains: 'ok' } }],
    ['that is none', `${OK}Content-Length: 2\r\n\r\n`, { method: 'HEAD' }],
  ])('serves ten runs, whose body ends %s, and then there is a new one', async (_, answer, fields) => {
    const server = await persistent(() => answer);
    expect(new Set((await runs(server, 11, fields)).map(({ result }) => result))).toEqual(new Set(['passed']));
    expect(server.accepted()).toBe(2);
    expect(server.requests[0]).toContain('\r\nConnection: keep-alive\r\n');
  });

  test('that the server ends between two runs is opened anew', async () => {
    const server = await persistent(() => SHORT);
    const outcomes = await runs(server, 3, {}, async () => {
      for (const socket of server.open) socket.destroy();
      await vi.waitFor(() => expect(server.open.size).toBe(0), LONG);
    });
    expect(outcomes.map(({ result }) => result)).toEqual(['passed', 'passed', 'passed']);
    expect(server.accepted()).toBe(3);
  });

  test('that the server ends while it is asked is opened anew once, and not twice', async () => {
    const server = await persistent((request, socket) => {
      if (request === 1) return SHORT;
      socket.destroy();
      return '';
    });
    const [first, second] = await runs(server, 2);
    expect(first).toMatchObject({ result: 'passed' });
    expect(second).toMatchObject({ result: 'failed', kind: 'hard' });
    expect(server.requests.length).toBe(3);
  });

  test.each([
    ['the server says close', `${OK}Connection: close\r\nContent-Length: 2\r\n\r\nok`, {}],
    ['the body is too long', `${OK}Content-Length: 20\r\n\r\n${'x'.repeat(20)}`, { maxBody: 10 }],
    ['there is more than the answer', `${SHORT}x`, {}],
  ])('is not kept where %s', async (_, answer, fields) => {
    const server = await persistent(() => answer);
    expect((await runs(server, 2, fields)).map(({ result }) => result)).toEqual(['passed', 'passed']);
    expect(server.accepted()).toBe(2);
  });

  test('whose body does not end is a pass by its status, and is not kept', async () => {
    const server = await persistent(() => `${OK}Content-Length: 20\r\n\r\nx`);
    expect((await runs(server, 2, { timeout: 200 })).map(({ result }) => result)).toEqual(['passed', 'passed']);
    expect(server.accepted()).toBe(2);
  });

  test('is closed when nobody runs the check any more', async () => {
    const server = await persistent(() => SHORT);
    await runs(server, 1, { interval: 100 });
    await vi.waitFor(() => expect(server.open.size).toBe(0), LONG);
  });

  test('a wrong answer on it is a failure as any other', async () => {
    const server = await persistent((request) =>
      request === 1 ? SHORT : 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n',
    );
    expect((await runs(server, 2)).map(({ result }) => result)).toEqual(['passed', 'failed']);
    expect(server.accepted()).toBe(1);
  });
});
