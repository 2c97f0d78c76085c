/**
 * Checking an object field by field, and naming everything that is wrong by its path.
 * @module
 */
import { InvalidArgumentError, type Issue, printable } from '../errors.js';
import type { Rule } from './rules.js';

/** As much of a rule as reading takes. */
type ReadRule<T> = Omit<Rule<T>, 'schema'>;

/**
 * The fields of one object that a program passed. Each is read once; what is wrong is gathered, and {@link Fields.end} throws
 * it. Until then a value that was not taken is stood in for.
 */
export class Fields {
  readonly #subject: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  #issues: Issue[] | undefined;

  constructor(subject: string, input: unknown, known: ReadonlySet<string>) {
    this.#subject = subject;
    this.#fields = asObject(subject, input);
    for (const name in this.#fields) if (!known.has(name)) this.#unknown(name);
  }

  /** A field as it came. */
  given(name: string): unknown {
    return this.#fields[name];
  }

  required<T>(name: string, rule: ReadRule<T>): T {
    const input = this.#fields[name];
    return rule.read(input) ?? this.#wrong(name, rule, input);
  }

  /** Undefined where it is absent, which means the same as undefined. */
  optional<T>(name: string, rule: ReadRule<T>): T | undefined {
    const input = this.#fields[name];
    if (input === undefined) return undefined;
    return rule.read(input) ?? this.#wrong(name, rule, input);
  }

  /** A field with fields of its own, or a list: what `read` throws is put under its name. Absent ones are not read. */
  part<T>(name: string, read: (input: unknown) => T): T | undefined {
    const input = this.#fields[name];
    if (input === undefined) return undefined;
    try {
      return read(input);
    } catch (error) {
      for (const { path, message } of issuesOf(error)) this.refuse(joinPath(name, path), message);
      return undefined;
    }
  }

  /** As {@link Fields.part}, where there must be one. */
  requiredPart<T>(name: string, read: (input: unknown) => T): T | undefined {
    if (this.#fields[name] === undefined) this.refuse(name, 'is required');
    return this.part(name, read);
  }

  refuse(path: string, message: string): void {
    this.#issues ??= [];
    this.#issues.push({ path, message });
  }

  get areRight(): boolean {
    return this.#issues === undefined;
  }

  /** @throws {InvalidArgumentError} with everything that is wrong. */
  end(): void {
    if (this.#issues !== undefined) throw new InvalidArgumentError(this.#subject, this.#issues);
  }

  #unknown(name: string): void {
    if (Object.hasOwn(this.#fields, name)) this.refuse(name, 'unknown field');
  }

  #wrong<T>(name: string, rule: ReadRule<T>, input: unknown): T {
    this.refuse(name, rule.problem(input));
    return rule.example;
  }
}

/** @throws {InvalidArgumentError} unless it is an object with fields. */
export function asObject(subject: string, input: unknown): Readonly<Record<string, unknown>> {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Record<string, unknown>;
  throw new InvalidArgumentError(subject, [{ path: '', message: 'must be an object' }]);
}

/**
 * Reads every item of a list. What is wrong with an item is named under its place, `[3].port`.
 * @throws {InvalidArgumentError} with everything that is wrong.
 */
export function readList<T>(subject: string, input: unknown, read: (item: unknown, place: number) => T): T[] {
  if (!Array.isArray(input)) throw new InvalidArgumentError(subject, [{ path: '', message: 'must be a list' }]);
  const issues: Issue[] = [];
  const values: T[] = [];
  for (let place = 0; place < input.length; place++) {
    try {
      values.push(read(input[place], place));
    } catch (error) {
      for (const { path, message } of issuesOf(error)) issues.push({ path: joinPath(`[${place}]`, path), message });
    }
  }
  if (issues.length > 0) throw new InvalidArgumentError(subject, issues);
  return values;
}

/** The issues of what a check threw. @throws it, if no check threw it. */
export function issuesOf(error: unknown): readonly Issue[] {
  if (error instanceof InvalidArgumentError) return error.issues;
  throw error;
}

/** `persistence` and `timeout` -> `persistence.timeout`; `changes` and `[3].port` -> `changes[3].port`. */
export function joinPath(path: string, rest: string): string {
  return path === '' || rest === '' || rest.startsWith('[') ? path + rest : `${path}.${rest}`;
}

/** Runs a check whose issues are about a part of what was passed: `services[0]`. */
export function under<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { subject } = error as InvalidArgumentError;
    const issues = issuesOf(error).map((issue) => ({ ...issue, path: joinPath(path, issue.path) }));
    throw new InvalidArgumentError(subject, issues);
  }
}

/** A value in a message. Of objects only the kind: they may have a `toString` of their own, which throws. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `"${printable(value)}"`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return String(value);
}
