/**
 * A terminal taken over for a while, and given back as it was.
 * @module
 */

import type { ReadStream, WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import type { Line, LineKind, Size } from './frame.js';
import { keysIn } from './view.js';

/** What becomes of a terminal while it is taken over. */
export interface TerminalEvents {
  readonly onKey: (key: string) => void;
  readonly onResize: () => void;
  /** It is gone, or the process is to end by a signal. */
  readonly onEnd: (end: TerminalEnd) => void;
}

/** Why a terminal's time ends. */
export type TerminalEnd = { readonly signal: NodeJS.Signals } | { readonly error?: Error };

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Another screen, no cursor, no wrapping of long lines (xterm: DECSET 1049, 25, 7); and the way back. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';

/** Whether a stream is a terminal to show a live view on. */
export function isScreen(stream: NodeJS.WritableStream): stream is WriteStream {
  // Where TERM says dumb, sequences would be shown as characters.
  return 'isTTY' in stream && stream.isTTY === true && process.env['TERM'] !== 'dumb';
}

function isKeyboard(stream: NodeJS.ReadableStream): stream is ReadStream {
  return 'isTTY' in stream && stream.isTTY === true;
}

/** Takes the terminal over; {@link Terminal.dispose} gives it back, at the latest the end of the process does. */
export class Terminal implements Disposable {
  readonly #stdout: WriteStream;
  readonly #keyboard: ReadStream | undefined;
  readonly #events: TerminalEvents;
  readonly #colour: boolean;
  #taken = true;

  constructor(stdin: NodeJS.ReadableStream, stdout: WriteStream, events: TerminalEvents) {
    this.#stdout = stdout;
    this.#keyboard = isKeyboard(stdin) ? stdin : undefined;
    this.#events = events;
    this.#colour = (process.env['NO_COLOR'] ?? '') === '';
    process.once('exit', this.#giveBack);
    for (const signal of SIGNALS) process.once(signal, this.#onSignal);
    stdout.on('resize', events.onResize);
    stdout.on('error', this.#onError);
    stdout.write(ENTER);
    this.#listen();
  }

  #listen(): void {
    const keyboard = this.#keyboard;
    if (keyboard === undefined) return;
    keyboard.setRawMode(true);
    keyboard.setEncoding('utf8');
    keyboard.on('data', this.#onData).on('end', this.#onGone).on('error', this.#onError).resume();
  }

  /** A terminal that does not know its size (0) is taken for the usual one. */
  get size(): Size {
    return { columns: this.#stdout.columns || 80, rows: this.#stdout.rows || 24 };
  }

  /** Shows these lines and nothing else, in one write. */
  draw(lines: readonly Line[]): void {
    // A line is cleared before it is written: after its last column is, the cursor stands on that.
    const text = lines.map((line, index) => `\x1b[${index + 1};1H\x1b[2K${this.#coloured(line)}`).join('');
    // What is below the last line goes, unless there is nothing below it.
    const below = lines.length < this.size.rows ? `\x1b[${lines.length + 1};1H\x1b[J` : '';
    this.#stdout.write(text + below);
  }

  #coloured({ kind, text }: Line): string {
    const style = STYLES[kind];
    // Whether there are to be colours was asked before.
    return this.#colour && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
  }

  readonly #onData = (text: string | Buffer) => {
    for (const key of keysIn(String(text))) this.#events.onKey(key);
  };
  readonly #onGone = () => this.#events.onEnd({});
  readonly #onError = (error: Error) => this.#events.onEnd({ error });
  readonly #onSignal = (signal: NodeJS.Signals) => this.#events.onEnd({ signal });

  /** Also called when the process ends without having come to dispose of it. */
  readonly #giveBack = () => {
    if (!this.#taken) return;
    this.#taken = false;
    this.#keyboard?.setRawMode(false);
    this.#stdout.write(LEAVE);
  };

  [Symbol.dispose](): void {
    this.#giveBack();
    process.off('exit', this.#giveBack);
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
    this.#stdout.off('resize', this.#events.onResize);
    this.#keyboard?.off('data', this.#onData).off('end', this.#onGone).off('error', this.#onError).pause();
  }
}

/** None for what is as usual. */
const STYLES: Readonly<Record<LineKind, Parameters<typeof styleText>[0] | undefined>> = {
  summary: undefined,
  title: 'inverse',
  service: 'bold',
  server: undefined,
  up: 'green',
  down: 'red',
  quiesced: 'yellow',
  problem: 'red',
  hint: 'dim',
};
