/**
 * One shell that runs program after program. Starting them from node costs several times more in user-mode Linux, where a
 * fork copies node's many pages, and afterwards node copies each page that it writes to.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finished } from './process.js';

/** A shell in one network namespace. Programs are queued and run one after another. */
export class Shell implements AsyncDisposable {
  readonly #shell: ChildProcessWithoutNullStreams;
  readonly #directory = mkdtempSync(join(tmpdir(), 'shell-'));
  #last: Promise<unknown> = Promise.resolve();

  /** In the namespace at this path, or in this process's own. */
  constructor(netns?: string) {
    const inside = netns === undefined ? [] : ['nsenter', `--net=${netns}`];
    const [program = 'sh', ...args] = [...inside, 'sh'];
    this.#shell = spawn(program, args, { stdio: 'pipe' });
    this.#shell.stderr.pipe(process.stderr);
  }

  /** Runs a program with these words, which the shell does not look into, and text on its standard input. */
  run(words: readonly string[], input = ''): Promise<Finished> {
    return this.#queue(() => {
      writeFileSync(this.#file('in'), input);
      return this.#runNow(words, this.#file('in'));
    });
  }

  /** The same with a file as its standard input. */
  runFrom(file: string, words: readonly string[]): Promise<Finished> {
    return this.#queue(() => this.#runNow(words, file));
  }

  #queue(work: () => Promise<Finished>): Promise<Finished> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #runNow(words: readonly string[], input: string): Promise<Finished> {
    const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    this.#shell.stdin.write(`${quoted} <${input} >${this.#file('out')} 2>${this.#file('err')}; echo $?\n`);
    const [answer] = (await once(this.#shell.stdout, 'data')) as [Buffer];
    return {
      code: Number(answer.toString()),
      stdout: readFileSync(this.#file('out'), 'utf8'),
      stderr: readFileSync(this.#file('err'), 'utf8'),
    };
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#shell.stdin.end();
    await once(this.#shell, 'exit');
    rmSync(this.#directory, { recursive: true });
  }
}
