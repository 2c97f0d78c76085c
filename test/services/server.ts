/**
 * Debian's servers, as a test starts and stops them.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../../src/health/check-outcome.js';
import type { Check } from '../../src/model/check.js';
import { LONG, run } from '../unit/health/probes/fixture.js';

export const HOST = '127.0.0.1';

/** A server, and how a test knows that it is there. */
export interface ServerOptions {
  /** The Debian package that has it, to be named where it could not be had. */
  readonly package: string;
  /** Stays in the foreground. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Where its log goes. */
  readonly directory: string;
  readonly port: number;
  /** The check that passes as soon as the server is up. */
  readonly ready: Check;
  readonly env?: Readonly<Record<string, string>>;
}

/** Milliseconds. */
const POLL = 20;
/** Of a log, when a server does not start. */
const LINES = 30;

/** A server that runs. */
export class Server implements Target, AsyncDisposable {
  readonly address = HOST;
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #log: string;
  #isOver = false;

  private constructor(process: ChildProcess, port: number, log: string) {
    this.#process = process;
    this.port = port;
    this.#log = log;
    process.once('exit', () => {
      this.#isOver = true;
    });
    // The tests look for what probes have left: this is not of them.
    process.unref();
  }

  /** Starts one, and waits until it answers. */
  static async start(options: ServerOptions): Promise<Server> {
    const { command, directory, port, ready, env } = options;
    const [program, ...args] = command;
    if (!existsSync(program)) throw new Error(`${program} is not there: Debian's ${options.package} could not be had`);
    const log = join(directory, `${program.replace(/.*\//, '')}-${port}.log`);
    const descriptor = openSync(log, 'w');
    // At the head of a group: some are several processes.
    const child = spawn(program, args, {
      cwd: directory,
      detached: true,
      stdio: ['ignore', descriptor, descriptor],
      env: { ...process.env, ...env },
    });
    closeSync(descriptor);
    await once(child, 'spawn');
    const server = new Server(child, port, log);
    await server.#until(ready);
    return server;
  }

  async #until(ready: Check): Promise<void> {
    const deadline = Date.now() + LONG;
    for (;;) {
      const { result, reason } = await run(this, { ...ready, timeout: 1000 });
      if (result === 'passed') return;
      if (this.#isOver || Date.now() > deadline) {
        this.kill();
        throw new Error(`${this.#isOver ? 'The server has ended' : `The server is not up: ${reason}`}:\n${this.log}`);
      }
      await sleep(POLL);
    }
  }

  /** The end of what it wrote to its output. */
  get log(): string {
    return readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-LINES).join('\n');
  }

  /** Of its first process. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** To all its processes. */
  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch {
      // No process is left.
    }
  }

  kill(): void {
    this.signal('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    if (this.#isOver) return;
    this.#process.ref();
    await once(this.#process, 'exit');
  }
}

/** Ports below those that the kernel chooses for calls, so that no call can take one. */
let next = 10_000 + Math.floor(Math.random() * 20_000);

/** A port that nobody has. */
export async function freePort(): Promise<number> {
  const port = next++;
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, HOST, () => resolve(true));
  });
  if (!isFree) return freePort();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
