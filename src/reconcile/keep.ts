/**
 * Keeping a table as it should be: whenever what is wanted changes, and whenever the kernel's table is found different.
 * @module
 */
import { ClosedError, ReconcileError } from '../errors.js';
import type { DesiredTable } from '../model/desired.js';
import { integer, lazy, parse } from '../model/parse.js';
import type { TableAccess } from '../model/table-access.js';
import { type ReconcileOptions, reconcile } from './apply.js';
import { Changes } from './changes.js';
import { type Plan, plan } from './plan.js';

/** Where the wanted table comes from. */
export interface KeepSource {
  /** The table that is wanted now. What it throws is reported, and the last good table stays in force. */
  read(): DesiredTable | Promise<DesiredTable>;
  /**
   * Each value says that `read` may give something else now: a file was written, a signal came. Of an emitter:
   * `events.on(emitter, 'changed')`.
   */
  readonly changes?: AsyncIterable<unknown> | undefined;
}

/** What {@link keep} takes. */
export interface KeepOptions extends ReconcileOptions {
  /** Milliseconds between two looks at the kernel's table, 100 to 86400000 (a day). Default 30000. */
  readonly interval?: number | undefined;
  /**
   * Default here is `continue`: as much as can be is as wanted. A rollback would do and undo the same steps at every look.
   */
  readonly onRefusal?: ReconcileOptions['onRefusal'];
  /** Called with everything that happens. */
  readonly onEvent?: ((event: KeepEvent) => void) | undefined;
  /** Whether the services that were wanted are deleted in the end; drained, if `drain` is given. Default false. */
  readonly withdraw?: boolean | undefined;
  /** Ends it. What is under way is not rolled back: the table stays as it is then, unless it is withdrawn. */
  readonly signal?: AbortSignal | undefined;
}

/** Something that happened. Plain values, apart from errors. */
export type KeepEvent =
  /** The table is as wanted for the first time, refusals apart. */
  | { readonly type: 'ready' }
  /** The source is read again. */
  | { readonly type: 'reloading' }
  /** What the source wants was done; a plan without steps says that it was so already. */
  | { readonly type: 'applied'; readonly plan: Plan }
  /** The kernel's table was not as wanted, though the source had not changed; the steps were done. */
  | { readonly type: 'drift'; readonly plan: Plan }
  /** The kernel refused something; told again only when it refuses something else. */
  | { readonly type: 'refused'; readonly error: ReconcileError }
  /** The source cannot be taken. Nothing was changed, and the last good table is kept. */
  | { readonly type: 'bad-source'; readonly error: Error }
  /** A look at the kernel's table failed; the next one may not. */
  | { readonly type: 'failed'; readonly error: Error }
  | { readonly type: 'stopping' }
  /** The services were deleted in the end. */
  | { readonly type: 'withdrawn'; readonly plan: Plan };

const intervalSchema = lazy((z) => z.object({ interval: integer(100, 86_400_000, ' milliseconds').default(30_000) }));

/**
 * Keeps the table until the signal. A change of the source ends what is being drained (its weights are given back) and makes a
 * new plan; while nothing changes, drift is not looked for before the drains have ended. No state but the kernel's: killed and
 * started again, it goes on.
 * @throws what the first reading of the source, or of the table, throws: there is nothing to keep yet. Later only
 *   {@link ClosedError}, what the source's `changes` throw, and what withdrawing throws.
 */
export async function keep(table: TableAccess, source: KeepSource, options: KeepOptions = {}): Promise<void> {
  const { interval } = parse(intervalSchema, 'keep', options);
  await new Keeper(table, source, options).run(interval);
}

class Keeper {
  readonly #table: TableAccess;
  readonly #source: KeepSource;
  readonly #options: KeepOptions;
  readonly #end: AbortSignal;
  readonly #changes: Changes;
  /** What was refused last, in words. */
  #refused = '';

  constructor(table: TableAccess, source: KeepSource, options: KeepOptions) {
    this.#table = table;
    this.#source = source;
    this.#options = { onRefusal: 'continue', ...options };
    this.#end = options.signal ?? new AbortController().signal;
    this.#changes = new Changes(source.changes);
  }

  async run(interval: number): Promise<void> {
    try {
      const wanted = await this.#keep(interval);
      this.#tell({ type: 'stopping' });
      if (this.#options.withdraw === true) await this.#withdraw(wanted);
    } finally {
      this.#changes.close();
    }
  }

  /** Gives back what was wanted in the end. */
  async #keep(interval: number): Promise<DesiredTable> {
    let wanted = await this.#source.read();
    await this.#make(wanted, 'applied');
    if (!this.#end.aborted) this.#tell({ type: 'ready' });
    while (!this.#end.aborted) {
      const changed = await this.#changes.within(interval, this.#end);
      if (this.#end.aborted) break;
      const next = changed ? await this.#readAgain() : undefined;
      wanted = next ?? wanted;
      await this.#look(wanted, next === undefined ? 'drift' : 'applied');
    }
    return wanted;
  }

  /** Undefined if the source is bad. */
  async #readAgain(): Promise<DesiredTable | undefined> {
    this.#tell({ type: 'reloading' });
    try {
      const next = await this.#source.read();
      // What no kernel is needed for to refuse: services out of scope, and wanted twice.
      plan({ services: [] }, { services: next.services ?? [] }, this.#options);
      return next;
    } catch (error) {
      this.#tell({ type: 'bad-source', error: error as Error });
      return undefined;
    }
  }

  async #look(wanted: DesiredTable, cause: 'applied' | 'drift'): Promise<void> {
    try {
      await this.#make(wanted, cause);
    } catch (error) {
      if (error instanceof ClosedError) throw error;
      this.#tell({ type: 'failed', error: error as Error });
    }
  }

  /** Ended by a change of the source: what is being drained may be wanted again. */
  async #make(wanted: DesiredTable, cause: 'applied' | 'drift'): Promise<void> {
    const stopping = new AbortController();
    const stop = () => stopping.abort();
    const { signal } = stopping;
    this.#end.addEventListener('abort', stop);
    if (this.#end.aborted) stop();
    const forget = this.#changes.whenCome(stop);
    try {
      const made = await reconcile(this.#table, wanted, { ...this.#options, signal });
      this.#refused = '';
      if (cause === 'applied' || made.steps.length > 0) this.#tell({ type: cause, plan: made });
    } catch (error) {
      if (error instanceof ReconcileError && error.refused.length > 0) this.#tellRefusal(error);
      else if (!signal.aborted) throw error;
    } finally {
      forget();
      this.#end.removeEventListener('abort', stop);
    }
  }

  #tellRefusal(error: ReconcileError): void {
    const words = error.refused.map((refusal) => `${refusal.step}: ${refusal.error.message}`).join('\n');
    if (words !== this.#refused || error.inForce.length > 0) this.#tell({ type: 'refused', error });
    this.#refused = words;
  }

  /** Nobody but the services that were wanted is in the scope of this. */
  async #withdraw(wanted: DesiredTable): Promise<void> {
    const desired: DesiredTable = { services: [] };
    const services = (wanted.services ?? []).map(({ service }) => service);
    const { drain, onProgress } = this.#options;
    const scope = { services };
    const made = await reconcile(this.#table, desired, {
      scope,
      prune: true,
      onRefusal: 'continue',
      drain,
      onProgress,
    });
    this.#tell({ type: 'withdrawn', plan: made });
  }

  #tell(event: KeepEvent): void {
    this.#options.onEvent?.(event);
  }
}
