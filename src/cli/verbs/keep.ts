/** @module */
import { EventEmitter, on } from 'node:events';
import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { READY, reloading, STOPPING, type SystemdNotifier, statusOf, systemdNotifier } from '../../linux/systemd.js';
import type { KeepEvent } from '../../reconcile/keep.js';
import { DRAIN, milliseconds, NETNS, PRUNE, SCOPE, STATE_FILE } from '../common-options.js';
import { readState } from '../input.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** Milliseconds of silence after which a file counts as written: editors touch it several times. */
const SETTLED = 100;

/**
 * `ipvs-ts keep`: until SIGTERM or SIGINT. SIGHUP and a change of the file read it again. What happens is written to standard
 * output, a line each, and systemd learns when the table is ready.
 */
export const keep = defineVerb({
  name: 'keep',
  group: 'State',
  operands: { file: { ...STATE_FILE, help: 'the desired state, in YAML or JSON' } },
  options: {
    interval: {
      placeholder: 'SECONDS',
      default: '30',
      read: milliseconds,
      help: 'interval between two looks at the table',
    },
    scope: SCOPE,
    prune: PRUNE,
    drain: DRAIN,
    withdraw: { help: 'delete the services at the end' },
    json: { help: 'write events as lines of JSON' },
    netns: NETNS,
  },
  help: 'keep the table as a state file says',
  details:
    'It watches the file, and corrects what other programs change. SIGHUP reads the file again, SIGTERM ends it. A file ' +
    'with a mistake changes nothing.',

  async run({ values, operands: { file } }, context) {
    if (file === '' || file === '-') throw new UsageError('FILE must be a file, which can change');
    const { keep: keepTable, parseScope } = await import('../../reconcile/index.js');
    const scope = parseScope(values.scope);
    const { netns, interval, prune, withdraw, drain } = values;
    await using ipvs = await context.open({ netns, source: 'netlink' });
    using signals = new Signals(file);
    using systemd = new Systemd();
    const line = values.json ? jsonLine : textLine;
    await keepTable(
      ipvs,
      { read: () => readState(file, context), changes: on(signals.emitter, 'changed') },
      {
        interval,
        prune,
        scope,
        withdraw,
        signal: signals.end,
        ...(drain !== undefined && { drain: { deadline: drain } }),
        onEvent: (event) => {
          context.streams.stdout.write(line(event));
          systemd.tell(event);
        },
      },
    );
    return 0;
  },
});

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
