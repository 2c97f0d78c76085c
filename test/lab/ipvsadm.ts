/**
 * The real ipvsadm, the oracle.
 *
 * @module
 */
import type { Finished } from './process.js';
import { Shell } from './shell.js';

/** Runs it in one network namespace, one command after another. */
export class Ipvsadm implements AsyncDisposable {
  readonly #shell: Shell;

  /** In the namespace at this path, or in this process's own. */
  constructor(netns?: string) {
    this.#shell = new Shell(netns);
  }

  /** Runs `ipvsadm` with these words and text on its standard input. */
  run(words: readonly string[], input = ''): Promise<Finished> {
    return this.#shell.run(['ipvsadm', ...words], input);
  }

  /** Runs a line of words separated by blanks, which must succeed; what it printed. */
  async ok(line: string, input = ''): Promise<string> {
    const { code, stdout, stderr } = await this.run(line.split(' '), input);
    if (code !== 0) throw new Error(`ipvsadm ${line}: exit code ${code}: ${stderr}`);
    return stdout;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#shell[Symbol.asyncDispose]();
  }
}
