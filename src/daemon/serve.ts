/**
 * The daemon: keeps the table as a file says, and answers requests meanwhile.
 * @module
 */
import type { Server } from 'node:http';
import type { TableAccess } from '../model/table-access.js';
import { resumeDrains } from '../reconcile/drain.js';
import { Director, type DirectorOptions, type ServedTable } from './director.js';
import { httpServer } from './http-server.js';
import { type KeepFileOptions, keepFile } from './keep-file.js';
import { ROUTES } from './routes.js';
import { listenAt } from './socket-file.js';

/** What {@link serve} takes. */
export interface ServeOptions
  extends Omit<KeepFileOptions, keyof DirectorOptions | 'onLook' | 'onRead' | 'program'>,
    DirectorOptions {
  /** The path of the API's unix socket. */
  readonly socket: string;
  /** A group, by name or number, whose members may use it; undefined: only this user and root. */
  readonly group?: string | undefined;
  readonly program: string;
}

/**
 * Keeps the table until the signal, and answers requests at a unix socket from the beginning.
 * @throws as `keep`, and as `listenAt`. Later trouble of the API leaves the table alone, and is told.
 */
export async function serve(table: ServedTable, options: ServeOptions): Promise<void> {
  const { socket: path, group, program, onTrouble } = options;
  const director = new Director(table, options);
  const server = httpServer(ROUTES, director);
  using _socket = await listenAt(server, { path, group, program });
  server.on('error', (error) => onTrouble('API', error));
  try {
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
  } finally {
    await close(server);
  }
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

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
