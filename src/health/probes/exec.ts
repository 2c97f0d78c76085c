/**
 * A program of this host, and what its exit code says.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { NormalExecCheck } from '../../model/check.js';
import type { CheckOutcome, Target } from '../check-outcome.js';
import { ownTrouble, passed, quoted, soft } from '../outcome.js';
import type { Probe, Run } from '../run.js';

/** Bytes of each output that are kept; the rest is read and forgotten, lest the program waits. */
const KEPT = 8192;
/** Milliseconds that a process which has left the group may hold the outputs after the program's end. */
const LINGER = 200;

/** What came of the program. */
interface Exit {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end, or until the run ends. */
export const probeExec: Probe<NormalExecCheck> = async (target, check, run) => {
  run.waitFor(`no end of ${check.command[0]}`);
  return judge(await execute(target, check, run), check);
};

async function execute(target: Target, { command, env }: NormalExecCheck, run: Run): Promise<Exit> {
  const [program = '', ...args] = command.map((word) => filledIn(word, target));
  const own = { CHECK_ADDRESS: target.address, CHECK_PORT: String(target.port) };
  const child = start(program, args, { ...process.env, ...env, ...own });
  const end = ended(child, program);
  let isOver = false;
  run.onEnd(() => {
    // Once it is over, another group may have its number.
    if (!isOver) killGroup(child);
    letGo(child);
  });
  const [stdout, stderr] = [kept(child.stdout), kept(child.stderr)];
  const { code, signal } = await end;
  isOver = true;
  // What it has left behind in its group would hold its outputs, and is nobody's.
  killGroup(child);
  await closed(child);
  return { code, signal, stdout: stdout(), stderr: stderr() };
}

/** `%h` -> the address, `%p` -> the port, `%%` -> `%`. */
function filledIn(word: string, { address, port }: Target): string {
  const values: Readonly<Record<string, string>> = { '%h': address, '%p': String(port), '%%': '%' };
  return word.replace(/%[hp%]/g, (placeholder) => values[placeholder] ?? placeholder);
}

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  try {
    // Detached: a process group of its own, which can be killed whole.
    return spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw cannotRun(program, error as NodeJS.ErrnoException);
  }
}

/** Why a program cannot be run says nothing of the server. */
function cannotRun(program: string, { code, message }: NodeJS.ErrnoException): Error {
  if (code === 'ENOENT') return ownTrouble(`there is no program ${program}`);
  if (code === 'EACCES') return ownTrouble(`${program} may not be run`);
  return ownTrouble(`${program} cannot be run: ${message}`);
}

/** Keeps the start of an output. There is none where the program could not be started for want of descriptors. */
function kept(output: Readable | null): () => string {
  const parts: Buffer[] = [];
  let length = 0;
  output?.on('error', () => {});
  output?.on('data', (part: Buffer) => {
    if (length < KEPT) parts.push(part.subarray(0, KEPT - length));
    length += part.length;
  });
  return () => Buffer.concat(parts).toString();
}

function ended(child: ChildProcess, program: string): Promise<Pick<Exit, 'code' | 'signal'>> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(cannotRun(program, error)));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Waits until all of the outputs has been read, or for a while. */
async function closed(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => letGo(child), LINGER);
  await Promise.all([child.stdout, child.stderr].map(closing));
  clearTimeout(timer);
}

function closing(output: Readable | null): Promise<void> {
  return new Promise((resolve) => {
    if (output === null || output.closed) resolve();
    else output.once('close', resolve);
  });
}

function letGo({ stdout, stderr }: ChildProcess): void {
  stdout?.destroy();
  stderr?.destroy();
}

/** SIGKILL to the program and what it has started. */
export function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended.
  }
}

function judge({ code, signal, stdout, stderr }: Exit, { output, dynamicWeight }: NormalExecCheck): CheckOutcome {
  const words = stderr.trim() === '' ? stdout.trim() : stderr.trim();
  const said = words === '' ? '' : `: ${quoted(words)}`;
  if (code === null) throw soft(`ended by ${signal}${said}`);
  const asks = dynamicWeight && code >= 2;
  if (code !== 0 && !asks) throw soft(`exit code ${code}${said}`);
  if (output !== undefined && stdout.replace(/\r?\n$/, '') !== output) {
    throw soft(`output ${quoted(stdout)}, wanted ${quoted(output)}`);
  }
  return passed(`exit code ${code}`, asks ? { load: code - 2 } : {});
}
