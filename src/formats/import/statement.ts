/**
 * One statement of a configuration file, with the block that hangs on it. Three formats are made of these.
 * @module
 */
import type { Place, Report } from './report.js';

/** `weight 1`, `weight = 1`, or `real_server 10.0.0.11 80 { ... }`. `key` is its first word. */
export interface Statement extends Place {
  readonly values: readonly string[];
  /** As it is written, where a format has keys that read quotes by rules of their own. */
  readonly text?: string;
  /** Why nobody can know here what the statement says. It matters only where the statement would be taken. */
  readonly problem?: string;
  /** Absent where there are no braces. */
  readonly block?: readonly Statement[];
}

/** A statement as people name it: `real_server 10.0.0.11 80`. */
export function named(statement: Statement): Place {
  return { ...statement, key: [statement.key, ...statement.values].join(' ') };
}

/** What is known of a key: why it is not taken, or how it is. */
export type Handler<Target> = string | ((target: Target, statement: Statement) => void);

/** Hands each statement to its handler, and those whose key is not in the table to `unknown`. */
export function handle<Target>(
  statements: readonly Statement[],
  handlers: Readonly<Record<string, Handler<Target>>>,
  target: Target,
  report: Report,
  unknown: (statement: Statement) => void = (statement) => report.refuse(statement, 'there is no such key here'),
): void {
  for (const statement of statements) {
    const handler = Object.hasOwn(handlers, statement.key) ? handlers[statement.key] : undefined;
    if (typeof handler === 'string') report.skip(statement.block ? named(statement) : statement, handler);
    else if (statement.problem !== undefined) report.refuse(statement, statement.problem);
    else if (handler === undefined) unknown(statement);
    else handler(target, statement);
  }
}

/** What nobody can know here (`@id`, `~SEQ`) is no mistake where it is about checks alone: it is left out. */
export function withoutProblems(
  block: readonly Statement[],
  isAboutChecks: (key: string) => boolean,
  report: Report,
): readonly Statement[] {
  return block.filter((statement) => {
    if (statement.problem === undefined || !isAboutChecks(statement.key)) return true;
    report.skip(statement, statement.problem);
    return false;
  });
}

/** Builds the tree of blocks while a file is read from its top. */
export class Blocks {
  readonly top: Statement[] = [];
  readonly #report: Report;
  readonly #open: { statement: Place; block: Statement[] }[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  add(statement: Statement): void {
    this.#current().push(statement);
  }

  /** The block of the last statement begins. */
  begin(place: Place): void {
    const current = this.#current();
    const last = current.pop();
    const block: Statement[] = [];
    if (last === undefined) this.#report.refuse(place, 'a block needs a name before it');
    else current.push({ ...last, block });
    this.#open.push({ statement: last ?? place, block });
  }

  end(place: Place): void {
    if (this.#open.pop() === undefined) this.#report.refuse(place, 'no block is open here');
  }

  /** The whole tree, once the file is read. */
  finish(): readonly Statement[] {
    const open = this.#open.at(-1);
    if (open !== undefined) this.#report.refuse(open.statement, 'the block that begins here is not closed');
    return this.top;
  }

  #current(): Statement[] {
    return this.#open.at(-1)?.block ?? this.top;
  }
}
