/**
 * Drains that are under way, as files: so that a drain that was begun is ended by the next program, and the weight that a
 * server had is not forgotten.
 * @module
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ProtocolError, UnavailableError } from '../errors.js';
import { type NamespaceOptions, namespacePath } from '../linux/namespace.js';
import { formatDestinationKey } from '../model/destination.js';
import { formatServiceKey, type ServiceKey } from '../model/service-key.js';

/** What a drain waits for: `active`: no established connections; `all`: no connections and no persistence templates. */
export type DrainUntil = 'active' | 'all';

/** A drain as its file has it. Plain JSON. */
export interface DrainRecord {
  readonly version: 1;
  readonly service: ServiceKey;
  readonly destination: { readonly address: string; readonly port: number };
  /** The weight before; undoing the drain gives it back. */
  readonly weight: number;
  /** Whether the weight was set to 0. */
  readonly quiesced: boolean;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Milliseconds since 1970; absent: it waits as long as it takes. */
  readonly deadline?: number;
  /** Milliseconds between two looks. */
  readonly poll: number;
  readonly until: DrainUntil;
  readonly remove: boolean;
}

/**
 * Where the drains of a network namespace are kept: `/run/ipvs-ts/drains-4026531840`, in memory, since a machine that starts
 * again has an empty table. The number is the namespace's (the inode of its file).
 * @throws {UnavailableError} if there is no such namespace.
 */
export function drainDirectory({ netns }: NamespaceOptions = {}): string {
  const file = namespacePath(netns) ?? '/proc/thread-self/ns/net';
  try {
    return `/run/ipvs-ts/drains-${statSync(file).ino}`;
  } catch (cause) {
    throw new UnavailableError(`there is no network namespace ${file}`, { cause });
  }
}

/**
 * The drains that are kept in a directory; none where there is no directory.
 * @throws {ProtocolError} if a file in it is none of ours.
 * @throws {UnavailableError} if it can't be read.
 */
export function readDrainRecords(directory: string): DrainRecord[] {
  return filesIn(directory).map((name) => readDrainFile(join(directory, name)));
}

/** The others are unfinished: their writer died. */
function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.json'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw problem('read', directory, cause);
  }
}

function readDrainFile(path: string): DrainRecord {
  const text = readText(path);
  try {
    const record = JSON.parse(text) as DrainRecord;
    if (record.version === 1) return record;
  } catch (cause) {
    throw new ProtocolError(`${path} is not the record of a drain`, { cause });
  }
  throw new ProtocolError(`${path} is a drain's record of another version of ipvs-ts`);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw problem('read', path, cause);
  }
}

function problem(verb: string, path: string, cause: unknown): UnavailableError {
  const { code } = cause as NodeJS.ErrnoException;
  return new UnavailableError(`${path} cannot be ${verb}: ${code} (needs root, or another directory)`, { cause });
}

/** The file of one destination's drain. */
export class DrainFile {
  readonly #directory: string;
  readonly #path: string;

  constructor(directory: string, service: ServiceKey, destination: DrainRecord['destination']) {
    const name = `${formatServiceKey(service)} ${formatDestinationKey(destination)}`;
    this.#directory = directory;
    this.#path = join(directory, `${encodeURIComponent(name)}.json`);
  }

  /** Undefined if there is none. */
  read(): DrainRecord | undefined {
    return statSync(this.#path, { throwIfNoEntry: false }) && readDrainFile(this.#path);
  }

  /** The file is the old one or the new one, whenever the program dies. @throws {UnavailableError} */
  write(record: DrainRecord): void {
    const unfinished = `${this.#path}.${process.pid}`;
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      const descriptor = openSync(unfinished, 'w', 0o600);
      writeSync(descriptor, `${JSON.stringify(record)}\n`);
      fsyncSync(descriptor);
      closeSync(descriptor);
      renameSync(unfinished, this.#path);
    } catch (cause) {
      throw problem('written', this.#path, cause);
    }
  }

  /** The drain is over. */
  remove(): void {
    rmSync(this.#path, { force: true });
  }
}
