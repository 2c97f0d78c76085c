/**
 * One request by HTTP/2 on a connection of its own.
 * @module
 */
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import type { Target } from './check-outcome.js';
import { Connection, type ConnectionOptions } from './connection.js';
import { hard, soft } from './outcome.js';
import type { Run } from './run.js';

/** A request. */
export interface Http2Request {
  readonly headers: OutgoingHttpHeaders;
  readonly body?: Uint8Array;
  /** Bytes of an answer's body that are read at most; 0: the head is enough. */
  readonly most: number;
}

/** An answer. */
export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** What is to be said of the certificate. */
  readonly warning: string | undefined;
}

/** Connects and asks: by ALPN with TLS, else by prior knowledge. Rejects with a `CheckFailure` or what the system says. */
export async function requestHttp2(
  target: Target,
  options: ConnectionOptions,
  { request, run }: { request: Http2Request; run: Run },
): Promise<Http2Answer> {
  const connection = await Connection.open(target, { ...options, protocols: ['h2'] }, run);
  const socket = connection.detach();
  const session = connect('http://check', { createConnection: () => socket });
  run.onEnd(() => session.destroy());
  return new Promise((resolve, reject) => {
    session.on('error', (error) => reject(inWords(error)));
    const stream = session.request(request.headers, { endStream: request.body === undefined });
    if (request.body !== undefined) stream.end(request.body);
    stream.on('error', (error) => reject(inWords(error)));
    const answer = new Answer(connection.warning);
    stream.once('close', () => reject(answer.closed()));
    stream.on('trailers', (trailers) => {
      answer.trailers = trailers;
    });
    stream.on('data', (part: Buffer) => {
      if (!answer.add(part, request.most)) reject(soft(`the answer is longer than ${request.most} bytes`));
    });
    stream.once('response', (headers) => {
      answer.headers = headers;
      run.waitFor('no end of the answer');
      if (request.most === 0) resolve(answer);
    });
    // Node ends the stream where the connection ends too.
    stream.once('end', () => (answer.hasBegun && !stream.aborted ? resolve(answer) : reject(answer.closed())));
  });
}

/** An answer while it comes. */
class Answer implements Http2Answer {
  headers: IncomingHttpHeaders = {};
  trailers: IncomingHttpHeaders = {};
  readonly warning: string | undefined;
  readonly #parts: Buffer[] = [];
  #length = 0;

  constructor(warning: string | undefined) {
    this.warning = warning;
  }

  get hasBegun(): boolean {
    return this.headers[':status'] !== undefined;
  }

  get status(): number {
    return Number(this.headers[':status']);
  }

  get body(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** The failure that it is if it ends here. */
  closed(): Error {
    if (!this.hasBegun) return hard('connection closed by the server before its answer');
    return soft('the server ended its answer in the middle');
  }

  /** False if it is too much. */
  add(part: Buffer, most: number): boolean {
    this.#length += part.length;
    if (this.#length > most) return false;
    this.#parts.push(part);
    return true;
  }
}

/** What is no HTTP/2 is a wrong answer; the system's own errors are told elsewhere. */
function inWords(error: Error & { code?: string }): Error {
  return error.code?.startsWith('ERR_HTTP2') ? soft(`HTTP/2: ${error.message}`) : error;
}
