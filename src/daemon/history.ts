/**
 * The documents that were in force, on the disk: when, why, and what each said.
 * @module
 */
import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  persistentDirectory,
  readStateText,
  removeStateFile,
  stateFilesIn,
  writeStateText,
} from '../linux/state-directory.js';

/** A document that was in force. */
export interface HistoryEntry {
  /** Counts up from 1. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** SHA-256 of the document, in hexadecimal. */
  readonly revision: string;
  /** Whether somebody wrote the file, or a request did. */
  readonly by: 'file' | 'api';
  /** Who sent the request: the name of a token, or `unix:USER`. */
  readonly who?: string | undefined;
  readonly reason?: string | undefined;
}

/** Documents that are kept, and bytes of all of them. */
const MOST = 1000;
const BYTES = 64 * 1024 * 1024;
const ENTRY = '.json';
const TEXT = '.document';

/** The history of one file. */
export class History {
  readonly #file: string;
  readonly #root: string;
  /** What is there, in order; read once, since only this program writes it. */
  #entries: HistoryEntry[] | undefined;

  constructor(file: string, root = persistentDirectory()) {
    this.#file = file;
    this.#root = root;
  }

  /** Oldest first. @throws {UnavailableError} if it can't be read. */
  list(): readonly HistoryEntry[] {
    this.#entries ??= this.#read();
    return this.#entries;
  }

  /** The document of an entry; undefined if it is not kept. @throws {UnavailableError} if it can't be read. */
  document(number: number): Buffer | undefined {
    const text = readStateText(this.#path(number, TEXT));
    return text === undefined ? undefined : Buffer.from(text);
  }

  /**
   * Adds a document, unless it is the newest already, and removes the oldest beyond 1,000 or 64 MB.
   * @param bytes UTF-8
   * @throws {UnavailableError} if it can't be written.
   */
  add(entry: Omit<HistoryEntry, 'number'>, bytes: Buffer): void {
    const entries = this.list();
    const newest = entries.at(-1);
    if (newest?.revision === entry.revision) return;
    const added = { number: (newest?.number ?? 0) + 1, ...entry };
    // The entry comes last: a document without one is none.
    writeStateText(this.#path(added.number, TEXT), bytes.toString());
    writeStateText(this.#path(added.number, ENTRY), `${JSON.stringify(added)}\n`);
    this.#entries = [...entries, added];
    this.#forget();
  }

  get #directory(): string {
    const name = createHash('sha256').update(realpathSync(this.#file)).digest('hex').slice(0, 16);
    return join(this.#root, 'history', name);
  }

  #read(): HistoryEntry[] {
    const directory = this.#directory;
    return stateFilesIn(directory, ENTRY).flatMap((name) => entryIn(join(directory, name)) ?? []);
  }

  #forget(): void {
    const kept: HistoryEntry[] = [];
    let bytes = 0;
    for (const entry of [...this.list()].reverse()) {
      bytes += statSync(this.#path(entry.number, TEXT), { throwIfNoEntry: false })?.size ?? 0;
      if (kept.length > 0 && (kept.length >= MOST || bytes > BYTES)) this.#remove(entry.number);
      else kept.unshift(entry);
    }
    this.#entries = kept;
  }

  #remove(number: number): void {
    removeStateFile(this.#path(number, ENTRY));
    removeStateFile(this.#path(number, TEXT));
  }

  #path(number: number, suffix: string): string {
    return join(this.#directory, `${String(number).padStart(9, '0')}${suffix}`);
  }
}

/** What is none of ours counts as none. */
function entryIn(path: string): HistoryEntry | undefined {
  try {
    const entry = JSON.parse(readStateText(path) ?? '') as HistoryEntry;
    return Number.isInteger(entry.number) && typeof entry.revision === 'string' ? entry : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
