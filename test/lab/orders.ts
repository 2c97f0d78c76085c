/**
 * A program on a host that does what it is told: a line in, a line of JSON out.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Host } from './network.js';

/** Such a program, from its start on. */
export class Orders implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  constructor(host: Host, ...command: string[]) {
    this.#child = spawn('ip', ['netns', 'exec', host.namespace, ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Writes a line, and waits for its answer. */
  async give(order: string): Promise<unknown> {
    this.#child.stdin.write(`${order}\n`);
    const { done, value } = await this.#answers.next();
    if (done === true) throw new Error(`The program of a host ended at: ${order}`);
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const end = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await end;
  }
}
