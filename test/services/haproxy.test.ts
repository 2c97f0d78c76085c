/** Debian's HAProxy: as a server by HTTP, and as the one that asks the same agents. */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { HttpCheck } from '../../src/model/check.js';
import {
  type Certificate,
  failed,
  LONG,
  makeCertificate,
  run,
  type Served,
  serve,
  useDirectory,
} from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const PASSED = { result: 'passed', reason: 'HTTP status 200', warning: undefined };
const ports = { plain: 0, plain2: 0, tls: 0, rejecting: 0, silent: 0 };
let certificate: Certificate;

/** `more` are further sections. */
async function start(more = ''): Promise<Server> {
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  const { path } = directory;
  const file = join(path, `haproxy-${ports.plain}.cfg`);
  writeFileSync(
    file,
    `
global
  stats socket ${path}/stats level admin
  nbthread 1
  maxconn 100
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  timeout tarpit 30s
  timeout queue 1s
frontend site
  bind ${HOST}:${ports.plain}
  bind ${HOST}:${ports.plain2} proto h2
  bind ${HOST}:${ports.tls} ssl crt ${path}/both.pem alpn h2,http/1.1
  http-request tarpit if { path /slow }
  http-request return status 200 content-type text/plain string "all is well" if { path /page }
  http-request return status 200 content-type text/plain file ${path}/long if { path /long }
  http-request redirect location /page if { path /moved }
  default_backend none
frontend rejecting
  bind ${HOST}:${ports.rejecting}
  tcp-request connection reject
frontend silent
  mode tcp
  bind ${HOST}:${ports.silent}
  tcp-request inspect-delay 30s
  tcp-request content accept if { req.len gt 100000 }
  default_backend none
backend none
${more}
`,
  );
  return Server.start({
    package: 'haproxy',
    command: ['/usr/sbin/haproxy', '-W', '-db', '-f', file],
    directory: path,
    port: ports.plain,
    ready: { type: 'http', path: '/page' },
  });
}

