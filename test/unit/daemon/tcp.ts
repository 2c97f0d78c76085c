/** Requests to a daemon by TCP, with TLS and a token. */
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Endpoint } from '../../../src/address/endpoint.js';
import type { Role } from '../../../src/daemon/role.js';
import type { ServeOptions } from '../../../src/daemon/serve.js';
import { createToken } from '../../../src/daemon/tokens.js';
import { type Certificate, makeCertificate } from '../certificate.js';
import type { Daemon } from './fixture.js';

/** A daemon that listens by TCP, and a token of each role. */
export interface Remote {
  readonly daemon: Daemon;
  readonly port: number;
  readonly tokenFile: string;
  readonly certificate: Certificate;
  readonly tokens: Readonly<Record<Role, string>>;
}

export interface RemoteReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Starts the daemon of a test; its file is written before. */
export async function startTcp(
  daemon: Daemon,
  options: Partial<ServeOptions> = {},
  tls: { readonly clientCa?: string } = {},
): Promise<Remote> {
  const tokenFile = join(daemon.root, 'tokens.json');
  const certificate = makeCertificate(daemon.root, 'IP:127.0.0.1');
  const tokens = {
    reader: await createToken(tokenFile, 'rita', 'reader'),
    operator: await createToken(tokenFile, 'otto', 'operator'),
    admin: await createToken(tokenFile, 'anna', 'admin'),
  };
  let endpoint: Endpoint | undefined;
  await daemon.start({
    ...options,
    tcp: {
      listen: { address: '127.0.0.1', port: 0 },
      ...{ cert: certificate.certFile, key: certificate.keyFile, tokens: tokenFile, ...tls },
      onListening: (at) => {
        endpoint = at;
      },
    },
  });
  if (endpoint === undefined) throw new Error('it does not listen');
  return { daemon, port: endpoint.port, tokenFile, certificate, tokens };
}

/** The status of the answer, and its text unless it is a stream of events. */
export function askTcp(
  { port, certificate }: Pick<Remote, 'port' | 'certificate'>,
  method: string,
  path: string,
  {
    token,
    body,
    ...rest
  }: { token?: string; body?: string; headers?: Record<string, string>; cert?: string; key?: string } = {},
): Promise<RemoteReply> {
  const { headers, cert, key } = rest;
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, method, path, ca: readFileSync(certificate.certFile), agent: false },
        ...(cert !== undefined && { cert, key }),
        headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      },
      (response) => {
        const { statusCode: status = 0, headers: answered } = response;
        let text = '';
        const done = () => resolve({ status, headers: answered, text });
        if (answered['content-type'] === 'text/event-stream') {
          done();
          return void sent.destroy();
        }
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', done).on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
