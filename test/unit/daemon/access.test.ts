import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test, vi } from 'vitest';
import { RateLimit } from '../../../src/daemon/gate.js';
import { ROLES, type Role } from '../../../src/daemon/role.js';
import type { Route } from '../../../src/daemon/route.js';
import { ROUTES } from '../../../src/daemon/routes.js';
import { createToken, readTokens, revokeToken, TokenFile } from '../../../src/daemon/tokens.js';
import { InvalidArgumentError, UnavailableError } from '../../../src/errors.js';
import { hasOpenssl, makeCertificate } from '../certificate.js';
import { NAME, useDaemon, yaml } from './fixture.js';
import { askTcp, type Remote, startTcp } from './tcp.js';

const context = useDaemon();
const ONE = yaml('10.0.0.1');

async function remote(
  ...rest: Parameters<typeof startTcp> extends [unknown, ...infer Rest] ? Rest : never
): Promise<Remote> {
  context.daemon.write(ONE);
  return startTcp(context.daemon, ...rest);
}

describe('tokens', () => {
  const path = () => join(context.daemon.root, 'tokens.json');

  test('are told once: the file has hashes, and is for its owner', async () => {
    const token = await createToken(path(), 'anna', 'admin');
    expect(token).toMatch(/^ipvs-ts_[\w-]{43}$/);
    expect(readFileSync(path(), 'utf8')).not.toContain(token.slice(8));
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(readTokens(path())).toMatchObject([{ name: 'anna', role: 'admin' }]);
    expect(new TokenFile(path()).find(token)).toEqual({ name: 'anna', role: 'admin' });
    expect(new TokenFile(path()).find(`${token}x`)).toBeUndefined();
    expect(new TokenFile(path()).find(readTokens(path())[0]?.sha256 ?? '')).toBeUndefined();
  });

  test('are followed while a program runs', async () => {
    const file = new TokenFile(path());
    expect(file.find('x')).toBeUndefined();
    const [one, two] = [await createToken(path(), 'one', 'reader'), await createToken(path(), 'two', 'operator')];
    expect([file.find(one)?.name, file.find(two)?.name]).toEqual(['one', 'two']);
    await revokeToken(path(), 'one');
    expect([file.find(one)?.name, file.find(two)?.name]).toEqual([undefined, 'two']);
  });

  test.each(['', 'a b', '-x', 'x'.repeat(65), 'a\n', '../x'])('the name %j is none', async (name) => {
    await expect(createToken(path(), name, 'admin')).rejects.toThrow(InvalidArgumentError);
    expect(readTokens(path())).toEqual([]);
  });

  test('of one name are one', async () => {
    await createToken(path(), 'anna', 'admin');
    const before = readFileSync(path(), 'utf8');
    await expect(createToken(path(), 'anna', 'reader')).rejects.toThrow('"anna" is there already');
    await expect(revokeToken(path(), 'otto')).rejects.toThrow('there is no token "otto"');
    expect(readFileSync(path(), 'utf8')).toBe(before);
  });

  test('made at once are all there', async () => {
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => createToken(path(), name, 'reader')));
    expect(
      readTokens(path())
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'b', 'c', 'd']);
  });

  test.each(['', '{', '{"version":2,"tokens":[]}', '{"version":1,"tokens":[{"name":"x","role":"root"}]}'])(
    'the file %j lets nobody in',
    (text) => {
      writeFileSync(path(), text);
      expect(() => new TokenFile(path()).find('x')).toThrow(UnavailableError);
    },
  );
});

test('a rate is so many a second, after so many at once', () => {
  let now = 0;
  const limit = new RateLimit(10, 3, () => now);
  const taken = (name: string, times: number) => Array.from({ length: times }, () => limit.take(name));
  expect(taken('a', 4)).toEqual([true, true, true, false]);
  expect(taken('b', 1)).toEqual([true]);
  now = 100;
  expect(taken('a', 2)).toEqual([true, false]);
  now = 10_000;
  expect(taken('a', 4)).toEqual([true, true, true, false]);
});

/** This process, as the kernel tells it. */
const USER = `unix:${userInfo().username}`;
const PEER = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };

/** Who may do what: the whole API. */
const LEAST: Readonly<Record<string, Role>> = {
  ...{ live: 'reader', ready: 'reader', version: 'reader', health: 'reader', doctor: 'reader', metrics: 'reader' },
  ...{ table: 'reader', services: 'reader', service: 'reader', destinations: 'reader', connections: 'reader' },
  // A document may have the passwords of checks.
  ...{ desired: 'operator', putDesired: 'admin', validate: 'reader', plan: 'reader' },
  ...{ history: 'reader', rollback: 'admin', events: 'reader', openapi: 'reader' },
  ...{ overrides: 'reader', getWeight: 'reader', putWeight: 'operator', deleteWeight: 'operator' },
  ...{ state: 'reader', settings: 'reader', totals: 'reader', changeTable: 'admin' },
  ...{ endConnections: 'operator', moveConnections: 'operator', simulate: 'operator' },
  ...{ getDrain: 'reader', putDrain: 'operator', deleteDrain: 'operator' },
};

