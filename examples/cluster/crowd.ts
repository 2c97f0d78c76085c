/** Requests that go on and on, from another process and another namespace, and who answered them. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../test/lab/network.js';

const VISITORS = fileURLToPath(new URL('./visitors.mjs', import.meta.url));
/** Milliseconds that a number of requests may take. */
const PATIENCE = 20_000;

/** How many requests were answered, by whom, and what became of the others. */
export class Tally {
  readonly answers = new Map<string, number>();
  readonly failures: string[] = [];
  readonly #since: number;

  constructor(since = 0) {
    this.#since = since;
  }

  /** Counts one line of visitors.mjs, if the request began late enough. */
  count(line: string): void {
    const [began, verdict, ...words] = line.split(' ');
    const rest = words.join(' ');
    if (Number(began) < this.#since) return;
    if (verdict === 'ok') this.answers.set(rest, this.by(rest) + 1);
    else this.failures.push(rest);
  }

  by(server: string): number {
    return this.answers.get(server) ?? 0;
  }

  get requests(): number {
    return [...this.answers.values()].reduce((sum, number) => sum + number, this.failures.length);
  }
}

/** The visitors at work, and what came of it so far. */
export class Crowd {
  readonly #total = new Tally();
  #recent = new Tally();
  readonly #process: ChildProcess;
  readonly #end: Promise<unknown>;

  constructor(client: Host, url: string) {
    this.#process = client.spawn(process.execPath, VISITORS, url);
    // Its output has been read to the end by then.
    this.#end = once(this.#process, 'close');
    if (this.#process.stdout === null) throw new Error('the visitors have no output');
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      this.#total.count(line);
      this.#recent.count(line);
    });
  }

  /** Waits for as many requests that begin from now on; gives their tally. */
  async watch(requests: number): Promise<Tally> {
    const tally = new Tally(Date.now());
    this.#recent = tally;
    const deadline = performance.now() + PATIENCE;
    while (tally.requests < requests) {
      if (this.#process.exitCode !== null)
        throw new Error(`the visitors left with exit code ${this.#process.exitCode}`);
      if (performance.now() > deadline) {
        throw new Error(`only ${tally.requests} of ${requests} requests came to an end within ${PATIENCE / 1000} s`);
      }
      await sleep(20);
    }
    this.#recent = new Tally();
    return tally;
  }

  /** Lets every visitor finish; gives the tally of all requests. */
  async leave(): Promise<Tally> {
    this.#process.kill('SIGTERM');
    await this.#end;
    return this.#total;
  }
}