let server: Server;
beforeAll(async () => {
  certificate = makeCertificate(directory.path, 'DNS:www.example');
  writeFileSync(join(directory.path, 'both.pem'), certificate.cert + certificate.key);
  writeFileSync(join(directory.path, 'long'), 'x'.repeat(12_000));
  server = await start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

describe.each<[string, 'plain' | 'plain2' | 'tls', Partial<HttpCheck>]>([
  ['HTTP/1.1', 'plain', {}],
  ['HTTP/2', 'plain2', { version: '2' }],
  ['HTTPS', 'tls', { tls: { verify: false } }],
  ['HTTP/2 with TLS', 'tls', { version: '2', tls: { verify: false } }],
])('%s', (_, way, fields) => {
  const http = (more: Partial<HttpCheck> = {}) =>
    run({ address: HOST, port: ports[way] }, { type: 'http', path: '/page', ...fields, ...more });

  test('passes', async () => {
    expect(await http({ body: { contains: 'all is well' } })).toEqual(PASSED);
    expect(await http({ path: '/moved', redirects: 1 })).toEqual(PASSED);
  });

  test('fails softly where no server is behind it', async () => {
    expect(await http({ path: '/' })).toEqual(failed('soft', 'HTTP status 503, wanted 200-299'));
  });

  test('fails softly by an answer that is too long', async () => {
    expect(await http({ path: '/long', body: { contains: 'y' }, maxBody: 10_000 })).toEqual(
      failed('soft', 'the answer is longer than 10000 bytes'),
    );
  });

  test('fails hard where it keeps whoever asks waiting', async () => {
    expect(await http({ path: '/slow', timeout: 300 })).toEqual(failed('hard', 'no answer within 300 ms'));
  });
});

test('speaks TLS by its name', async () => {
  const target = { address: HOST, port: ports.tls };
  const ca = certificate.certFile;
  for (const version of ['1.1', '2'] as const) {
    const check = { type: 'http', path: '/page', version } as const;
    expect(await run(target, { ...check, tls: { ca, serverName: 'www.example' } })).toEqual(PASSED);
    expect(await run(target, { ...check, tls: { ca, serverName: 'other.example' } })).toEqual(
      failed('soft', 'certificate is for www.example, not other.example'),
    );
  }
});

test('fails hard where the call is rejected, or taken in silence', async () => {
  expect(await run({ address: HOST, port: ports.rejecting }, { type: 'http' })).toMatchObject({ kind: 'hard' });
  expect(await run({ address: HOST, port: ports.silent }, { type: 'http', timeout: 300 })).toEqual(
    failed('hard', 'no answer within 300 ms'),
  );
});

// It goes on by HTTP/2 with whoever begins so.
test('passes for no other protocol', () => expectStrangersToFail(ports.plain, ['http', 'http2']));

test.each<[string, 'plain' | 'plain2' | 'tls', Partial<HttpCheck>]>([
  ['HTTP/1.1', 'plain', {}],
  ['HTTP/2', 'plain2', { version: '2' }],
  ['HTTPS', 'tls', { tls: { verify: false } }],
])('stands still, dies, is gone: %s', async (_, way, fields) => {
  await using again = await start();
  await expectFaults(again, { type: 'http', path: '/page', ...fields }, ports[way]);
});

describe('an agent', () => {
  /** What HAProxy and the check each make of a line. */
  interface Row {
    readonly line: string;
    readonly haproxy: { readonly status: string; readonly weight: string };
    readonly check: object;
  }

  // Without a check of its own HAProxy has no other word for up.
  const rows: readonly Row[] = [
    { line: 'up\n', haproxy: { status: 'no check', weight: '100' }, check: { result: 'passed' } },
    { line: 'ready up 50%\n', haproxy: { status: 'no check', weight: '50' }, check: { result: 'passed', load: 50 } },
    { line: '25%\r\n', haproxy: { status: 'no check', weight: '25' }, check: { result: 'passed', load: 25 } },
    {
      line: 'UP, 200% maxconn:30\n',
      haproxy: { status: 'no check', weight: '200' },
      check: { result: 'passed', load: 200 },
    },
    { line: 'down # by hand\n', haproxy: { status: 'DOWN (agent)', weight: '100' }, check: { kind: 'soft' } },
    { line: 'fail\n', haproxy: { status: 'DOWN (agent)', weight: '100' }, check: { kind: 'soft' } },
    { line: 'stopped\n', haproxy: { status: 'DOWN (agent)', weight: '100' }, check: { kind: 'soft' } },
    { line: 'drain\n', haproxy: { status: 'DRAIN (agent)', weight: '100' }, check: { kind: 'soft' } },
    { line: 'maint\n', haproxy: { status: 'MAINT', weight: '100' }, check: { kind: 'soft' } },
  ];

  test('is heard as HAProxy hears it', async () => {
    const agents: Served[] = [];
    for (const { line } of rows) agents.push(await serve((socket) => socket.end(line)));
    const servers = agents.map(
      ({ port }, index) =>
        `  server s${index} 192.0.2.1:80 weight 100 agent-check agent-addr ${HOST} agent-port ${port} agent-inter 200ms`,
    );
    await using _ = await start(`backend agents\n${servers.join('\n')}\n`);
    await vi.waitFor(async () => {
      const seen = await statistics('agents');
      expect(rows.map((__, index) => seen.get(`s${index}`))).toEqual(rows.map(({ haproxy }) => haproxy));
    }, LONG);
    for (const [index, { check }] of rows.entries()) {
      const { address, port } = agents[index] ?? { address: '', port: 0 };
      expect(await run({ address, port }, { type: 'agent', port })).toMatchObject(check);
    }
  });

  /** By server: what HAProxy says of it. */
  async function statistics(backend: string): Promise<Map<string, { status: string; weight: string }>> {
    const socket = connect(join(directory.path, 'stats'));
    socket.end('show stat\n');
    let text = '';
    for await (const part of socket) text += part;
    const [head = '', ...lines] = text.replace(/^# /, '').trim().split('\n');
    const names = head.split(',');
    const found = lines.map((line) => Object.fromEntries(line.split(',').map((value, at) => [names[at], value])));
    return new Map(
      found
        .filter(({ pxname }) => pxname === backend)
        .map(({ svname = '', status = '', weight = '' }) => [svname, { status, weight }]),
    );
  }
});
