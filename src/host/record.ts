/**
 * The record of what was done to a host: written before each act, so that whatever ends the program, the next one knows what
 * to put back.
 *
 * It is a journal, a line of JSON for each fact. Nothing that is written is changed any more, so that a record costs the same
 * for the thousandth address as for the first; a line that a dying program left unfinished was not acted upon.
 * @module
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ProtocolError, UnavailableError } from '../errors.js';
import { type NamespaceOptions, namespacePath } from '../linux/namespace.js';
import type { Role } from './plan.js';
import type { HostStep } from './step.js';

/** In memory: a machine that starts again has nothing to take back. */
export const RECORD_DIRECTORY = '/run/ipvs-ts';

/** A sysctl that a step changes. */
export interface SysctlChange {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** A sysctl and its value. */
export interface SysctlValue {
  readonly name: string;
  readonly value: string;
}

/** A step that was begun, with all that was there before it and is not after it. */
export interface AppliedStep {
  readonly step: HostStep;
  /** Every sysctl that it changes, also by the kernel's own hand; the step's own first. */
  readonly sysctls: readonly SysctlChange[];
  /** The routes that it takes away: the kernel's own messages, in base64. */
  readonly routes: readonly string[];
  /** Once taking it back has begun: the values that sysctls are to have in the end. */
  readonly restoring?: readonly SysctlValue[];
}

/** What was done to a host and not taken back yet. Plain JSON. */
export interface HostRecord {
  readonly version: 1;
  readonly role: Role;
  /** Oldest first. */
  readonly steps: readonly AppliedStep[];
}

/** One line of the file. */
type Line =
  | { readonly version: 1; readonly role: Role }
  | { readonly begin: AppliedStep }
  | { readonly restoring: readonly SysctlValue[] }
  | { readonly undone: true };

/**
 * The record's file for a role in a network namespace: `/run/ipvs-ts/director-4026531840.jsonl`. The number is the
 * namespace's (the inode of its file), however it is named.
 * @throws {UnavailableError} if there is no such namespace.
 */
export function recordPath(role: Role, { netns }: NamespaceOptions = {}): string {
  const file = namespacePath(netns) ?? '/proc/thread-self/ns/net';
  try {
    return join(RECORD_DIRECTORY, `${role}-${statSync(file).ino}.jsonl`);
  } catch (cause) {
    throw new UnavailableError(`there is no network namespace ${file}`, { cause });
  }
}

/**
 * What a record's file says; undefined if there is none.
 * @throws {ProtocolError} if it is none of ours.
 * @throws {UnavailableError} if it can't be read.
 */
export function readRecord(path: string): HostRecord | undefined {
  const text = readText(path);
  const [header, ...lines] = wholeLines(text ?? '').map((line) => parseLine(path, line));
  if (header === undefined) return undefined;
  if (!('version' in header) || header.version !== 1) throw notOurs(path);
  const steps: AppliedStep[] = [];
  for (const line of lines) {
    if ('begin' in line) steps.push(line.begin);
    const last = steps.at(-1);
    if ('restoring' in line && last !== undefined) steps[steps.length - 1] = { ...last, restoring: line.restoring };
    if ('undone' in line) steps.pop();
  }
  return { version: 1, role: header.role, steps };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw problem('read', path, cause);
  }
}

/** Without the end that a dying program did not get to write. */
function wholeLines(text: string): string[] {
  return text.split('\n').slice(0, -1);
}

function parseLine(path: string, line: string): Line {
  try {
    return JSON.parse(line) as Line;
  } catch (cause) {
    throw notOurs(path, cause);
  }
}

function notOurs(path: string, cause?: unknown): ProtocolError {
  return new ProtocolError(`${path} is not a record of ipvs-ts for this role and version`, { cause });
}

function problem(verb: string, path: string, cause: unknown): UnavailableError {
  const { code } = cause as NodeJS.ErrnoException;
  return new UnavailableError(`the record ${path} cannot be ${verb}: ${code} (needs root, or another path)`, { cause });
}

/** A record that is being written. Each call is on the disk, or wherever the file lives, before it returns. */
export class Journal implements Disposable {
  readonly path: string;
  readonly #descriptor: number;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  /**
   * Goes on with the record at this path, or begins it.
   * @throws {ProtocolError} if there is a file that is no record, or that of another role.
   * @throws {UnavailableError} if it can't be written.
   */
  static open(path: string, role: Role): Journal {
    const header = `${JSON.stringify({ version: 1, role } satisfies Line)}\n`;
    const text = readText(path) ?? '';
    const record = readRecord(path);
    // All of a file that has no whole line yet is the beginning of the first.
    if (record === undefined ? !header.startsWith(text) : record.role !== role) throw notOurs(path);
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const journal = new Journal(path, openSync(path, 'a', 0o600));
      ftruncateSync(journal.#descriptor, Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1)));
      if (record === undefined) journal.#append(header);
      return journal;
    } catch (cause) {
      throw problem('written', path, cause);
    }
  }

  /** A step is about to be done. */
  begin(applied: AppliedStep): void {
    this.#write({ begin: applied });
  }

  /** The last step is about to be taken back. */
  restoring(values: readonly SysctlValue[]): void {
    this.#write({ restoring: values });
  }

  /** The last step was taken back. */
  undone(): void {
    this.#write({ undone: true });
  }

  /** Nothing is left to take back. */
  remove(): void {
    rmSync(this.path, { force: true });
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #write(line: Line): void {
    this.#append(`${JSON.stringify(line)}\n`);
  }

  #append(text: string): void {
    writeSync(this.#descriptor, text);
    fsyncSync(this.#descriptor);
  }
}
