/**
 * Running the host's own programs, in any network namespace.
 * @module
 */
import { execFile } from 'node:child_process';
import { namespacePath } from './namespace.js';

/** Milliseconds; iptables may wait for its lock. */
const TIMEOUT = 20_000;

/** What came of a program. */
export interface Outcome {
  /** The exit code; 127 if there is no such program, -1 if a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, in a namespace by nsenter(1). The directories of the administrator's programs are searched too. */
export function runProgram(command: readonly string[], netns?: string): Promise<Outcome> {
  const namespace = namespacePath(netns);
  const [program = '', ...args] =
    namespace === undefined ? command : ['nsenter', `--net=${namespace}`, '--', ...command];
  const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin` };
  return new Promise((resolve) => {
    const child = execFile(program, args, { env, timeout: TIMEOUT }, (error, stdout, stderr) => {
      resolve({ code: exitCode(error), stdout, stderr: stderr === '' && error !== null ? error.message : stderr });
    });
    child.stdin?.end();
  });
}

function exitCode(error: { readonly code?: string | number | null | undefined } | null): number {
  if (error === null) return 0;
  if (error.code === 'ENOENT') return 127;
  return typeof error.code === 'number' ? error.code : -1;
}
