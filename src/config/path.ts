/**
 * Where something stands in a file of the desired state, and what is wrong there.
 * @module
 */
import { InvalidArgumentError } from '../errors.js';

/** The steps from the top of the file: `['services', 0, 'scheduler']`. */
export type Path = readonly (string | number)[];

/** One thing that is wrong, or to be warned of. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** It is the key that is wrong, not its value. */
  readonly key?: true;
}

/** Collects all that is wrong with a file. */
export class Findings {
  readonly problems: Finding[] = [];
  readonly warnings: Finding[] = [];
  readonly #known = new Set<string>();
  readonly #closed = new Set<string>();

  /** The same words about the same place are kept once: a range says them for each of its addresses. */
  add(path: Path, message: string, key?: true): void {
    const place = pathText(path);
    const text = `${place}: ${message}`;
    if (this.#known.has(text) || this.#closed.has(place)) return;
    this.#known.add(text);
    this.problems.push({ path, message, ...(key && { key }) });
  }

  /** All that is wrong at a place: what else will be found there follows from it, and is not kept. */
  close(path: Path, messages: readonly string[]): void {
    for (const message of messages) this.add(path, message);
    if (messages.length > 0) this.#closed.add(pathText(path));
  }

  warn(path: Path, message: string): void {
    this.warnings.push({ path, message });
  }

  /** Runs a check of the model. What it refuses is kept, at the place that `placeOf` gives for the model's own path. */
  attempt<Result>(placeOf: (steps: Path) => Path, check: () => Result): Result | undefined {
    try {
      return check();
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      for (const { path, message } of error.issues) this.add(placeOf(stepsOf(path)), message);
      return undefined;
    }
  }
}

/** `['services', 0, 'scheduler']` -> `services[0].scheduler`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

/** The reverse of {@link pathText}, for the model's own paths, whose fields have no dots. */
function stepsOf(text: string): Path {
  return (text.match(/[^.[\]]+/g) ?? []).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
