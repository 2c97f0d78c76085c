/**
 * Running the program of a hook to its end.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accountIds } from '../linux/user.js';
import type { NormalHook } from '../model/hook.js';
import { quoted } from './outcome.js';
import { killGroup } from './probes/exec.js';

/** Bytes of the errors of a program that are kept; the rest is read and forgotten. */
const KEPT = 1024;
/** Milliseconds that a process which it has left behind may hold its errors. */
const LINGER = 200;

/** What a hook has in its environment. */
export type HookVariables = Readonly<Record<`NOTIFY_${string}`, string>>;

/**
 * Runs it, and resolves with why it failed; undefined if it did not. It and all processes of its group are killed when its time is
 * over, or by the signal.
 */
export async function runHook(
  hook: NormalHook,
  variables: HookVariables,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [program = '', ...args] = hook.command;
  try {
    const { user, group } = hook;
    const account = user === undefined && group === undefined ? {} : accountIds(user, group);
    const env = { ...process.env, ...variables };
    // Detached: a process group of its own, which can be killed whole.
    const child = spawn(program, args, { env, ...account, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    return await endOf(child, hook.timeout, signal);
  } catch (error) {
    return whyNot(program, error as NodeJS.ErrnoException);
  }
}

async function endOf(child: ChildProcess, timeout: number, signal: AbortSignal): Promise<string | undefined> {
  const said = startOf(child);
  let killed: string | undefined;
  const kill = (why: string) => {
    killed = why;
    killGroup(child);
  };
  const timer = setTimeout(() => kill(`no end within ${timeout} ms: killed`), timeout);
  const stop = () => kill('this program ends: killed');
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    const exit = await exitOf(child);
    if (killed !== undefined || exit === undefined) return killed;
    await lastWords(child);
    const words = said();
    return words === '' ? exit : `${exit}: ${quoted(words)}`;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    // What it has left behind goes on; nobody listens to it.
    child.stderr?.destroy();
  }
}

/** Undefined: as it should be. */
function exitOf(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(code === null ? `ended by ${signal}` : `exit code ${code}`);
    });
  });
}

/** Its end may be known before its last words are read. */
async function lastWords({ stderr }: ChildProcess): Promise<void> {
  if (stderr === null || stderr.closed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, LINGER);
    stderr.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function startOf({ stderr }: ChildProcess): () => string {
  let text = '';
  stderr?.on('error', () => {});
  stderr?.on('data', (part: Buffer) => {
    text = (text + part.toString()).slice(0, KEPT);
  });
  return () => text.trim();
}

function whyNot(program: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return `there is no program ${program}`;
  if (code === 'EACCES') return `${program} may not be run`;
  if (code === 'EPERM') return 'this process may not become another user or group';
  return message;
}
