/**
 * `top` on a terminal: reads again and again, and lets keys choose what is shown.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WriteStream } from 'node:tty';
import { IpvsError } from '../../errors.js';
import { frame } from './frame.js';
import type { Reading } from './reading.js';
import { Terminal, type TerminalEnd } from './terminal.js';
import { press, startView, type View } from './view.js';

/** What a live view begins with. */
export type LiveOptions = Pick<View, 'fallback' | 'interval' | 'sort'>;

/** The streams of a live view. */
export interface LiveStreams {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: WriteStream;
}

/**
 * Shows readings until a key ends it. The first one must succeed; where a later one fails, the view says so and goes on. A
 * signal ends the process as it would without a view, after the terminal has been given back.
 */
export async function live(read: () => Promise<Reading>, options: LiveOptions, streams: LiveStreams): Promise<void> {
  // Before the terminal is touched: what is wrong at the start is for the usual error message.
  const view = startView({ ...options, reading: await read() });
  const end = await show(view, read, streams);
  if ('signal' in end) process.kill(process.pid, end.signal);
  else if (end.error !== undefined && !isReaderGone(end.error)) throw end.error;
}

async function show(start: View, read: () => Promise<Reading>, streams: LiveStreams): Promise<TerminalEnd> {
  let view = start;
  const stop = new AbortController();
  const ended = new Promise<TerminalEnd>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(stop.signal.reason as TerminalEnd));
  });
  using terminal = new Terminal(streams.stdin, streams.stdout, {
    onKey: (key) => {
      const next = press(view, key, frame(view, terminal.size).moves);
      if (next === undefined) return stop.abort({});
      if (next === view) return;
      view = next;
      draw();
    },
    onResize: () => draw(),
    onEnd: (end) => stop.abort(end),
  });
  const draw = () => {
    if (!stop.signal.aborted) terminal.draw(frame(view, terminal.size).lines);
  };
  draw();
  while (await pause(view.interval, stop.signal)) {
    if (view.paused) continue;
    // A kernel that does not answer does not hold up the end.
    const outcome = await Promise.race([tryRead(read), ended.then(() => ({}))]);
    view = { ...view, problem: undefined, ...outcome };
    draw();
  }
  return ended;
}

async function tryRead(read: () => Promise<Reading>): Promise<Pick<View, 'reading'> | Pick<View, 'problem'>> {
  try {
    return { reading: await read() };
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    return { problem: error.message };
  }
}

/** Waits some seconds; false if the end came first. */
export async function pause(seconds: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(seconds * 1000, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

/** A terminal that was closed, or a pipe that nobody reads. */
export function isReaderGone(error: Error): boolean {
  return ['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'].includes((error as NodeJS.ErrnoException).code ?? '');
}
