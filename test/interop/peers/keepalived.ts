/**
 * Debian's keepalived, the oracle for its files. Starting it costs seconds in user-mode Linux, so that one process is told to
 * read file after file: nothing is left of one when it reads the next.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { Host } from '../../lab/network.js';

/** Stands in every file, so that keepalived always has a service; nobody looks at it. */
export const ALWAYS_THERE = { address: '203.0.113.254', port: 9 } as const;

const EMPTY = `virtual_server ${ALWAYS_THERE.address} ${ALWAYS_THERE.port} {\nprotocol TCP\nreal_server 203.0.113.253 9 {\n}\n}\n`;

/** A keepalived without VRRP, in the namespace of a host. */
export class Keepalived implements AsyncDisposable {
  readonly #host: Host;
  readonly #clean: () => Promise<void>;
  readonly #directory = mkdtempSync(join(tmpdir(), 'keepalived-'));
  #process: ChildProcess | undefined;
  #log = '';

  private constructor(host: Host, clean: () => Promise<void>) {
    this.#host = host;
    this.#clean = clean;
  }

  /**
   * Starts it. `clean` removes all services but the one that is always there: at a reload keepalived forgets some of groups
   * and leaves them in the kernel.
   */
  static async start(host: Host, clean: () => Promise<void>): Promise<Keepalived> {
    const keepalived = new Keepalived(host, clean);
    await keepalived.#start();
    return keepalived;
  }

  /** Loads a file; false where keepalived ends over it. Its log of it is in {@link log}. */
  async load(text: string): Promise<boolean> {
    if (this.#process === undefined) await this.#start();
    else await this.#reload(EMPTY);
    await this.#clean();
    const isTaken = await this.#reload(EMPTY + text);
    if (!isTaken) await this.#end();
    return isTaken;
  }

  /** What keepalived logged since it was last told to read a file. */
  get log(): string {
    return this.#log;
  }

  async #start(): Promise<void> {
    writeFileSync(this.#file('conf'), EMPTY);
    const pids = ['-p', this.#file('pid'), '-c', this.#file('checkers.pid')];
    const options = ['--dont-fork', '--log-console', '--check', ...pids, '-f', this.#file('conf')];
    this.#log = '';
    const child = spawn('ip', ['netns', 'exec', this.#host.namespace, 'keepalived', ...options], { stdio: 'pipe' });
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (piece) => {
        this.#log += String(piece);
      });
    }
    child.once('exit', () => {
      this.#process = undefined;
    });
    this.#process = child;
    await this.#said(/Startup complete/);
  }

  async #reload(text: string): Promise<boolean> {
    writeFileSync(this.#file('conf'), text);
    this.#log = '';
    this.#process?.kill('SIGHUP');
    return this.#said(/Reload complete|Reload finished/);
  }

  /** Whether a line comes before keepalived ends. Its checker may die alone: then there is a word of it, and a new one. */
  async #said(line: RegExp): Promise<boolean> {
    const end = /exited|died|Respawning|terminated/i;
    await vi.waitFor(
      () => {
        if (this.#process !== undefined && !line.test(this.#log) && !end.test(this.#log)) throw new Error(this.#log);
      },
      { timeout: 30_000, interval: 5 },
    );
    return this.#process !== undefined && !end.test(this.#log);
  }

  async #end(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    rmSync(this.#directory, { recursive: true });
  }
}
