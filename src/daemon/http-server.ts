/**
 * HTTP around the routes: limits, bodies, answers. What a request does wrong is its own trouble, and nobody else's.
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TlsOptions } from 'node:tls';
import { printable } from '../errors.js';
import { prettyJson } from '../json/pretty.js';
import type { Director } from './director.js';
import type { Gate } from './gate.js';
import { Idempotency } from './idempotency.js';
import { Problem, problemOf } from './problem.js';
import { isAllowed, type Visitor } from './role.js';
import { type Answer, type BodySpec, type Route, refuseMismatch } from './route.js';
import { route } from './router.js';

/** How much of this program a client may take. */
export interface Limits {
  /** Connections at a time; more are closed at once. */
  readonly connections: number;
  /** Milliseconds for the headers, and for a whole request. */
  readonly headersTime: number;
  readonly requestTime: number;
  /** Milliseconds without a byte in or out: a client that does not read is let go of. */
  readonly idle: number;
  /** Milliseconds between two requests of a connection. */
  readonly keepAlive: number;
  /** Milliseconds between two looks at who takes too long. */
  readonly look: number;
}

const LIMITS: Limits = {
  connections: 256,
  headersTime: 10_000,
  requestTime: 60_000,
  idle: 60_000,
  keepAlive: 5000,
  look: 5000,
};
/** Bytes of all headers. */
const HEADERS = 16 * 1024;

/** What requests are answered with. */
export interface Service {
  readonly routes: readonly Route[];
  readonly director: Director;
  readonly gate: Gate;
  readonly limits?: Partial<Limits> | undefined;
}

/** A server for clients of this machine. It listens nowhere yet. */
export function httpServer(service: Service): Server {
  return prepared(createServer(nodeLimits(service)), service);
}

/** A server for clients from anywhere, by TLS. It listens nowhere yet. */
export function httpsServer(service: Service, tls: TlsOptions): SecureServer {
  return prepared(createSecureServer({ ...tls, ...nodeLimits(service) }), service);
}

function nodeLimits({ limits }: Service) {
  const { headersTime, requestTime, keepAlive, look } = { ...LIMITS, ...limits };
  return {
    maxHeaderSize: HEADERS,
    headersTimeout: headersTime,
    requestTimeout: requestTime,
    keepAliveTimeout: keepAlive,
    connectionsCheckingInterval: look,
  };
}

function prepared<Made extends Server | SecureServer>(server: Made, service: Service): Made {
  const { connections, idle } = { ...LIMITS, ...service.limits };
  const open = { ...service, repeated: new Idempotency() };
  server.maxConnections = connections;
  server.timeout = idle;
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    serve(open, request, response).catch(() => response.destroy());
  });
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket: Duplex) => {
    // What is no HTTP at all, such as a TLS handshake that failed, gets no answer.
    if (!socket.writable || !/^(HPE|ERR_HTTP)_/.test(code)) return void socket.destroy();
    socket.end(rawProblem(new Problem(CLIENT_ERRORS[code] ?? 400, 'the request is none that this server takes')));
  });
  server.on('connect', (_: IncomingMessage, socket: Duplex) => {
    socket.end(rawProblem(new Problem(405, 'this is no proxy')));
  });
  return server;
}

