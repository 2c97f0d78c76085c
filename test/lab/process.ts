import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** What came of a process that has ended. */
export interface Finished {
  stdout: string;
  stderr: string;
  /** The exit code; -1 when a signal ended it. */
  code: number;
}

/** A process that had to succeed did not. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError';
  readonly result: Finished;

  constructor(command: readonly string[], result: Finished) {
    super(`${command.join(' ')}: exit code ${result.code}\n${result.stderr}${result.stdout}`.trimEnd());
    this.result = result;
  }
}

/** Runs a program to its end with this text as its input. */
export async function execute(program: string, args: readonly string[], input = ''): Promise<Finished> {
  const child = spawn(program, args, { stdio: 'pipe' });
  // A program that ends without reading its input is no error of ours.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { stdout, stderr, code: typeof code === 'number' ? code : -1 };
}

/** Runs a program that must succeed and returns its output. @throws ProcessError */
export async function succeed(program: string, args: readonly string[], input = ''): Promise<string> {
  const result = await execute(program, args, input);
  if (result.code !== 0) throw new ProcessError([program, ...args, input], result);
  return result.stdout;
}
