/** A daemon on a simulated kernel, with HTTP at a unix socket in a directory of its own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { route } from '../../../src/daemon/router.js';
import { ROUTES } from '../../../src/daemon/routes.js';
import { type ServeOptions, serve } from '../../../src/daemon/serve.js';
import { Ipvs } from '../../../src/ipvs.js';
import { problemSchema } from '../../../src/json/api.js';
import type { KeepEvent } from '../../../src/reconcile/keep.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

export const KEY = 'tcp://192.0.2.1:80';
export const NAME = encodeURIComponent(KEY);
export const yaml = (...servers: string[]) =>
  `services:\n  - service: ${KEY}\n    destinations: [${servers.join(', ')}]\n`;

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  readonly json: any;
}

interface Ask {
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** What a test has at hand; made anew for each. */
export class Daemon {
  readonly root = mkdtempSync(join(tmpdir(), 'ipvs-ts-serve-'));
  readonly file = join(this.root, 'state.yaml');
  readonly socket = join(this.root, 'api.sock');
  readonly kernel = new SimulatedKernel();
  readonly events: KeepEvent[] = [];
  readonly troubles: string[] = [];
  #ipvs: Ipvs | undefined;
  #ending = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  async start(options: Partial<ServeOptions> = {}, isReady = true): Promise<void> {
    this.#ipvs ??= await Ipvs.open({ kernel: this.kernel });
    this.#ending = new AbortController();
    this.#ended = serve(this.ipvs, {
      ...{ file: this.file, directory: join(this.root, 'net'), socket: this.socket, version: '0.0.0-test' },
      ...{ program: 'ipvs-ts serve test', interval: 30_000, settle: 0, maxRemoval: 50, prune: true, scope: undefined },
      ...{ env: {}, accept: () => undefined, examine: async () => [], signal: this.#ending.signal },
      onTrouble: (what, error) => void this.troubles.push(`${what}: ${error.message}`),
      onEvent: (event) => void this.events.push(event),
      ...options,
    });
    this.#ended.catch(() => undefined);
    if (!isReady) return;
    const ready = vi.waitFor(() => expect(this.events.map(({ type }) => type)).toContain('ready'), { timeout: 10_000 });
    await Promise.race([ready, this.#ended]);
  }

  get ipvs(): Ipvs {
    if (this.#ipvs === undefined) throw new Error('it is not open');
    return this.#ipvs;
  }

  get ended(): Promise<void> {
    return this.#ended;
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await this.#ended.catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.end();
    await this.#ipvs?.close();
    rmSync(this.root, { recursive: true });
  }

  write(text: string): void {
    writeFileSync(this.file, text);
  }

  get text(): string {
    return readFileSync(this.file, 'utf8');
  }

  /** Weights by server, sorted. */
  async servers(): Promise<string> {
    const entries = await this.ipvs.listDestinations(KEY);
    return entries
      .map(({ destination: { address, weight } }) => `${address} ${weight}`)
      .sort()
      .join(', ');
  }

  /** The ETag of what a path has. */
  async etag(path = '/v1/desired'): Promise<string> {
    return String((await this.ask('GET', path)).headers.etag);
  }

  /** A request, whose answer is what the document of the API says. */
  async ask(method: string, path: string, { headers = {}, body }: Ask = {}): Promise<Reply> {
    const reply = await send(this.socket, method, path, { headers, ...(body !== undefined && { body }) });
    conforms(method, path, reply);
    return reply;
  }

  put(body: string, headers: Record<string, string>, query = ''): Promise<Reply> {
    return this.ask('PUT', `/v1/desired${query}`, { body, headers });
  }
}

export function send(socketPath: string, method: string, path: string, { headers = {}, body }: Ask): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson =
          /json$/.test(response.headers['content-type'] ?? '') &&
          !/ndjson/.test(response.headers['content-type'] ?? '');
        const json: unknown = isJson && text !== '' ? JSON.parse(text) : undefined;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function conforms(method: string, path: string, { status, json, headers }: Reply): void {
  const isProblem = headers['content-type'] === 'application/problem+json';
  if (isProblem) {
    expect(problemSchema.parse(json)).toEqual(json);
    expect(json.status).toBe(status);
    return;
  }
  if (status === 304) return;
  const answer = route(ROUTES, method, path).route.answers[status];
  expect(answer, `${method} ${path} answers ${status}, which its route does not say`).toBeDefined();
  if (json !== undefined) answer?.schema?.parse(json);
}

/** A daemon for each test, which a test starts. */
export function useDaemon(): { readonly daemon: Daemon } {
  let daemon: Daemon | undefined;
  let before: string | undefined;
  beforeEach(() => {
    daemon = new Daemon();
    before = process.env['IPVS_TS_STATE_DIRECTORY'];
    process.env['IPVS_TS_STATE_DIRECTORY'] = join(daemon.root, 'state');
  });
  afterEach(async () => {
    if (before === undefined) delete process.env['IPVS_TS_STATE_DIRECTORY'];
    else process.env['IPVS_TS_STATE_DIRECTORY'] = before;
    await daemon?.close();
  });
  return {
    get daemon() {
      if (daemon === undefined) throw new Error('no test is running');
      return daemon;
    },
  };
}
