/**
 * The API by TCP: only with TLS.
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { type Endpoint, formatEndpoint } from '../address/endpoint.js';
import { UnavailableError } from '../errors.js';
import { fileProblem } from '../linux/state-directory.js';

/** Where the API listens by TCP, and how it proves who it is. */
export interface TcpOptions {
  /** With port 0 the kernel chooses a free one. */
  readonly listen: Endpoint;
  /** Files in PEM. They are read again when they change. */
  readonly cert: string;
  readonly key: string;
  /** Clients must have a certificate of one of these authorities, beside their token. */
  readonly clientCa?: string | undefined;
  /** The file of tokens. */
  readonly tokens: string;
  /** Called once it listens. */
  readonly onListening?: ((endpoint: Endpoint) => void) | undefined;
}

/** Milliseconds between two looks at the files. */
const LOOK = 10_000;
/** Milliseconds that a client may take to come to terms about TLS. */
const HANDSHAKE = 10_000;

/** What a server is made of. @throws {UnavailableError} if a file can't be read. */
export function tlsOptionsOf({ cert, key, clientCa }: TcpOptions): TlsOptions {
  return {
    cert: readPem(cert),
    key: readPem(key),
    minVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE,
    ...(clientCa !== undefined && { ca: readPem(clientCa), requestCert: true, rejectUnauthorized: true }),
  };
}

/**
 * Lets a server listen, and follow its certificate.
 * @returns what ends the following.
 * @throws {UnavailableError} if it can't listen there.
 */
export async function listenTls(
  server: Server,
  options: TcpOptions,
  onTrouble: (what: string, error: Error) => void,
): Promise<Disposable> {
  const { address: host, port } = options.listen;
  await new Promise<void>((resolve, reject) => {
    const failed = ({ code }: NodeJS.ErrnoException) =>
      reject(new UnavailableError(`the API cannot listen at ${formatEndpoint(host, port)}: ${code}`));
    server.once('error', failed).listen({ host, port }, () => {
      server.off('error', failed);
      resolve();
    });
  });
  const { address, port: chosen } = server.address() as AddressInfo;
  options.onListening?.({ address, port: chosen });
  return follow(server, options, onTrouble);
}

/** A certificate is renewed while this program runs. One that can't be used leaves the old one in force. */
function follow(server: Server, options: TcpOptions, onTrouble: (what: string, error: Error) => void): Disposable {
  let seen = stampOf(options);
  const timer = setInterval(() => {
    const now = stampOf(options);
    if (now === seen) return;
    seen = now;
    try {
      server.setSecureContext(tlsOptionsOf(options));
    } catch (error) {
      onTrouble('TLS', error as Error);
    }
  }, LOOK);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function stampOf({ cert, key, clientCa }: TcpOptions): string {
  return [cert, key, ...(clientCa === undefined ? [] : [clientCa])]
    .map((path) => {
      const { ino, mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? {};
      return [ino, mtimeMs, size].join();
    })
    .join(' ');
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw fileProblem('read', path, cause);
  }
}
