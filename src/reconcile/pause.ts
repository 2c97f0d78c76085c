/**
 * Waiting that can be cut short.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits some milliseconds; false if a signal ends it before. Nothing stays behind on the signals, which may live for as long as
 * the program: of `AbortSignal.any` something does in Node 20.
 */
export async function pause(milliseconds: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<boolean> {
  const waiting = new AbortController();
  const end = () => waiting.abort();
  for (const signal of signals) signal?.addEventListener('abort', end);
  if (signals.some((signal) => signal?.aborted)) end();
  try {
    await sleep(milliseconds, undefined, { signal: waiting.signal });
    return true;
  } catch {
    return false;
  } finally {
    for (const signal of signals) signal?.removeEventListener('abort', end);
  }
}