function pathOf({ path }: Route): string {
  return path.replace('{service}', NAME).replace('{server}', '10.0.0.1').replace('{number}', '1');
}

describe.skipIf(!hasOpenssl)('by TCP', () => {
  test('every route is for its role and those above it, and for nobody without a token', {
    timeout: 60_000,
  }, async () => {
    expect(ROUTES.map(({ id }) => id).sort()).toEqual(Object.keys(LEAST).sort());
    const there = await remote();
    for (const route of ROUTES) {
      const ask = (token?: string) =>
        askTcp(there, route.method, pathOf(route), { ...(token && { token }), ...(route.body && { body: '[]' }) });
      const least = ROLES.indexOf(LEAST[route.id] ?? 'admin');
      for (const [rank, role] of ROLES.entries()) {
        const { status } = await ask(there.tokens[role]);
        if (rank < least) expect(status, `${route.id} by ${role}`).toBe(403);
        else expect([401, 403, 429], `${route.id} by ${role}`).not.toContain(status);
      }
    }
    // Without If-Match nobody has changed anything, and no refusal has.
    expect(there.daemon.text).toBe(ONE);
    expect(await there.daemon.servers()).toBe('10.0.0.1 1');
  });

  test('without a token, or with a wrong one, there is nothing, and soon not even that', async () => {
    const there = await remote();
    const { status, headers, text } = await askTcp(there, 'GET', '/v1/table');
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer realm="ipvs-ts"']);
    expect(JSON.parse(text)).toMatchObject({ status: 401, title: 'Unauthorized' });
    for (const token of ['x', `${there.tokens.admin}x`, there.tokens.admin.slice(0, -1), '']) {
      expect((await askTcp(there, 'GET', '/nowhere', { token })).status, token).toBe(401);
    }
    const basic = {
      headers: { authorization: `Basic ${Buffer.from(`anna:${there.tokens.admin}`).toString('base64')}` },
    };
    expect((await askTcp(there, 'GET', '/v1/table', basic)).status).toBe(401);
    // At once: on a slow machine one after the other would be slow enough.
    const more = await Promise.all(Array.from({ length: 60 }, () => askTcp(there, 'GET', '/v1/table', { token: 'x' })));
    expect(more.map((reply) => reply.status)).toContain(429);
    // Who has a token is not kept out by who has none.
    expect((await askTcp(there, 'GET', '/livez', { token: there.tokens.reader })).status).toBe(200);
  });

  test('a token that is revoked is refused at once', async () => {
    const there = await remote();
    const { admin: token } = there.tokens;
    expect((await askTcp(there, 'GET', '/v1/history', { token })).status).toBe(200);
    await revokeToken(there.tokenFile, 'anna');
    expect((await askTcp(there, 'GET', '/v1/history', { token })).status).toBe(401);
    writeFileSync(there.tokenFile, 'broken');
    expect((await askTcp(there, 'GET', '/livez', { token: there.tokens.reader })).status).toBe(503);
  });

  test('one token has at most 100 requests a second, after 200 at once', { timeout: 60_000 }, async () => {
    const there = await remote();
    const { reader: token } = there.tokens;
    const statuses: number[] = [];
    // At once, on connections of their own: 250 is below the limit of connections.
    const many = Array.from({ length: 250 }, () => askTcp(there, 'GET', '/livez', { token }));
    for (const each of many) statuses.push((await each).status);
    const fine = statuses.filter((status) => status === 200).length;
    expect(fine).toBeGreaterThanOrEqual(200);
    expect(new Set(statuses)).toEqual(fine === 250 ? new Set([200]) : new Set([200, 429]));
  });

  test('the history, overrides and the log say who it was', async () => {
    const told: object[] = [];
    const there = await remote({ onRequest: (event) => void told.push(event) });
    const { tokens, daemon } = there;
    const etag = await daemon.etag();
    const headers = { 'if-match': etag, 'x-reason': 'one more' };
    const put = { body: yaml('10.0.0.1', '10.0.0.2'), headers };
    expect((await askTcp(there, 'PUT', '/v1/desired', { ...put, token: tokens.operator })).status).toBe(403);
    expect((await askTcp(there, 'PUT', '/v1/desired', { ...put, token: tokens.admin })).status).toBe(200);
    const fresh = { headers: { 'if-none-match': '*' }, body: '{"weight":7}' };
    const path = `/v1/overrides/${NAME}/10.0.0.1/weight`;
    const weight = await askTcp(there, 'PUT', path, { ...fresh, token: tokens.operator });
    expect(JSON.parse(weight.text)).toMatchObject({ owner: 'otto', weight: 7 });
    expect((await daemon.ask('GET', '/v1/history')).json[0]).toMatchObject({
      by: 'api',
      who: 'anna',
      reason: 'one more',
    });
    const from = '127.0.0.1';
    expect(told).toMatchObject([
      { type: 'request', who: 'otto', from, method: 'PUT', path: '/v1/desired', status: 403 },
      { type: 'request', who: 'anna', from, method: 'PUT', path: '/v1/desired', status: 200, reason: 'one more' },
      { type: 'request', who: 'otto', from, method: 'PUT', path, status: 200 },
    ]);
    await askTcp(there, 'GET', '/v1/table');
    expect(told.at(-1)).toMatchObject({ who: undefined, method: 'GET', status: 401 });
    await daemon.put(ONE, { 'if-match': '"x"' });
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ who: USER, peer: PEER, from: undefined, status: 412 }));
    const tls = { host: from, port: there.port, ca: there.certificate.cert };
    const call = connectTls(tls, () => {
      call.write(
        `PUT /v1/desired HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.admin}\r\nIf-Match: *\r\nContent-Type: text/yaml\r\n`,
      );
      call.write('Content-Length: 9\r\n\r\nversion', () => call.destroy());
    });
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ who: 'anna', method: 'PUT', status: 499 }));
  });

  test('who brings no certificate of the authority is not let in', async () => {
    const client = makeCertificate(context.daemon.root, 'DNS:client');
    const there = await remote({}, { clientCa: client.certFile });
    const { reader: token } = there.tokens;
    await expect(askTcp(there, 'GET', '/livez', { token })).rejects.toThrow();
    const stranger = makeCertificate(context.daemon.root, 'DNS:stranger');
    await expect(askTcp(there, 'GET', '/livez', { token, ...stranger })).rejects.toThrow();
    expect((await askTcp(there, 'GET', '/livez', { token, cert: client.cert, key: client.key })).status).toBe(200);
    expect((await askTcp(there, 'GET', '/livez', { cert: client.cert, key: client.key })).status).toBe(401);
  });

  test('a certificate is renewed without a restart; a broken one leaves the old one in force', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const there = await remote();
      const { reader: token } = there.tokens;
      const renewed = makeCertificate(context.daemon.root, 'IP:127.0.0.1', 200);
      writeFileSync(there.certificate.keyFile, 'broken');
      vi.advanceTimersByTime(10_000);
      expect(there.daemon.troubles).toEqual([expect.stringMatching(/^TLS: /)]);
      expect((await askTcp(there, 'GET', '/livez', { token })).status).toBe(200);
      writeFileSync(there.certificate.keyFile, renewed.key);
      writeFileSync(there.certificate.certFile, renewed.cert);
      vi.advanceTimersByTime(10_000);
      expect((await askTcp({ ...there, certificate: renewed }, 'GET', '/livez', { token })).status).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });

  test('what is no TLS gets nothing, and the next client is served', async () => {
    const there = await remote();
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(there.port, '127.0.0.1', () => socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'));
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.on('error', () => undefined).on('close', () => resolve(text));
    });
    expect(answer).not.toContain('HTTP/1.1 200');
    expect((await askTcp(there, 'GET', '/livez', { token: there.tokens.reader })).status).toBe(200);
  });

  test('a file of tokens that is none, a key that does not fit, a port that is taken', async () => {
    const { daemon } = context;
    daemon.write(ONE);
    const { certFile: cert, keyFile: key } = makeCertificate(daemon.root, 'IP:127.0.0.1');
    const listen = { address: '127.0.0.1', port: 0 };
    const tokens = join(daemon.root, 'tokens.json');
    writeFileSync(tokens, 'x');
    await expect(daemon.start({ tcp: { listen, cert, key, tokens } })).rejects.toThrow('is no file of tokens');
    writeFileSync(tokens, '{"version":1,"tokens":[]}');
    await expect(daemon.start({ tcp: { listen, cert, key: '/nowhere/key', tokens } })).rejects.toThrow(
      '/nowhere/key cannot be read: ENOENT',
    );
    const { keyFile: other } = makeCertificate(daemon.root, 'DNS:other');
    await expect(daemon.start({ tcp: { listen, cert, key: other, tokens } })).rejects.toThrow(/key values mismatch/);
    await daemon.start({ tcp: { listen, cert, key, tokens } });
    expect(daemon.troubles).toContain(`API: ${tokens} has no tokens yet`);
  });
});

describe('slow and idle clients are cut off', () => {
  const limits = { headersTime: 200, requestTime: 400, idle: 1000, keepAlive: 100, look: 50 };
  const open = (first: string): Promise<{ text: string; took: number }> =>
    new Promise((resolve) => {
      const begun = performance.now();
      let text = '';
      const socket: Socket = connect(context.daemon.socket, () => socket.write(first));
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.on('error', () => undefined).on('close', () => resolve({ text, took: performance.now() - begun }));
    });

  test.each([
    ['that says nothing', '', ''],
    ['that does not end its headers', 'GET /livez HTTP/1.1\r\nHost: x\r\n', 'HTTP/1.1 408'],
    ['that does not send its body', 'POST /v1/plan HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n', 'HTTP/1.1 408'],
    ['that asks for nothing more', 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP/1.1 200'],
  ])('one %s', async (_, first, answer) => {
    context.daemon.write(ONE);
    await context.daemon.start({ limits });
    const { text, took } = await open(first);
    expect(text.slice(0, answer.length)).toBe(answer);
    expect(took).toBeLessThan(10_000);
    expect((await context.daemon.ask('GET', '/livez')).status).toBe(200);
  });
});
