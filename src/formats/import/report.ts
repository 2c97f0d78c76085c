/**
 * What an importer has to say beside the state: what it left out, and what is wrong with the file.
 * @module
 */
import { ConfigError, type ConfigIssue, InvalidArgumentError, printable } from '../../errors.js';

/** Something in a file that the state has no place for, or has otherwise than it is written. */
export interface NotTaken {
  /** Counted from 1. */
  readonly line: number;
  /** As the file has it; of a block its first line: `real_server 10.0.0.11 80`. */
  readonly key: string;
  readonly why: string;
}

/** Where something stands in a file. Line and column are counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly key: string;
}

/** Collects both. */
export class Report {
  readonly #isStrict: boolean;
  readonly #notTaken: NotTaken[] = [];
  readonly #issues: ConfigIssue[] = [];
  readonly #known = new Set<string>();

  /** Strict: what the program itself passes over is a mistake. */
  constructor(isStrict: boolean) {
    this.#isStrict = isStrict;
  }

  /** Leaves something out. The same text about the same place is kept once: a range says it for each address. */
  skip({ line, key }: Place, why: string): void {
    if (this.#isNew(line, key, why)) this.#notTaken.push({ line, key: printable(key), why: printable(why) });
  }

  /** What the program itself passes over, or reads otherwise than it is written, and goes on. */
  passOver(place: Place, why: string): void {
    if (this.#isStrict) this.refuse(place, why);
    else this.skip(place, why);
  }

  /** Finds a mistake; alike once. */
  refuse({ line, column, key }: Place, message: string): void {
    if (this.#isNew(line, key, message)) this.#issues.push({ line, column, path: key, message });
  }

  #isNew(line: number, key: string, why: string): boolean {
    const text = `${line}: ${key}: ${why}`;
    if (this.#known.has(text)) return false;
    this.#known.add(text);
    return true;
  }

  /**
   * Runs a check of the model. What it refuses is told by `tell` (default: it is a mistake), at the place of the field if
   * `fields` has it.
   */
  attempt<Result>(
    place: Place,
    check: () => Result,
    fields: Readonly<Record<string, Place | undefined>> = {},
    tell: (place: Place, message: string) => void = (at, message) => this.refuse(at, message),
  ): Result | undefined {
    try {
      return check();
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      for (const { path, message } of error.issues) {
        const field = fields[/^\w*/.exec(path)?.[0] ?? ''];
        tell(field ?? place, path === '' || field !== undefined ? message : `${path}: ${message}`);
      }
      return undefined;
    }
  }

  /** What was left out, in the order of the file. Throws {@link ConfigError} where there are mistakes. */
  finish(file: string): NotTaken[] {
    if (this.#issues.length > 0)
      throw new ConfigError(
        file,
        this.#issues.toSorted((a, b) => a.line - b.line),
      );
    return this.#notTaken.toSorted((a, b) => a.line - b.line);
  }
}
