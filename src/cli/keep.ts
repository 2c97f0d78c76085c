/**
 * `ipvs-ts keep`.
 * @module
 */
import { EventEmitter, on } from 'node:events';
import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Ipvs } from '../ipvs.js';
import { READY, reloading, STOPPING, type SystemdNotifier, statusOf, systemdNotifier } from '../linux/systemd.js';
import { type KeepEvent, keep } from '../reconcile/keep.js';
import { milliseconds, scopeOf } from './desired-options.js';
import { type Parsed, UsageError } from './parse-verb.js';
import { readStateFile } from './state-file.js';
import type { Streams } from './streams.js';

/** Milliseconds of silence after which a file counts as written: editors touch it several times. */
const SETTLED = 100;

/**
 * Keeps the table as the file says until SIGTERM or SIGINT. SIGHUP reads the file anew, as does a change of it. What happens
 * goes to standard output, a line each, and systemd is told when the table is ready.
 */
export async function keepTable({ values, operand }: Parsed<'keep'>, streams: Streams): Promise<void> {
  const file = operand ?? '';
  if (file === '' || file === '-') throw new UsageError('keep: FILE must be a file, which can change');
  const scope = scopeOf(values.scope);
  const deadline = milliseconds('keep', 'drain', values.drain);
  const interval = milliseconds('keep', 'interval', values.interval);
  await using ipvs = await Ipvs.open({ netns: values.netns, source: 'netlink' });
  using signals = new Signals(file);
  using systemd = new Systemd();
  const line = values.json ? jsonLine : textLine;
  await keep(
    ipvs,
    { read: () => readStateFile(file, streams), changes: on(signals.emitter, 'changed') },
    {
      interval,
      prune: values.prune,
      scope,
      withdraw: values.withdraw,
      signal: signals.end,
      ...(deadline !== undefined && { drain: { deadline } }),
      onEvent: (event) => {
        streams.stdout.write(line(event));
        systemd.tell(event);
      },
    },
  );
}

/** What tells a running program to read its file anew, or to end. */
class Signals implements Disposable {
  readonly emitter = new EventEmitter();
  readonly #end = new AbortController();
  readonly #watcher: ReturnType<typeof watch>;
  #timer: NodeJS.Timeout | undefined;

  constructor(file: string) {
    // The directory: many programs write a file anew and give it the old one's name.
    this.#watcher = watch(dirname(file), (_, name) => {
      if (name === basename(file)) this.#changedSoon();
    });
    process.on('SIGHUP', this.#changed).on('SIGTERM', this.#stop).on('SIGINT', this.#stop);
  }

  get end(): AbortSignal {
    return this.#end.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#watcher.close();
    process.off('SIGHUP', this.#changed).off('SIGTERM', this.#stop).off('SIGINT', this.#stop);
  }

  #changedSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#changed, SETTLED);
  }

  readonly #changed = (): void => {
    this.emitter.emit('changed');
  };

  readonly #stop = (): void => {
    this.#end.abort();
  };
}

/** systemd, if it started this program and wants to know (`Type=notify-reload`). */
class Systemd implements Disposable {
  readonly #notifier: SystemdNotifier | undefined = systemdNotifier();
  #isReady = false;

  tell(event: KeepEvent): void {
    if (event.type === 'ready') this.#isReady = true;
    const status = statusOf(textLine(event).split('\n')[0] ?? '');
    this.#notifier?.notify([...this.#state(event.type), status].join('\n'));
  }

  #state(type: KeepEvent['type']): string[] {
    switch (type) {
      case 'reloading':
        return [reloading()];
      case 'stopping':
        return [STOPPING];
      default:
        // A reload is over whatever came of it: a bad file leaves the old table in force.
        return this.#isReady ? [READY] : [];
    }
  }

  [Symbol.dispose](): void {
    this.#notifier?.close();
  }
}

function jsonLine(event: KeepEvent): string {
  const error = 'error' in event ? { error: event.error.message } : {};
  return `${JSON.stringify({ time: new Date().toISOString(), ...event, ...error })}\n`;
}

function textLine(event: KeepEvent): string {
  if ('error' in event) return `${event.type}: ${event.error.message}\n`;
  if (!('plan' in event)) return `${event.type}\n`;
  const { steps } = event.plan;
  if (steps.length === 0) return `${event.type}: nothing to do\n`;
  return steps.map(({ what, why }) => `${event.type}: ${what} (${why})\n`).join('');
}
