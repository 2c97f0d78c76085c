import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ROUTES } from '../../../src/daemon/routes.js';
import { type Daemon, NAME, send, useDaemon, yaml } from './fixture.js';

const context = useDaemon();
const BEFORE = yaml('10.0.0.1');

async function started(): Promise<Daemon> {
  const { daemon } = context;
  daemon.write(BEFORE);
  await daemon.start();
  return daemon;
}

/** Nothing has changed, and the next request is answered. */
async function unharmed(daemon: Daemon): Promise<void> {
  expect(daemon.text).toBe(BEFORE);
  expect(await daemon.servers()).toBe('10.0.0.1 1');
  expect((await daemon.ask('GET', '/v1/overrides')).json.overrides).toEqual([]);
  expect((await daemon.ask('GET', '/livez')).status).toBe(200);
}

/** Bytes on the socket, then its end: the status of every answer. */
function raw({ socket }: Daemon, bytes: string | Uint8Array): Promise<number[]> {
  return new Promise((resolve) => {
    let text = '';
    const client = connect(socket, () => client.end(bytes));
    client.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    client.on('error', () => undefined);
    client.on('close', () => resolve([...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status))));
  });
}

const PUT = 'PUT /v1/desired HTTP/1.1\r\nHost: x\r\nIf-Match: *\r\n';
const GET = 'GET /livez HTTP/1.1\r\nHost: x\r\n';
const BY_HAND: Readonly<Record<string, string>> = {
  'no HTTP': 'hello\r\n\r\n',
  TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'no Host': 'GET /livez HTTP/1.1\r\n\r\n',
  'a version that is none': 'GET /livez HTTP/9.9\r\nHost: x\r\n\r\n',
  'headers too long': `${GET}X: ${'x'.repeat(20_000)}\r\n\r\n`,
  'too many headers': `${GET}${'X: y\r\n'.repeat(9000)}\r\n`,
  'a NUL in a header': `${GET}X: \0\r\n\r\n`,
  'a header with a space': `${GET}X : y\r\n\r\n`,
  'two lengths': `${PUT}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
  'a length and chunks': `${PUT}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunked twice': `${PUT}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  'a negative length': `${PUT}Content-Length: -1\r\n\r\n`,
  'a length of letters': `${PUT}Content-Length: 0x10\r\n\r\n`,
  'a chunk of no size': `${PUT}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n`,
  'a chunk that is longer than it says': `${PUT}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n`,
  'a chunk of a huge size': `${PUT}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc`,
  'a body that is cut off': `${PUT}Content-Length: 100\r\n\r\nservices: []`,
  'a body that is too long': `${PUT}Content-Length: 99999999999\r\n\r\nservices: []`,
  'an encoded body': `${PUT}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx`,
  CONNECT: 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n',
};

describe('bytes', () => {
  test('that are no request', async () => {
    const daemon = await started();
    for (const [what, bytes] of Object.entries(BY_HAND)) {
      for (const status of await raw(daemon, Buffer.from(bytes, 'latin1'))) {
        expect(status, what).toBeGreaterThanOrEqual(400);
        expect(status, what).toBeLessThan(500);
      }
    }
    await unharmed(daemon);
  });

  test('by chance', async () => {
    const daemon = await started();
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ maxLength: 100 }).map((text) => Buffer.from(`${PUT}Content-Length: ${text}\r\n\r\n`)),
      fc
        .string({ maxLength: 100 })
        .map((text) => Buffer.from(`${PUT}Transfer-Encoding: chunked\r\n\r\n${text}\r\n0\r\n\r\n`)),
    );
    const isRefused = async (bytes: Uint8Array) =>
      (await raw(daemon, bytes)).every((status) => status >= 400 && status < 500);
    await fc.assert(fc.asyncProperty(noise, isRefused), { numRuns: 1000 });
    await unharmed(daemon);
  }, 20_000);
});

const PATHS = [
  '/v1//desired',
  '/v1/desired/',
  '/%',
  '/v1/%ff',
  '/..%2f',
  '/v1/../v1/desired',
  '*',
  'http://x/v1/desired',
];
const QUERIES = [
  '/v1/table?x=1',
  '/v1/plan?prune=1&prune=2',
  '/v1/services/%00',
  '/v1/services/tcp',
  '/metrics?top=1e9',
];
const BODIES = [
  ...[
    '',
    'x',
    '{',
    '[]',
    'null',
    '7',
    '"x"',
    '{"services":7}',
    '{"services":[null]}',
    '{"weight":-1}',
    '{"weight":"5"}',
  ],
  ...['{"weight":1e99}', '{"weight":{}}', '{"timeout":[]}', '{"__proto__":{}}', '{"unknown":1}', '\0', '\u{feff}'],
  ...['['.repeat(50_000), `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`, '- &a [*a]', 'services: &a [*a, *a]'],
  ['a: &a [x]', ...'bcdefghij'.split('').map((c, n) => `${c}: &${c} [${`*${'abcdefghij'[n]}, `.repeat(9)}x]`)].join(
    '\n',
  ),
];

describe('requests', () => {
  test('of odd paths and queries', async () => {
    const daemon = await started();
    for (const path of [...PATHS, ...QUERIES]) {
      for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'PATCH']) {
        const { status } = await send(daemon.socket, method, path, { headers: { 'if-match': '*' } });
        expect(status, `${method} ${path}`).toBeGreaterThanOrEqual(400);
        expect(status, `${method} ${path}`).toBeLessThan(500);
      }
    }
    await unharmed(daemon);
  });

  const changing = ROUTES.filter(({ body, match }) => body !== undefined || match);
  test.each(changing.map((route) => [`${route.method} ${route.path}`, route] as const))(
    'of wrong types: %s',
    async (_, route) => {
      const daemon = await started();
      const path = route.path.replace('{service}', NAME).replace('{server}', '10.0.0.1:80').replace('{number}', '99');
      const etag = await daemon.etag();
      for (const body of BODIES) {
        if (body === '' && route.body?.optional) continue;
        for (const headers of [{}, { 'if-match': '"x"' }, { 'if-match': etag }, { 'if-match': '*' }] as Record<
          string,
          string
        >[]) {
          const { status } = await send(daemon.socket, route.method, path, { body, headers }).catch(() => ({
            status: 400,
          }));
          const what = `${JSON.stringify(headers)} ${body.slice(0, 40)}`;
          expect(status, what).toBeGreaterThanOrEqual(400);
          expect(status, what).toBeLessThan(500);
        }
      }
      await unharmed(daemon);
    },
    20_000,
  );

  test('of more connections than there may be', async () => {
    const daemon = await started();
    const clients: Socket[] = Array.from({ length: 300 }, () => connect(daemon.socket).on('error', () => undefined));
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const client of clients) client.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await unharmed(daemon);
  });
});

test('the document of the API: every $ref resolves, every route is listed', async () => {
  const daemon = await started();
  const { json } = await daemon.ask('GET', '/v1/openapi.json');
  const refs = [...JSON.stringify(json).matchAll(/"\$ref":"([^"]*)"/g)].map(([, ref = '']) => ref);
  expect(refs.length).toBeGreaterThan(0);
  for (const ref of refs) {
    const parts = ref
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    expect(ref).toMatch(/^#\//);
    expect(
      parts.reduce((at, part) => at?.[part], json),
      ref,
    ).toBeDefined();
  }
  for (const { method, path, id } of ROUTES) expect(json.paths[path]?.[method.toLowerCase()]?.operationId).toBe(id);
});
