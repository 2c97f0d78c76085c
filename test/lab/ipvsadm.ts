/**
 * The real ipvsadm, the oracle: one shell that runs it again and again. Starting it from node costs several times more
 * in user-mode Linux, where a fork copies node's many pages.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finished } from './process.js';

/** A shell in one network namespace. Commands are queued and run one after another. */
export class Ipvsadm implements AsyncDisposable {
  readonly #shell: ChildProcessWithoutNullStreams;
  readonly #directory = mkdtempSync(join(tmpdir(), 'ipvsadm-'));
  #last: Promise<unknown> = Promise.resolve();

  /** In the namespace at this path, or in this process's own. */
  constructor(netns?: string) {
    const inside = netns === undefined ? [] : ['nsenter', `--net=${netns}`];
    const [program = 'sh', ...args] = [...inside, 'sh'];
    this.#shell = spawn(program, args, { stdio: 'pipe' });
    this.#shell.stderr.pipe(process.stderr);
  }

  /** Runs `ipvsadm` with these words, which the shell does not look into, and text on its standard input. */
  run(words: readonly string[], input = ''): Promise<Finished> {
    const result = this.#last.then(() => this.#runNow(words, input));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Runs a line of words separated by blanks, which must succeed; what it printed. */
  async ok(line: string, input = ''): Promise<string> {
    const { code, stdout, stderr } = await this.run(line.split(' '), input);
    if (code !== 0) throw new Error(`ipvsadm ${line}: exit code ${code}: ${stderr}`);
    return stdout;
  }

  async #runNow(words: readonly string[], input: string): Promise<Finished> {
    const file = (name: string) => join(this.#directory, name);
    writeFileSync(file('in'), input);
    const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    this.#shell.stdin.write(`ipvsadm ${quoted} <${file('in')} >${file('out')} 2>${file('err')}; echo $?\n`);
    const [answer] = (await once(this.#shell.stdout, 'data')) as [Buffer];
    return {
      code: Number(answer.toString()),
      stdout: readFileSync(file('out'), 'utf8'),
      stderr: readFileSync(file('err'), 'utf8'),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#shell.stdin.end();
    await once(this.#shell, 'exit');
    rmSync(this.#directory, { recursive: true });
  }
}
