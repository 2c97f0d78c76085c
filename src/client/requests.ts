/**
 * HTTP to a daemon: a request, its answer, and every way that it can fail as an error of the library.
 * @module
 */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { z } from 'zod';
import { ClosedError, IpvsError, ProtocolError, RemoteError, TimeoutError, UnavailableError } from '../errors.js';
import { problemSchema } from '../json/api.js';
import { errorOf } from '../json/error.js';
import type { CallOptions } from '../model/call-options.js';
import type { Place } from './address.js';

/** What to ask. */
export interface Question {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Encoded, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** JSON, unless it is text. */
  readonly body?: unknown;
  /** A status that is an answer, too. */
  readonly accepts?: number;
}

/** An answer that is no error. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A path with parts that are encoded: path`/v1/services/${key}`. */
export function path(texts: TemplateStringsArray, ...parts: readonly string[]): string {
  return texts.map((text, index) => text + encodeURIComponent(parts[index] ?? '')).join('');
}

/** A query, without what is undefined; empty where nothing is left. */
export function query(values: Readonly<Record<string, string | boolean | undefined>>): string {
  const given = Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

/** Requests to one daemon, on connections that are kept. */
export class Requests {
  readonly #place: Place;
  readonly #agent: Agent;
  readonly #closed = new AbortController();

  constructor(place: Place) {
    this.#place = place;
    this.#agent = place.protocol === 'https:' ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  }

  /** The whole answer. @throws as the module says. */
  async ask(question: Question, options: CallOptions = {}): Promise<Reply> {
    const response = await this.#send(question, options);
    const { statusCode: status = 0, headers } = response;
    return { status, headers, text: await this.#text(response, question, options) };
  }

  /** The answer's JSON, checked. @throws {ProtocolError} for an answer that is none of the API's; and as {@link Requests.ask}. */
  async json<Output>(schema: z.ZodType<Output>, question: Question, options?: CallOptions): Promise<Output> {
    const { text } = await this.ask(question, options);
    return parsed(schema, text, question);
  }

  /** The answer's text while it comes. */
  async *stream(question: Question, options: CallOptions = {}): AsyncGenerator<string, void, undefined> {
    const response = await this.#send(question, options);
    response.setEncoding('utf8');
    try {
      for await (const chunk of response as AsyncIterable<string>) yield chunk;
    } catch (error) {
      throw this.#failure(error, question, options);
    } finally {
      response.destroy();
    }
  }

  close(): void {
    this.#closed.abort();
    this.#agent.destroy();
  }

  async #send(question: Question, options: CallOptions): Promise<IncomingMessage> {
    if (this.#closed.signal.aborted) throw new ClosedError('the client is closed');
    options.signal?.throwIfAborted();
    const response = await this.#try(question, options).catch((error: unknown) => {
      // The daemon had closed a connection that was kept, before it saw the request.
      if (!(error instanceof StaleConnection)) throw error;
      return this.#try(question, options);
    });
    const { statusCode = 0 } = response;
    if (statusCode < 400 || statusCode === question.accepts) return response;
    throw problemError(statusCode, await this.#text(response, question, options));
  }

  #try({ method = 'GET', path: target, headers = {}, body }: Question, options: CallOptions): Promise<IncomingMessage> {
    const { socketPath, protocol, host, port, headers: own, tls, timeout } = this.#place;
    const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const given = Object.entries({ ...own, ...headers }).filter(([, value]) => value !== undefined);
    const isRead = method === 'GET';
    return new Promise((resolve, reject) => {
      const where = socketPath === undefined ? { host, port, ...tls } : { socketPath };
      const sent = (protocol === 'https:' ? secureRequest : request)({
        ...where,
        ...{ method, path: target, agent: this.#agent, timeout: options.timeout ?? timeout },
        signal: anyOf(this.#closed.signal, options.signal),
        headers: {
          ...Object.fromEntries(given),
          ...(content !== undefined && { 'content-length': Buffer.byteLength(content) }),
          ...(body !== undefined && typeof body !== 'string' && { 'content-type': 'application/json' }),
        },
      });
      sent.on('timeout', () =>
        sent.destroy(new TimeoutError(`${this.#name}: no answer to ${method} ${target} in time`)),
      );
      sent.on('response', resolve);
      sent.on('error', (error) => {
        const isStale = sent.reusedSocket && isRead && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
        reject(isStale ? new StaleConnection() : this.#failure(error, { path: target }, options));
      });
      sent.end(content);
    });
  }

  async #text(response: IncomingMessage, question: Question, options: CallOptions): Promise<string> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch (error) {
      throw this.#failure(error, question, options);
    }
    return Buffer.concat(chunks).toString();
  }

  #failure(error: unknown, { path: target }: Question, { signal }: CallOptions): unknown {
    if (signal?.aborted) return signal.reason;
    if (this.#closed.signal.aborted) return new ClosedError('the client was closed before the call ended');
    if (error instanceof IpvsError) return error;
    const { code, message } = error as NodeJS.ErrnoException;
    return new UnavailableError(`${this.#name}: ${target}: ${code ?? message}`, { cause: error });
  }

  get #name(): string {
    const { socketPath, host, port } = this.#place;
    return socketPath === undefined
      ? `https://${host.includes(':') ? `[${host}]` : host}:${port}`
      : `unix:${socketPath}`;
  }
}

class StaleConnection extends Error {}

function anyOf(closed: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  return signal === undefined ? closed : AbortSignal.any([closed, signal]);
}

/** An answer that is an error, as that error. */
function problemError(status: number, text: string): IpvsError {
  const { success, data } = problemSchema.safeParse(parseJson(text));
  if (!success)
    return new RemoteError(`HTTP status ${status}, and no words that are understood`, status, 'about:blank');
  const { type, detail, errors: issues, refusal } = data;
  const code = type.replace(/^urn:ipvs-ts:/, '');
  const isAbsent = code === 'about:blank' && status === 503;
  return errorOf({ code: isAbsent ? 'ERR_UNAVAILABLE' : code, message: detail, issues, refusal }, status);
}

/** @throws {ProtocolError} */
export function parsed<Output>(schema: z.ZodType<Output>, text: string, { path: target }: Question): Output {
  const { success, data, error } = schema.safeParse(parseJson(text));
  if (success) return data;
  const [issue] = error.issues;
  throw new ProtocolError(
    `the answer to ${target} is not as it should be: ${issue?.path.join('.')}: ${issue?.message}`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
