/**
 * One request by HTTP, and what its answer must be. An own client, since `fetch` costs thirty times as much, and chooses by itself
 * where to connect.
 * @module
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { HttpBody, NormalHttpCheck, TimedCheck } from '../../model/check.js';
import type { CheckOutcome, Target } from '../check-outcome.js';
import { Connection } from '../connection.js';
import { type Head, hasEnd, readBody, readHead, readTrailers } from '../http-message.js';
import { requestHttp2 } from '../http2.js';
import { type KeptConnection, leave, openKept, takeKept } from '../kept-connections.js';
import { passed, quoted, soft } from '../outcome.js';
import type { Probe, Run } from '../run.js';
import { isAmong } from '../status.js';
import { outcomeOf } from '../system-error.js';

/** What came of one request. */
interface Answer extends Head {
  readonly body: Buffer;
  readonly warning: string | undefined;
}

/** Asks, follows redirects on the same server, and looks at the answer. */
export const probeHttp: Probe<TimedCheck<NormalHttpCheck>> = async (target, check, run) => {
  let path = check.path;
  for (let followed = 0; ; followed++) {
    const answer = await request({ target, check: { ...check, path }, owner: check, run });
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

/** What is asked, of whom, for which run. */
interface Request {
  readonly target: Target;
  readonly check: NormalHttpCheck;
  /** The check as it was before a redirect: connections are kept for that. */
  readonly owner: TimedCheck<NormalHttpCheck>;
  readonly run: Run;
}

function request(request: Request): Promise<Answer> {
  const { target, check, run } = request;
  return check.version === '2' ? requestVersion2(target, check, run) : requestVersion1(request);
}

async function requestVersion1(request: Request): Promise<Answer> {
  const { target, check, owner, run } = request;
  const { tls, host } = check;
  const options = { from: check, tls, name: host && nameOf(host) };
  if (check.connection !== 'kept') {
    const connection = await Connection.open(target, options, run);
    const { answer } = await exchange(connection, request);
    return answer;
  }
  const kept = takeKept(target, owner, run);
  try {
    if (kept !== undefined) return await exchangeOn(kept, request);
  } catch (error) {
    // The server may end a connection on which nothing is asked at any time: that says nothing of the server.
    if (kept?.connection.isStale !== true || run.ended) throw error;
  }
  return exchangeOn(await openKept(target, options, run), request);
}

async function exchangeOn(kept: KeptConnection, request: Request): Promise<Answer> {
  const { answer, isWhole } = await exchange(kept.connection, request);
  if (isWhole && answer.headers.get('connection')?.toLowerCase() !== 'close')
    leave(kept, request.target, request.owner);
  return answer;
}

/** Asks on a connection; whether all that was answered has been read. */
async function exchange(
  connection: Connection,
  { target, check, run }: Request,
): Promise<{ readonly answer: Answer; readonly isWhole: boolean }> {
  connection.send(requestText(target, check));
  run.waitFor('no answer');
  const head = await readHead(connection);
  const { warning } = connection;
  const isKept = check.connection === 'kept';
  if (check.body !== undefined) {
    run.waitFor('no end of the answer');
    const body = await readBody(connection, head, check.maxBody);
    const answer = { ...head, body, warning };
    return { answer, isWhole: isKept && (await endsSoon(connection, head, { answer, check, run })) };
  }
  // A status alone is known now; what follows costs the server, the network and this host.
  const answer = { ...head, body: Buffer.alloc(0), warning };
  const isWhole = isKept && (check.method === 'HEAD' || (await endsSoon(connection, head, { answer, check, run })));
  return { answer, isWhole };
}

/** Reads what nobody looks at, so that the connection can be used again. If that does not end, the answer holds all the same. */
async function endsSoon(
  connection: Connection,
  head: Head,
  { answer, check, run }: { answer: Answer; check: NormalHttpCheck; run: Run },
): Promise<boolean> {
  if (!hasEnd(head)) return false;
  run.orLate(() => outcomeOfAnswer(answer, check));
  try {
    if (check.body === undefined) await readBody(connection, head, check.maxBody);
    await readTrailers(connection, head);
    return true;
  } catch {
    return false;
  }
}

function outcomeOfAnswer(answer: Answer, check: NormalHttpCheck): CheckOutcome {
  try {
    return judge(answer, check);
  } catch (error) {
    return outcomeOf(error);
  }
}

async function requestVersion2(target: Target, check: NormalHttpCheck, run: Run): Promise<Answer> {
  const { tls, host, body, method, path, maxBody } = check;
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
    { from: check, tls, name: host && nameOf(host) },
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
  const connection = check.connection === 'kept' ? 'keep-alive' : 'close';
  const own = { Host: hostOf(target, check), 'User-Agent': 'ipvs-ts', Accept: '*/*', Connection: connection };
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

function bodyProblem(body: Buffer, { contains, matches, md5, sha256 }: HttpBody): string | undefined {
  if (contains !== undefined && !body.includes(contains)) return `the body has no ${quoted(contains)}`;
  if (matches !== undefined && !new RegExp(matches).test(body.toString()))
    return `the body does not match ${quoted(matches)}`;
  return digestProblem(body, 'MD5', md5) ?? digestProblem(body, 'SHA-256', sha256);
}

function digestProblem(body: Buffer, name: 'MD5' | 'SHA-256', wanted: string | undefined): string | undefined {
  if (wanted === undefined) return undefined;
  const found = createHash(name).update(body).digest('hex');
  return found === wanted ? undefined : `the ${name} of the body is ${found}`;
}
