/**
 * Asks the API of this program itself now and then, as a client would: whether it answers.
 * @module
 */
import { request } from 'node:http';
import type { Progress } from './progress.js';

/** Milliseconds between two questions, and for an answer. */
const PAUSE = 5000;
const PATIENCE = 5000;

/** Without it, a question that this side gives up looks like one that the other has hung up. */
const SILENCE = new Error('no answer in time');

/** Until it is disposed of. Any answer will do; a server that has as many clients as it takes hangs up, which is one, too. */
export function pulse(
  socketPath: string,
  progress: Pick<Progress, 'ask' | 'answer'>,
  pause = PAUSE,
  patience = PATIENCE,
): Disposable {
  let asking: ReturnType<typeof request> | undefined;
  const ask = () => {
    if (asking !== undefined) return;
    progress.ask();
    asking = request({ socketPath, path: '/livez', agent: false, timeout: patience }, (response) => {
      progress.answer();
      response.resume();
    });
    asking.on('timeout', () => asking?.destroy(SILENCE));
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
      asking?.destroy(SILENCE);
    },
  };
}
