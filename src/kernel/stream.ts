/**
 * A dump as something to loop over.
 * @module
 */
import type { CallOptions } from '../model/call-options.js';

/**
 * Gives what `dump` hands to its callback, as it comes. Leaving the loop early ends the dump; the connection reads what
 * the kernel still has to say about it and stays usable. What comes faster than the loop takes it waits in memory, so
 * that other calls never wait for a slow loop.
 */
export async function* stream<T>(
  dump: (onEntry: (entry: T) => void, options: CallOptions) => Promise<void>,
  { signal, timeout }: CallOptions = {},
): AsyncGenerator<T, void, undefined> {
  const left = new AbortController();
  const waiting: T[] = [];
  let wake = () => {};
  let end: { error?: unknown } | undefined;
  const finish = (result: { error?: unknown }) => {
    end = result;
    wake();
  };
  const onEntry = (entry: T) => {
    waiting.push(entry);
    wake();
  };
  const either = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
  dump(onEntry, { signal: either, timeout }).then(
    () => finish({}),
    (error: unknown) => finish({ error }),
  );
  try {
    for (;;) {
      yield* waiting.splice(0);
      if (waiting.length > 0) continue;
      if (end !== undefined) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if ('error' in end) throw end.error;
  } finally {
    left.abort();
  }
}
