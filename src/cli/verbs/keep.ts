/** @module */
import { IpvsError } from '../../errors.js';
import { namespaceIdentity } from '../../linux/namespace-identity.js';
import { READY, reloading, STOPPING, type SystemdNotifier, statusOf, systemdNotifier } from '../../linux/systemd.js';
import type { KeepEvent } from '../../reconcile/keep.js';
import type { Plan } from '../../reconcile/plan.js';
import { DRAIN, milliseconds, NETNS, PRUNE, SCOPE, STATE_FILE } from '../common-options.js';
import { healthLine } from '../health-text.js';
import { warningWriter } from '../input.js';
import { overrideLine } from '../override-text.js';
import { systemMessage } from '../system-error.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

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
  },
  reports: true,
  help: 'keep the table as a state file says',
  details:
    'It watches the file, and corrects what other programs change. SIGHUP reads the file at once, SIGTERM ends it: servers that ' +
    'are being drained keep weight 0 then. A file with a mistake changes nothing. Write the file beside and rename it, or hold ' +
    'a lock on it (flock) while you write. It runs the health checks that the file has, and acts upon them. One program keeps the services of a scope in a network namespace.',

  async run({ values, operands: { file } }, context) {
    if (file === '' || file === '-') throw new UsageError('FILE must be a file, which can change');
    const { keep: keepTable, parseScope, StateFileSource, stateDirectory } = await import('../../reconcile/index.js');
    const scope = parseScope(values.scope);
    const { netns, interval, prune, withdraw, drain, settle } = values;
    await using ipvs = await context.open({ netns, source: 'netlink' });
    const { env, streams } = context;
    using signals = new Signals();
    using source = new StateFileSource(file, {
      interval,
      settle,
      env,
      onWarning: warningWriter(streams.stderr),
      signal: signals.end,
    });
    signals.reload = () => source.reload();
    using systemd = new Systemd();
    const line = values.json ? jsonLine : textLine;
    const directory = stateDirectory({ netns });
    const { HealthMonitor } = await import('../../health/index.js');
    using health = new HealthMonitor({
      directory,
      scope,
      start: values.start,
      massFailure: values.hold > 0 && { hold: values.hold },
      onEvent: (event) => streams.stdout.write(values.json ? jsonOf(event) : `${healthLine(event)}\n`),
    });
    await keepTable(
      ipvs,
      {
        changes: source.changes,
        read: async () => {
          const state = await source.read().catch((error: unknown) => fail(file, error));
          if (state.health !== undefined) refuseOtherNamespace(netns);
          return state;
        },
      },
      {
        directory,
        health,
        program: `ipvs-ts keep ${file}`,
        interval,
        maxRemoval: values['max-removal'],
        prune,
        scope,
        withdraw,
        signal: signals.end,
        ...(drain !== undefined && { drain: { deadline: drain } }),
        onEvent: (event) => {
          streams.stdout.write(line(event));
          systemd.tell(event);
        },
      },
    );
    return 0;
  },
});

function percent(text: string): number {
  if (/^(\d{1,2}|100)$/.test(text)) return Number(text);
  throw new UsageError(`must be a percentage from 0 to 100, not "${text}"`);
}

/** A check is made with this process's own sockets. */
function refuseOtherNamespace(netns: string | undefined): void {
  if (netns === undefined || namespaceIdentity({ netns }) === namespaceIdentity()) return;
  throw new UsageError(
    `--netns ${netns}: the file has checks, which run in the namespace of this program: ip netns exec ${netns} ipvs-ts keep`,
  );
}

/** What the user's file is not is a usage error. */
function fail(file: string, error: unknown): never {
  throw error instanceof IpvsError ? error : new UsageError(`${file}: ${systemMessage(error)}`);
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
  const stand = event.type === 'interrupted' ? { inForce: event.error.inForce, notTried: event.error.notTried } : {};
  return jsonOf({ ...event, ...error, ...stand });
}

function jsonOf(event: object): string {
  return `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`;
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
