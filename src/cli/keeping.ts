/**
 * What `keep` and `serve` share: their options, their events as lines, signals, systemd.
 * @module
 */
import type { DesiredState } from '../config/desired-state.js';
import type { DirectorOptions, RequestEvent } from '../daemon/director.js';
import type { KeepFileOptions, KeepParts } from '../daemon/keep-file.js';
import type { Progress } from '../daemon/progress.js';
import { IpvsError } from '../errors.js';
import type { HealthEvent } from '../health/monitor.js';
import { namespaceIdentity } from '../linux/namespace-identity.js';
import { READY, reloading, STOPPING, type SystemdNotifier, statusOf, systemdNotifier } from '../linux/systemd.js';
import type { KeepEvent, KeepLook } from '../reconcile/keep.js';
import type { Plan } from '../reconcile/plan.js';
import { DRAIN, END, milliseconds, NETNS, PRUNE, SCOPE } from './common-options.js';
import type { VerbContext } from './context.js';
import { healthLine } from './health-text.js';
import { warningWriter } from './input.js';
import { overrideLine } from './override-text.js';
import { systemMessage } from './system-error.js';
import { UsageError } from './usage-error.js';
import type { Arguments } from './verb.js';

/** The options of a verb that keeps the table. */
export const KEEP_OPTIONS = {
  interval: {
    placeholder: 'SECONDS',
    default: '30',
    read: milliseconds,
    help: 'interval between two looks at the table',
  },
  scope: SCOPE,
  prune: PRUNE,
  drain: DRAIN,
  end: END,
  settle: {
    placeholder: 'SECONDS',
    default: '2',
    read: milliseconds,
    help: 'how long the file must not have changed before it is read again',
  },
  'max-removal': {
    placeholder: 'PERCENT',
    default: '50',
    read: percent,
    help: 'refuse a changed file that has fewer services or servers by more than this',
  },
  start: {
    placeholder: 'STATUS',
    choices: ['last', 'up', 'down'],
    default: 'last',
    help: 'what a real server counts as before its first check',
  },
  hold: {
    placeholder: 'SECONDS',
    default: '60',
    read: milliseconds,
    help: 'hold the table when most real servers fail at once; 0: never',
  },
  withdraw: { help: 'delete the services at the end' },
  json: { help: 'write events as lines of JSON' },
  netns: NETNS,
} as const;

/** Their values. */
export type KeepValues = Arguments<typeof KEEP_OPTIONS, Readonly<Record<never, never>>>['values'];

/**
 * What `keepFile` takes, by the options: events are written to standard output, a line each, and told to systemd; signals reload and
 * end. Dispose of it in the end.
 * @throws {UsageError} for what cannot be a file that changes.
 */
export async function keeping(verb: string, file: string, values: KeepValues, { streams, env }: VerbContext) {
  if (file === '' || file === '-') throw new UsageError('FILE must be a file, which can change');
  const { parseScope, stateDirectory } = await import('../reconcile/index.js');
  const { Progress } = await import('../daemon/progress.js');
  const { netns, drain, end, interval, settle, prune, withdraw, start, json } = values;
  if (end && drain === undefined) throw new UsageError('--end needs --drain');
  const signals = new Signals();
  const progress = new Progress(interval);
  const systemd = new Systemd(progress);
  const line = json ? (event: KeepEvent) => jsonOf(keepEventJson(event)) : textLine;
  const { keepEventJson } = await import('../json/events.js');
  const options = {
    progress,
    ...{ file, interval, settle, prune, withdraw, start, env },
    program: `ipvs-ts ${verb} ${file}`,
    directory: stateDirectory({ netns }),
    maxRemoval: values['max-removal'],
    massFailure: values.hold > 0 && { hold: values.hold },
    scope: parseScope(values.scope),
    signal: signals.end,
    ...(drain !== undefined && { drain: { deadline: drain, end } }),
    accept: ({ health }: DesiredState) => {
      if (health !== undefined) refuseOtherNamespace(netns, verb);
    },
    explain: (error: unknown) => explained(file, error),
    onWarning: warningWriter(streams.stderr),
    onLook: (look: KeepLook) => progress.look(look),
    onStart: ({ source, health }: KeepParts) => {
      progress.begin(health);
      signals.reload = () => source.reload();
    },
    onEvent: (event: KeepEvent) => {
      streams.stdout.write(line(event));
      systemd.tell(event);
      if (event.type === 'stopping') progress.end();
    },
    onHealthEvent: (event: HealthEvent) => void streams.stdout.write(json ? jsonOf(event) : `${healthLine(event)}\n`),
  } satisfies KeepFileOptions & Pick<DirectorOptions, 'progress'>;
  return {
    options,
    onRequest: (event: RequestEvent) => void streams.stdout.write(json ? jsonOf(event) : requestLine(event)),
    [Symbol.dispose]() {
      systemd[Symbol.dispose]();
      signals[Symbol.dispose]();
    },
  };
}

