/**
 * HTTP/1.1 answers, as they come from a connection.
 * @module
 */
import type { Connection } from './connection.js';
import { quoted, soft } from './outcome.js';

/** Bytes of a status line and of all headers together. nginx and Node take half as much. */
const HEAD = 32_768;
/** Bytes of the line before a chunk. */
const CHUNK_LINE = 1024;

/** An answer before its body. */
export interface Head {
  readonly status: number;
  /** By name in lower case; the last one of several, but all of Transfer-Encoding. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Reads the answer's head; interim answers (1xx) are passed over. */
export async function readHead(connection: Connection): Promise<Head> {
  for (;;) {
    const status = await readStatus(connection);
    const headers = await readHeaders(connection);
    if (status >= 200 || status === 101) return { status, headers };
  }
}

const START = 'HTTP/';

async function readStatus(connection: Connection): Promise<number> {
  while (connection.received.length < START.length) if (!(await connection.more())) throw connection.closed();
  // Now, since what is no HTTP may never have a line.
  const { received } = connection;
  if (received.toString('latin1', 0, START.length) !== START) throw soft(`not HTTP: ${quoted(received)}`);
  const line = await connection.line(HEAD);
  const [, status] = /^HTTP\/1\.[01] ([1-9]\d\d)(?: .*)?$/.exec(line) ?? [];
  if (status === undefined) throw soft(`not HTTP/1.1: ${quoted(line)}`);
  return Number(status);
}

async function readHeaders(connection: Connection): Promise<Map<string, string>> {
  const headers = new Map<string, string>();
  for (let left = HEAD; ; ) {
    const line = await connection.line(HEAD);
    if (line === '') return headers;
    left -= line.length;
    if (left < 0) throw soft(`headers of more than ${HEAD} bytes`);
    const [, name = '', value = ''] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === '') throw soft(`not a header: ${quoted(line)}`);
    const before = name.toLowerCase() === 'transfer-encoding' ? headers.get('transfer-encoding') : undefined;
    headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
  }
}

/** Whether an answer says itself where it ends: if not, the end of the connection is its end. */
export function hasEnd({ status, headers }: Head): boolean {
  if (status === 101) return false;
  return status === 204 || status === 304 || headers.has('content-length') || headers.has('transfer-encoding');
}

/** Reads the body. Fails if it is longer than `most` bytes, cut off, or makes no sense. */
export async function readBody(connection: Connection, { status, headers }: Head, most: number): Promise<Buffer> {
  if (status === 204 || status === 304) return Buffer.alloc(0);
  const body = new Body(connection, most);
  const coding = headers.get('transfer-encoding')?.toLowerCase();
  if (coding === 'chunked') return readChunks(connection, body);
  if (coding !== undefined) throw soft(`the answer is in a coding that was not asked for: ${quoted(coding)}`);
  const length = headers.get('content-length');
  if (length === undefined) return body.readToEnd();
  if (!/^\d{1,15}$/.test(length)) throw soft(`not a Content-Length: ${quoted(length)}`);
  await body.read(Number(length));
  return body.bytes();
}

/** The part of a body that has come. */
class Body {
  readonly #connection: Connection;
  readonly #most: number;
  readonly #parts: Buffer[] = [];
  #length = 0;

  constructor(connection: Connection, most: number) {
    this.#connection = connection;
    this.#most = most;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** Reads so many bytes. */
  async read(length: number): Promise<void> {
    if (this.#length + length > this.#most) throw this.#tooLong();
    for (let left = length; left > 0; ) {
      if (this.#connection.received.length === 0 && !(await this.#connection.more())) throw cutOff();
      const part = this.#connection.take(left);
      left -= part.length;
      this.#add(part);
    }
  }

  async readToEnd(): Promise<Buffer> {
    this.#add(this.#connection.take(this.#connection.received.length));
    for (let part = await this.#connection.chunk(); part !== undefined; part = await this.#connection.chunk()) {
      this.#add(part);
    }
    return this.bytes();
  }

  #add(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#most) throw this.#tooLong();
    this.#parts.push(part);
  }

  #tooLong(): Error {
    return soft(`the answer is longer than ${this.#most} bytes`);
  }
}

async function readChunks(connection: Connection, body: Body): Promise<Buffer> {
  for (;;) {
    const line = await chunkLine(connection);
    const [, digits] = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
    if (digits === undefined) throw soft(`not the length of a chunk: ${quoted(line)}`);
    const length = Number.parseInt(digits, 16);
    // Trailers may follow, and tell nothing that is asked.
    if (length === 0) return body.bytes();
    await body.read(length);
    const end = await chunkLine(connection);
    if (end !== '') throw soft(`a chunk is longer than its length says: ${quoted(end)}`);
  }
}

/** Reads what may follow the last chunk. */
export async function readTrailers(connection: Connection, { headers }: Head): Promise<void> {
  if (headers.has('transfer-encoding')) await readHeaders(connection);
}

async function chunkLine(connection: Connection): Promise<string> {
  if (connection.received.length === 0 && !(await connection.more())) throw cutOff();
  return connection.line(CHUNK_LINE);
}

function cutOff(): Error {
  return soft('connection closed by the server in the middle of its answer');
}