const CLIENT_ERRORS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** For a connection that has no answer to be written to. */
function rawProblem({ details }: Problem): string {
  const body = prettyJson(details);
  return [
    `HTTP/1.1 ${details.status} ${STATUS_CODES[details.status]}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

const PROBLEM_TYPE = 'application/problem+json';

/** A service that knows what was asked of it before. */
type OpenService = Service & { readonly repeated: Idempotency };

/** Made once: every request ends with it, and an error of its own for each would have its stack written down. */
const GONE = new Error('the client is gone, or the program ends');

async function serve(service: OpenService, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { director, gate } = service;
  const gone = new AbortController();
  const end = () => gone.abort(GONE);
  response.on('close', end).on('error', end);
  director.options.signal.addEventListener('abort', end);
  let visitor: Visitor | undefined;
  // Not 'finish': who hangs up before the answer has changed something all the same.
  response.on('close', () => audit(director, visitor, request, response));
  try {
    visitor = gate(request);
    await handle(service, visitor, request, response, gone.signal);
  } catch (error) {
    writeProblem(request, response, problemOf(error));
  } finally {
    director.options.signal.removeEventListener('abort', end);
  }
}

async function handle(
  { routes, director, repeated }: OpenService,
  visitor: Visitor,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const { route: found, params, query } = route(routes, request.method ?? '', request.url ?? '');
  if (!isAllowed(visitor, found.role)) {
    throw new Problem(403, `needs the role ${found.role}; ${visitor.name} is ${visitor.role}`);
  }
  const { headers } = request;
  // Before the body is read: a request without it changes nothing, whatever it has.
  if (found.match) requireMatch(headers);
  const body = await bodyOf(request, found.body);
  const call = { params, query, headers, body, visitor, signal };
  const work = async () => found.handle(director, call);
  const isRepeatable = found.method === 'POST';
  const answer = isRepeatable ? repeated.answer(request.url ?? '', call, work) : work();
  await write(response, await answer, signal);
}

/** The client hung up before it was answered: nginx's number for it. */
const CLIENT_GONE = 499;

/** Characters of a path that are told. */
const PATH = 300;

/** What changes something, or was to, is told; so is who was not let in. */
function audit(
  director: Director,
  visitor: Visitor | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { method = '', url = '', headers, socket } = request;
  const status = response.headersSent ? response.statusCode : CLIENT_GONE;
  const isRefused = status === 401 || status === 403 || status === 429;
  if ((method === 'GET' || method === 'HEAD') && !isRefused) return;
  const reason = headers['x-reason'];
  director.tellRequest({
    type: 'request',
    who: visitor?.name,
    ...(visitor?.peer !== undefined && { peer: visitor.peer }),
    from: socket.remoteAddress,
    method,
    path: printable(url, PATH),
    status,
    reason: typeof reason === 'string' ? printable(reason) : undefined,
  });
}

/** @throws {Problem} 428 */
function requireMatch(headers: IncomingMessage['headers']): void {
  if (headers['if-match'] === undefined && headers['if-none-match'] === undefined) refuseMismatch(headers, undefined);
}

const DOCUMENT_TYPES = ['application/json', 'application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];

/** The body, whole. @throws {Problem} 400, 413 or 415 */
async function bodyOf(request: IncomingMessage, spec: BodySpec | undefined): Promise<Buffer> {
  const { limit = 0, optional = spec === undefined, schema } = spec ?? {};
  const { 'content-encoding': encoding, 'content-type': type, 'content-length': length = '0' } = request.headers;
  if (encoding !== undefined) throw new Problem(415, 'the body must not be encoded (Content-Encoding)');
  if (Number(length) > limit) throw tooLong(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLong(limit);
    chunks.push(chunk);
  }
  if (size === 0 && !optional) throw new Problem(400, 'the body is missing');
  const media = type?.split(';')[0]?.trim().toLowerCase();
  const types = schema === undefined ? DOCUMENT_TYPES : ['application/json'];
  if (size > 0 && media !== undefined && !types.includes(media)) {
    throw new Problem(415, `Content-Type must be ${types.join(', ')}`);
  }
  return Buffer.concat(chunks);
}

function tooLong(limit: number): Problem {
  return new Problem(413, limit === 0 ? 'this takes no body' : `the body is longer than ${limit} bytes`);
}

async function write(
  response: ServerResponse,
  { status = 200, headers = {}, json, text, type = 'application/json' }: Answer,
  signal: AbortSignal,
): Promise<void> {
  const common = { 'X-Content-Type-Options': 'nosniff', ...headers };
  if (status === 304) {
    response.writeHead(status, common).end();
  } else if (text === undefined || typeof text === 'string' || text instanceof Uint8Array) {
    const body = Buffer.from(text ?? prettyJson(json));
    response.writeHead(status, { ...common, 'Content-Type': type, 'Content-Length': body.length }).end(body);
  } else {
    response.writeHead(status, { ...common, 'Content-Type': type });
    // Else a reader of events sees nothing before the first of them.
    response.flushHeaders();
    await pipeline(Readable.from(text, { objectMode: true, highWaterMark: 1 }), response, { signal });
  }
}

/** An answer that has begun cannot become another one: the client sees that it is cut off. */
function writeProblem(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const { details, options } = problem;
  const body = prettyJson(details);
  // What is left of the body is not wanted.
  const close = request.complete ? {} : { Connection: 'close' };
  const length = Buffer.byteLength(body);
  response.writeHead(problem.status, {
    ...options.headers,
    ...close,
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': length,
  });
  response.end(body);
}
