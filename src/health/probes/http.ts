/**
 * One request by HTTP, and what its answer must be. An own client, since `fetch` costs thirty times as much, and chooses by itself
 * where to connect.
 * @module
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { HttpBody, NormalHttpCheck } from '../../model/check.js';
import type { CheckOutcome, Target } from '../check-outcome.js';
import { Connection } from '../connection.js';
import { type Head, readBody, readHead } from '../http-message.js';
import { requestHttp2 } from '../http2.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe, Run } from '../run.js';
import { isAmong } from '../status.js';

/** What came of one request. */
interface Answer extends Head {
  readonly body: Buffer;
  readonly warning: string | undefined;
}

/** Asks, follows redirects on the same server, and looks at the answer. */
export const probeHttp: Probe<NormalHttpCheck> = async (target, check, run) => {
  let path = check.path;
  for (let followed = 0; ; followed++) {
    const answer = await request(target, { ...check, path }, run);
    if (isAmong(answer.status, check.status) || !isRedirect(answer)) return judge(answer, check);
    if (followed === check.redirects) {
      if (followed === 0) return judge(answer, check);
      throw soft(`more than ${followed} ${followed === 1 ? 'redirect' : 'redirects'}`);
    }
    path = redirected(answer, { target, check, path });
  }
};

function isRedirect({ status, headers }: Head): boolean {
  return [301, 302, 303, 307, 308].includes(status) && headers.has('location');
}

/** The path of a redirect; it may not lead elsewhere, for only this server is checked. */
function redirected(
  { headers }: Head,
  { target, check, path }: { target: Target; check: NormalHttpCheck; path: string },
): string {
  const location = headers.get('location') ?? '';
  const here = new URL(path, `${check.tls === undefined ? 'http' : 'https'}://${hostOf(target, check)}`);
  const there = URL.canParse(location, here.href) ? new URL(location, here.href) : undefined;
  if (there === undefined) throw soft(`redirect to ${quoted(location)}, which is no URL`);
  if (there.origin !== here.origin) throw soft(`redirect to ${quoted(location)}, which is another server`);
  return there.pathname + there.search;
}

function request(target: Target, check: NormalHttpCheck, run: Run): Promise<Answer> {
  return check.version === '2' ? requestVersion2(target, check, run) : requestVersion1(target, check, run);
}

async function requestVersion1(target: Target, check: NormalHttpCheck, run: Run): Promise<Answer> {
  const { source, tls, host, maxBody } = check;
  const connection = await Connection.open(target, { source, tls, name: host && nameOf(host) }, run);
  connection.send(requestText(target, check));
  const head = await readHead(connection);
  const { warning } = connection;
  // A status alone is known now; what follows costs the server, the network and this host.
  if (check.body === undefined) return { ...head, body: Buffer.alloc(0), warning };
  run.waitFor('no end of the answer');
  return { ...head, body: await readBody(connection, head, maxBody), warning };
}

async function requestVersion2(target: Target, check: NormalHttpCheck, run: Run): Promise<Answer> {
  const { source, tls, host, body, method, path, maxBody } = check;
  const own = {
    ':method': method,
    ':path': path,
    ':scheme': tls === undefined ? 'http' : 'https',
    ':authority': hostOf(target, check),
    'user-agent': 'ipvs-ts',
    accept: '*/*',
  };
  const given = Object.entries(check.headers).map(([name, value]) => [name.toLowerCase(), value]);
  const headers = { ...own, ...Object.fromEntries(given) };
  const most = body === undefined ? 0 : maxBody;
  const answer = await requestHttp2(
    target,
    { source, tls, name: host && nameOf(host) },
    { request: { headers, most }, run },
  );
  const { status, warning } = answer;
  return {
    status,
    warning,
    body: answer.body,
    headers: new Map(Object.entries(answer.headers).map(([name, value]) => [name, String(value)])),
  };
}

/** `example.com:8443` -> `example.com`. */
function nameOf(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

/** The Host header. */
function hostOf({ address, port }: Target, { host, tls }: NormalHttpCheck): string {
  if (host !== undefined) return host;
  const name = isIP(address) === 6 ? `[${address}]` : address;
  return port === (tls === undefined ? 80 : 443) ? name : `${name}:${port}`;
}

function requestText(target: Target, check: NormalHttpCheck): string {
  const own = { Host: hostOf(target, check), 'User-Agent': 'ipvs-ts', Accept: '*/*', Connection: 'close' };
  const given = new Set(Object.keys(check.headers).map((name) => name.toLowerCase()));
  const kept = Object.entries(own).filter(([name]) => !given.has(name.toLowerCase()));
  const lines = [...kept, ...Object.entries(check.headers)].map(([name, value]) => `${name}: ${value}\r\n`);
  return `${check.method} ${check.path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

function judge({ status, body, warning }: Answer, check: NormalHttpCheck): CheckOutcome {
  if (!isAmong(status, check.status)) throw soft(`HTTP status ${status}, wanted ${check.status.join(', ')}`);
  const problem = check.body && bodyProblem(body, check.body);
  if (problem !== undefined) throw soft(`HTTP status ${status}, but ${problem}`);
  return passed(`HTTP status ${status}`, { warning });
}

function bodyProblem(body: Buffer, { contains, matches, sha256 }: HttpBody): string | undefined {
  if (contains !== undefined && !body.includes(contains)) return `the body has no ${quoted(contains)}`;
  if (matches !== undefined && !new RegExp(matches).test(body.toString()))
    return `the body does not match ${quoted(matches)}`;
  if (sha256 === undefined) return undefined;
  const found = createHash('sha256').update(body).digest('hex');
  return found === sha256 ? undefined : `the SHA-256 of the body is ${found}`;
}
