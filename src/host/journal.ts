/**
 * The undo journal of a set-up: what it needs of its host and what was done for it, written before each act, so that whatever
 * ends the program, the next one knows what to put back.
 *
 * It is a line of JSON for each fact. Nothing that is written is changed any more, so that a journal costs the same for the
 * thousandth address as for the first; a line that a dying program left unfinished was not acted upon.
 * @module
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { ProtocolError, UnavailableError } from '../errors.js';
import { fileProblem, makeDirectory, readStateText } from '../linux/state-directory.js';
import { ofAnotherNamespace } from './plan.js';
import type { AppliedStep, HostRecord, JournalHeader, JournalLine, SysctlValue } from './record.js';
import { parseJournalLine } from './schema.js';
import type { HostStep } from './step.js';

/** What is known after one more line. */
function advance(record: HostRecord, line: JournalLine): HostRecord {
  const { steps } = record;
  if ('needs' in line) return { ...record, needs: line.needs };
  if ('begin' in line) return { ...record, steps: [...steps, line.begin] };
  if ('inherited' in line) return { ...record, steps: [line.inherited, ...steps] };
  if ('undone' in line) return { ...record, steps: steps.toSpliced(line.undone, 1) };
  const step = 'restoring' in line ? steps[line.index] : undefined;
  if (step === undefined || !('restoring' in line)) return record;
  return { ...record, steps: steps.with(line.index, { ...step, restoring: line.restoring }) };
}

/**
 * What the journal at this path says; undefined if there is none.
 * @throws {ProtocolError} if the file is none of ours.
 * @throws {UnavailableError} if it can't be read.
 */
export function readJournal(path: string): HostRecord | undefined {
  return recordOf(path, readStateText(path) ?? '');
}

function recordOf(path: string, text: string): HostRecord | undefined {
  // Without the end that a dying program did not get to write.
  const [header, ...lines] = text
    .split('\n')
    .slice(0, -1)
    .map((line) => parseLine(path, line));
  if (header === undefined) return undefined;
  if (!('version' in header)) throw notOurs(path);
  return lines.reduce(advance, { ...header, needs: [], steps: [] });
}

function parseLine(path: string, line: string): JournalLine {
  try {
    return parseJournalLine(JSON.parse(line));
  } catch (cause) {
    throw notOurs(path, cause);
  }
}

function notOurs(path: string, cause?: unknown): ProtocolError {
  return new ProtocolError(`${path} is not an undo journal of this version of ipvs-ts`, { cause });
}

/** A journal that is being written. Each call is on the disk, or wherever the file lives, before it returns. */
export class Journal implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  #record: HostRecord;

  private constructor(path: string, descriptor: number, record: HostRecord) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#record = record;
  }

  /**
   * Goes on with the journal at this path, or begins it.
   * @throws {ProtocolError} if there is a file that is no journal.
   * @throws {UnavailableError} if it is that of another set-up or namespace, or can't be written.
   */
  static open(path: string, header: JournalHeader): Journal {
    const text = readStateText(path) ?? '';
    const known = recordOf(path, text);
    const first = `${JSON.stringify(header)}\n`;
    // All of a file that has no whole line yet is the beginning of the first.
    if (known === undefined && !first.startsWith(text)) throw notOurs(path);
    if (known !== undefined) checkOwner(path, known, header);
    makeDirectory(dirname(path));
    try {
      const record = known ?? { ...header, needs: [], steps: [] };
      const journal = new Journal(path, openSync(path, 'a', 0o600), record);
      ftruncateSync(journal.#descriptor, Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1)));
      if (known === undefined) journal.#append(first);
      return journal;
    } catch (cause) {
      throw fileProblem('written', path, cause);
    }
  }

  /** What it says now. */
  get record(): HostRecord {
    return this.#record;
  }

  /** What the set-up needs from now on. */
  needs(needs: readonly HostStep[]): void {
    this.#write({ needs });
  }

  /** A step is about to be done. */
  begin(applied: AppliedStep): void {
    this.#write({ begin: applied });
  }

  /** What another set-up did is from now on this one's to take back. */
  inherit(applied: AppliedStep): void {
    this.#write({ inherited: applied });
  }

  /** A step is about to be taken back. */
  restoring(index: number, values: readonly SysctlValue[]): void {
    this.#write({ restoring: values, index });
  }

  /** A step was taken back. */
  undone(index: number): void {
    this.#write({ undone: index });
  }

  /** Nothing is left to take back. */
  remove(): void {
    rmSync(this.path, { force: true });
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #write(line: JournalLine): void {
    this.#append(`${JSON.stringify(line)}\n`);
    this.#record = advance(this.#record, line);
  }

  #append(text: string): void {
    writeSync(this.#descriptor, text);
    fsyncSync(this.#descriptor);
  }
}

function checkOwner(path: string, known: JournalHeader, wanted: JournalHeader): void {
  if (known.namespace !== wanted.namespace) throw ofAnotherNamespace(`the journal ${path}`);
  if (known.role === wanted.role && known.name === wanted.name) return;
  const whose = `${path} is the journal of another set-up, ${setupText(known)}`;
  throw new UnavailableError(`${whose}: take that down first, or name another file`);
}

/** `real server dr 10.0.0.100 (1f3a9c02)` */
export function setupText({ role, name }: Pick<JournalHeader, 'role' | 'name'>): string {
  return `${role.replace('-', ' ')} ${name}`;
}
