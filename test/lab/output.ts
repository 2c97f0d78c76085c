import { closeSync, openSync, readSync } from 'node:fs';

/** Follows a file that another process writes: passes on what is new and keeps all of it. */
export class OutputFollower {
  readonly #file: number;
  readonly #sink: NodeJS.WritableStream | undefined;
  readonly #chunks: Buffer[] = [];

  constructor(path: string, sink?: NodeJS.WritableStream) {
    this.#file = openSync(path, 'w+');
    this.#sink = sink;
  }

  /** Reads what the file has gained since the last call. */
  poll(): void {
    for (;;) {
      const chunk = Buffer.alloc(65536);
      const length = readSync(this.#file, chunk);
      if (length === 0) return;
      const gained = chunk.subarray(0, length);
      this.#chunks.push(gained);
      this.#sink?.write(gained);
    }
  }

  /** Reads the rest, closes the file and returns all that was ever in it. */
  finish(): string {
    this.poll();
    closeSync(this.#file);
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
