/**
 * Asks the API of this program itself now and then, as a client would: whether it answers.
 * @module
 */
import { request } from 'node:http';
import type { Progress } from './progress.js';

/** Milliseconds between two questions, and for an answer. */
const PAUSE = 5000;
const PATIENCE = 5000;

/** Until it is disposed of. Any answer will do; a server that has as many clients as it takes hangs up, which is one, too. */
export function pulse(socketPath: string, progress: Progress, pause = PAUSE): Disposable {
  let asking: ReturnType<typeof request> | undefined;
  const ask = () => {
    if (asking !== undefined) return;
    progress.ask();
    asking = request({ socketPath, path: '/livez', agent: false, timeout: PATIENCE }, (response) => {
      progress.answer();
      response.resume();
    });
    asking.on('timeout', () => asking?.destroy());
    asking.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNRESET' || code === 'EPIPE') progress.answer();
    });
    asking.on('close', () => {
      asking = undefined;
    });
    asking.end();
  };
  const timer = setInterval(ask, pause).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      asking?.destroy();
    },
  };
}
