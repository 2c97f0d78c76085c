/**
 * HTTP around the routes: limits, bodies, answers. What a request does wrong is its own trouble, and nobody else's.
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { prettyJson } from '../json/pretty.js';
import type { Director } from './director.js';
import { Problem, problemOf } from './problem.js';
import { type Answer, type BodySpec, type Call, type Route, refuseMismatch } from './route.js';
import { route } from './router.js';

/** Connections at a time; more are closed at once. */
const CONNECTIONS = 256;
/** Bytes of all headers. */
const HEADERS = 16 * 1024;
/** Milliseconds for the headers, and for a whole request. */
const HEADERS_TIME = 10_000;
const REQUEST_TIME = 60_000;
/** Milliseconds without a byte in or out: a client that does not read is let go of. */
const IDLE = 60_000;
/** Milliseconds between two requests of a connection. */
const KEEP_ALIVE = 5000;

/** A server that answers these routes. It listens nowhere yet. */
export function httpServer(routes: readonly Route[], director: Director): Server {
  const limits = { maxHeaderSize: HEADERS, headersTimeout: HEADERS_TIME, requestTimeout: REQUEST_TIME };
  const server = createServer({ ...limits, keepAliveTimeout: KEEP_ALIVE }, (request, response) => {
    serve(routes, director, request, response).catch(() => response.destroy());
  });
  server.maxConnections = CONNECTIONS;
  server.timeout = IDLE;
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || code === 'ECONNRESET') return void socket.destroy();
    const status = CLIENT_ERRORS[code ?? ''] ?? 400;
    socket.end(rawProblem(new Problem(status, 'the request is none that this server takes')));
  });
  server.on('connect', (_, socket) => socket.end(rawProblem(new Problem(405, 'this is no proxy'))));
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

async function serve(
  routes: readonly Route[],
  director: Director,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  const end = () => gone.abort();
  response.on('close', end).on('error', end);
  director.options.signal.addEventListener('abort', end);
  try {
    const { route: found, params, query } = route(routes, request.method ?? '', request.url ?? '');
    const { headers } = request;
    // Before the body is read: a request without it changes nothing, whatever it has.
    if (found.match) requireMatch(headers);
    const body = await bodyOf(request, found.body);
    const call: Call = { params, query, headers, body, signal: gone.signal };
    await write(response, await found.handle(director, call), gone.signal);
  } catch (error) {
    writeProblem(request, response, problemOf(error));
  } finally {
    director.options.signal.removeEventListener('abort', end);
  }
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
