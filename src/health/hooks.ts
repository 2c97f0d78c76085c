/**
 * Telling others of changes: lines for a FIFO, and programs, one after the other for each service. Nothing waits for them, and what
 * comes of them changes nothing here.
 * @module
 */
import { formatDestinationKey } from '../model/destination.js';
import type { NormalHook, NormalServiceNotify } from '../model/hook.js';
import { formatServiceKey, type ServiceKeyText } from '../model/service-key.js';
import type { HookVariables } from './hook-program.js';
import { type News, NotifyFifos } from './notify-fifo.js';

/** What did not get through. */
export interface HookFailure {
  readonly service: ServiceKeyText;
  /** `10.0.0.11:80`; absent where it was about the quorum. */
  readonly server?: string;
  /** What was to be told. */
  readonly event: 'up' | 'down' | 'quorum-up' | 'quorum-down';
  /** The program with its arguments, or the FIFO. */
  readonly hook: string;
  /** Why it failed: `exit code 1: "..."`. */
  readonly reason: string;
}

/** Runs a hook, and resolves with why it failed; undefined if it did not. */
export type HookRunner = (
  hook: NormalHook,
  variables: HookVariables,
  signal: AbortSignal,
) => Promise<string | undefined>;

/** Programs that run at a time. */
const AT_A_TIME = 8;
/** Programs that wait. */
const WAITING = 1000;

interface Waiting {
  readonly hook: NormalHook;
  readonly variables: HookVariables;
  readonly fail: (reason: string) => void;
  readonly service: ServiceKeyText;
}

/** See the module. Dispose of it in the end: what runs is killed then. */
export class Hooks implements Disposable {
  readonly #run: HookRunner;
  readonly #onFailure: (failure: HookFailure) => void;
  readonly #fifos = new NotifyFifos();
  readonly #over = new AbortController();
  /** Services of which a program runs: two at once could come in the wrong order. */
  readonly #busy = new Set<ServiceKeyText>();
  #waiting: Waiting[] = [];

  constructor(run: HookRunner, onFailure: (failure: HookFailure) => void) {
    this.#run = run;
    this.#onFailure = onFailure;
  }

  /** Tells those who want to know. */
  tell(news: News, { fifo, ...hooks }: NormalServiceNotify): void {
    const { service: key, server: address, isUp, reason } = news;
    const service = formatServiceKey(key);
    const server = address && formatDestinationKey(address);
    const event = address === undefined ? (isUp ? 'quorum-up' : 'quorum-down') : isUp ? 'up' : 'down';
    const failing = (hook: string) => (why: string) =>
      this.#onFailure({ service, ...(server !== undefined && { server }), event, hook, reason: why });
    if (fifo !== undefined) this.#fifos.write(fifo, news, failing(fifo));
    const hook = hooks[HOOKS[event]];
    if (hook === undefined) return;
    const variables = {
      NOTIFY_EVENT: event,
      NOTIFY_SERVICE: service,
      NOTIFY_SERVER: server ?? '',
      NOTIFY_REASON: reason.replaceAll('\0', ''),
    };
    this.#add({ hook, variables, fail: failing(hook.command.join(' ')), service });
  }

  /** FIFOs that nobody writes to any more are closed. */
  keepOnly(fifos: ReadonlySet<string>): void {
    this.#fifos.keepOnly(fifos);
  }

  [Symbol.dispose](): void {
    this.#waiting = [];
    this.#over.abort();
    this.#fifos.keepOnly(new Set());
  }

  #add(one: Waiting): void {
    this.#waiting.push(one);
    // The newest says how it is now.
    if (this.#waiting.length > WAITING) this.#waiting.shift()?.fail(`not run: ${WAITING} others wait`);
    this.#next();
  }

  #next(): void {
    while (this.#busy.size < AT_A_TIME) {
      const index = this.#waiting.findIndex(({ service }) => !this.#busy.has(service));
      const [one] = index < 0 ? [] : this.#waiting.splice(index, 1);
      if (one === undefined) return;
      void this.#start(one);
    }
  }

  async #start({ hook, variables, fail, service }: Waiting): Promise<void> {
    this.#busy.add(service);
    const reason = await this.#run(hook, variables, this.#over.signal).catch((error: Error) => error.message);
    this.#busy.delete(service);
    if (this.#over.signal.aborted) return;
    if (reason !== undefined) fail(reason);
    this.#next();
  }
}

const HOOKS = { up: 'up', down: 'down', 'quorum-up': 'quorumUp', 'quorum-down': 'quorumDown' } as const;