function percent(text: string): number {
  if (/^(\d{1,2}|100)$/.test(text)) return Number(text);
  throw new UsageError(`must be a percentage from 0 to 100, not "${text}"`);
}

/** A check is made with this process's own sockets. */
function refuseOtherNamespace(netns: string | undefined, verb: string): void {
  if (netns === undefined || namespaceIdentity({ netns }) === namespaceIdentity()) return;
  throw new UsageError(
    `--netns ${netns}: the file has checks, which run in the namespace of this program: ip netns exec ${netns} ipvs-ts ${verb}`,
  );
}

/** What the user's file is not is a usage error. */
function explained(file: string, error: unknown): unknown {
  return error instanceof IpvsError ? error : new UsageError(`${file}: ${systemMessage(error)}`);
}

/** The signals that a running program listens to. */
class Signals implements Disposable {
  readonly #end = new AbortController();
  /** What SIGHUP does. */
  reload: () => void = () => undefined;

  constructor() {
    process.on('SIGHUP', this.#reload).on('SIGTERM', this.#stop).on('SIGINT', this.#stop);
  }

  get end(): AbortSignal {
    return this.#end.signal;
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#reload).off('SIGTERM', this.#stop).off('SIGINT', this.#stop);
  }

  readonly #reload = (): void => this.reload();

  readonly #stop = (): void => {
    this.#end.abort();
  };
}

/** systemd, if it started this program and wants to know (`Type=notify-reload`). */
class Systemd implements Disposable {
  readonly #notifier: SystemdNotifier | undefined;
  #isReady = false;

  constructor(progress: Progress) {
    this.#notifier = systemdNotifier(process.env, progress);
  }

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

function jsonOf(event: object): string {
  return `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`;
}

/** `request: anna from 198.51.100.7: PUT /v1/desired: 200: new disk` */
function requestLine({ who = 'nobody', peer, from, method, path, status, reason }: RequestEvent): string {
  const place = from === undefined ? (peer === undefined ? '' : ` (pid ${peer.pid})`) : ` from ${from}`;
  return `request: ${who}${place}: ${method} ${path}: ${status}${reason === undefined ? '' : `: ${reason}`}\n`;
}

function textLine(event: KeepEvent): string {
  return linesOf(event)
    .map((line) => `${[event.type, line].filter((part) => part !== '').join(': ')}\n`)
    .join('');
}

function linesOf(event: KeepEvent): string[] {
  switch (event.type) {
    case 'interrupted': {
      const { inForce, notTried } = event.error;
      return [...inForce.map((step) => `done: ${step}`), ...notTried.map((step) => `not done: ${step}`)];
    }
    case 'refused':
      // The event's name is written before each line.
      return [event.error.message.replace(/^refused: /, '')];
    case 'stopping': {
      const left = event.draining.map(
        (server) => `${server} keeps weight 0: it is being drained, and the next keep goes on`,
      );
      return ['', ...left];
    }
    case 'ended':
      return [`${event.ended} connections of ${event.server}${event.left > 0 ? `; ${event.left} could not be` : ''}`];
    case 'not-ended':
      return [`connections of ${event.server}: ${event.error.message}`];
    case 'override':
      return [...event.overrides.map(overrideLine), ...stepsOf(event)];
    default:
      if ('error' in event) return [event.error.message];
      if (!('plan' in event)) return [''];
      return event.plan.steps.length === 0 ? ['nothing to do'] : stepsOf(event);
  }
}

function stepsOf({ plan: { steps } }: { readonly plan: Plan }): string[] {
  return steps.map(({ what, why }) => `${what} (${why})`);
}
