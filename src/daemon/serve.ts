/**
 * The daemon: keeps the table as a file says, and answers requests meanwhile.
 * @module
 */
import { setMaxListeners } from 'node:events';
import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { TableAccess } from '../model/table-access.js';
import { resumeDrains } from '../reconcile/drain.js';
import { Director, type DirectorOptions, type ServedTable } from './director.js';
import { socketGate, tokenGate } from './gate.js';
import { httpServer, httpsServer, type Limits } from './http-server.js';
import { type KeepFileOptions, keepFile } from './keep-file.js';
import { pulse } from './pulse.js';
import { ROUTES } from './routes.js';
import { listenAt } from './socket-file.js';
import { listenTls, type TcpOptions, tlsOptionsOf } from './tls-listener.js';
import { readTokens, TokenFile } from './tokens.js';

/** What {@link serve} takes. */
export interface ServeOptions
  extends Omit<KeepFileOptions, keyof DirectorOptions | 'onLook' | 'onRead' | 'program'>,
    DirectorOptions {
  /** The path of the API's unix socket. */
  readonly socket: string;
  /** A group, by name or number, whose members may use it; undefined: only this user and root. */
  readonly group?: string | undefined;
  readonly program: string;
  /** Where it listens by TCP besides; undefined: nowhere. */
  readonly tcp?: TcpOptions | undefined;
  readonly limits?: Partial<Limits> | undefined;
}

/**
 * Keeps the table until the signal, and answers requests at a unix socket from the beginning.
 * @throws as `keep`, and as `listenAt`. Later trouble of the API leaves the table alone, and is told.
 */
export async function serve(table: ServedTable, options: ServeOptions): Promise<void> {
  // Every request listens to it, which is no leak.
  setMaxListeners(0, options.signal);
  const director = new Director(table, options);
  await using _local = await openSocket(director, options);
  using _pulse = pulse(options.socket, director.progress);
  await using _remote = options.tcp && (await openTcp(director, options.tcp, options));
  await keepFile(table, {
    ...options,
    onStart: (parts) => {
      director.start(parts);
      options.onStart?.(parts);
    },
    onRead: () => director.tellRead(),
    onEvent: (event) => {
      director.tellKeep(event);
      options.onEvent?.(event);
      if (event.type === 'ready') resume(table, options);
    },
    onHealthEvent: (event) => {
      director.tellHealth(event);
      options.onHealthEvent?.(event);
    },
    onLook: (look) => director.tellLook(look),
  });
}

/** An end that lets go of the socket's path last. */
async function openSocket(director: Director, options: ServeOptions): Promise<AsyncDisposable> {
  const { socket: path, group, program, limits, onTrouble } = options;
  const server = httpServer({ routes: ROUTES, director, gate: socketGate(), limits });
  const lock = await listenAt(server, { path, group, program });
  server.on('error', (error) => onTrouble('API', error));
  return {
    async [Symbol.asyncDispose]() {
      await close(server);
      lock[Symbol.dispose]();
    },
  };
}

async function openTcp(director: Director, tcp: TcpOptions, options: ServeOptions): Promise<AsyncDisposable> {
  const { limits, onTrouble } = options;
  // A file that is none is told now, and not to the first client.
  if (readTokens(tcp.tokens).length === 0) onTrouble('API', new Error(`${tcp.tokens} has no tokens yet`));
  const gate = tokenGate(new TokenFile(tcp.tokens));
  const server = httpsServer({ routes: ROUTES, director, gate, limits }, tlsOptionsOf(tcp));
  const following = await listenTls(server, tcp, onTrouble);
  server.on('error', (error) => onTrouble('API', error));
  return {
    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]();
      await close(server);
    },
  };
}

/** Goes on with what an earlier run was draining. */
function resume(table: TableAccess, { directory, signal, onTrouble }: ServeOptions): void {
  try {
    for (const { finished } of resumeDrains(table, directory, { signal })) {
      finished.catch((error: Error) => {
        if (!signal.aborted) onTrouble('drain', error);
      });
    }
  } catch (error) {
    onTrouble('drain', error as Error);
  }
}

function close(server: Server | SecureServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
