/**
 * Debian's ldirectord, the oracle for its files: ldirectord.pl runs its code in one process, file after file.
 * @module
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const DRIVER = fileURLToPath(new URL('ldirectord.pl', import.meta.url));

/** Carries out what ldirectord tells ipvsadm. */
export type RunIpvsadm = (words: readonly string[]) => Promise<{ readonly code: number; readonly stdout: string }>;

/** A process that reads files as ldirectord does. */
export class Ldirectord implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'ldirectord-'));
  readonly #perl: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterableIterator<string>;
  readonly #ipvsadm: RunIpvsadm;

  private constructor(ipvsadm: RunIpvsadm) {
    this.#ipvsadm = ipvsadm;
    // Without PERLIO ldirectord executes itself again.
    this.#perl = spawn('perl', [DRIVER], { stdio: 'pipe', env: { ...process.env, PERLIO: 'perlio' } });
    this.#perl.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#perl.stdout })[Symbol.asyncIterator]();
  }

  /** Starts it; a command of ipvsadm is given to `ipvsadm`. */
  static async start(ipvsadm: RunIpvsadm): Promise<Ldirectord> {
    const ldirectord = new Ldirectord(ipvsadm);
    const line = await ldirectord.#nextLine();
    if (line !== 'ready') throw new Error(`ldirectord.pl said "${line}"`);
    return ldirectord;
  }

  /** Loads a file as ldirectord does when it starts; false where it would not start. */
  async load(text: string): Promise<boolean> {
    const file = join(this.#directory, 'ldirectord.cf');
    writeFileSync(file, text);
    this.#perl.stdin.write(`${file}\n`);
    for (;;) {
      const line = await this.#nextLine();
      if (line === 'taken' || line === 'refused') return line === 'taken';
      await this.#answer(line.replace(/^ipvsadm /, ''));
    }
  }

  async #answer(command: string): Promise<void> {
    // As the shell does it: a no-break space is part of a word.
    const { code, stdout } = await this.#ipvsadm(command.split(/[ \t]+/).filter(Boolean));
    this.#perl.stdin.write(`${code} ${Buffer.byteLength(stdout)}\n${stdout}`);
  }

  async #nextLine(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('ldirectord.pl has ended');
    return value;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#perl.kill();
    rmSync(this.#directory, { recursive: true });
    return Promise.resolve();
  }
}
