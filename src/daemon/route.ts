/**
 * What a route of the API is: the router, the checks of a request and the OpenAPI document read the same description.
 * @module
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import { parseServiceKey, type ServiceKey, type ServiceKeyText } from '../model/service-key.js';
import type { Director } from './director.js';
import { Problem, reading } from './problem.js';
import type { Role, Visitor } from './role.js';

/** A request whose path, query and length are checked. */
export interface Call {
  /** The parts of the path in braces, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly visitor: Visitor;
  /** Ends when the client is gone, or the program. */
  readonly signal: AbortSignal;
}

/** What a request is answered with: a value as JSON, or text. */
export interface Answer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string | Uint8Array | AsyncIterable<string>;
  /** Of `text`. */
  readonly type?: string;
}

/** An answer as the document tells it. */
export interface AnswerSpec {
  readonly help: string;
  readonly schema?: z.ZodType;
  /** Media type; default `application/json` where there is a schema. */
  readonly type?: string;
}

/** The body of a request. */
export interface BodySpec {
  /** Of JSON; undefined for the document of a state, which is YAML or JSON. */
  readonly schema?: z.ZodType;
  readonly optional?: true;
  /** Bytes. */
  readonly limit: number;
}

/** A route. */
export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** `/v1/services/{service}` */
  readonly path: string;
  /** The name of the operation in the document. */
  readonly id: string;
  /** Who may ask for it, at least. */
  readonly role: Role;
  readonly help: string;
  /** The parameters of the query, with their help. */
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: BodySpec;
  /** It changes what has an ETag: `If-Match` is required. */
  readonly match?: true;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  handle(director: Director, call: Call): Answer | Promise<Answer>;
}

/** Bytes of a document. */
export const DOCUMENT_LIMIT = 16 * 1024 * 1024;
/** Bytes of any other body. */
export const BODY_LIMIT = 64 * 1024;

/** The ETag of a value. */
export function etagOf(value: unknown): string {
  return tag(createHash('sha256').update(JSON.stringify(value)).digest('hex'));
}

/** `"2c26b4..."` */
export function tag(revision: string): string {
  return `"${revision}"`;
}

/**
 * @param current the ETag of what is there; undefined where nothing is
 * @throws {Problem} 428 for a change that does not say of what, 412 if something else is there.
 */
export function refuseMismatch(
  { 'if-match': match, 'if-none-match': none }: IncomingHttpHeaders,
  current: string | undefined,
): void {
  if (match === undefined && none === undefined) {
    throw new Problem(
      428,
      'a change needs If-Match with the ETag of what is to be changed (If-None-Match: * for what is new)',
    );
  }
  const fits =
    match === undefined ? none === '*' && current === undefined : current !== undefined && lists(match, current);
  if (fits) return;
  const there = current === undefined ? 'nothing is there' : `its ETag is ${current}`;
  throw new Problem(
    412,
    `somebody else has changed it: ${there}`,
    current === undefined ? {} : { headers: { ETag: current } },
  );
}

/** Whether a header names an ETag. */
export function lists(header: string, etag: string): boolean {
  const names = header.split(',').map((part) => part.trim());
  return names.includes(etag) || names.includes('*');
}

/** The service that the path names. @throws {Problem} 400 */
export function serviceIn({ params }: Call): ServiceKey {
  return reading(() => parseServiceKey(params['service'] as ServiceKeyText));
}

/** A body that is JSON, checked. @throws {Problem} 400 for what is no JSON, 422 with the path of every wrong field. */
export function jsonBody<Output>({ body }: Call, schema: z.ZodType<Output>): Output {
  const result = schema.safeParse(parseJson(body));
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
  throw new Problem(422, 'the body is not what is wanted here', { type: 'urn:ipvs-ts:ERR_INVALID_ARGUMENT', errors });
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new Problem(400, 'the body is no JSON in UTF-8');
  }
}

/** `?NAME` or `?NAME=true`. @throws {Problem} 400 */
export function flag({ query }: Call, name: string): boolean {
  const value = query[name];
  if (value === undefined || value === 'false') return false;
  if (value === '' || value === 'true') return true;
  throw new Problem(400, `${name} must be true or false`, {
    errors: [{ path: name, message: 'must be true or false' }],
  });
}
