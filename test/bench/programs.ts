/**
 * Programs in a network namespace, and how long they run: ipvsadm, our own command, and the bound (bound.c).
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Shell } from '../lab/shell.js';

/** Compiled by scripts/bench.mjs. */
const BOUND = fileURLToPath(new URL('../../bench/bound', import.meta.url));
const IPVS_TS_CJS = fileURLToPath(new URL('../../../dist/bin/ipvs-ts.cjs', import.meta.url));

/** Our command, and Node doing nothing, as words. */
export const IPVS_TS = [process.execPath, IPVS_TS_CJS];
export const NOTHING = [process.execPath, '-e', '0'];

const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-bench-'));

/** Writes a file that programs can read; the lab forgets it. */
export function temporaryFile(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** What a whole process took, from its start to its end. */
export interface Taken {
  readonly milliseconds: number;
  /** Of resident memory, at most. */
  readonly mebibytes: number;
}

const shell = new Shell();

/** Runs a program that must succeed, its output thrown away. `input`: a file for its standard input. */
export async function run(netns: string, command: readonly string[], input?: string): Promise<Taken> {
  const [milliseconds = Number.NaN, kibibytes = Number.NaN] = await runBound(netns, ['run', ...command], input);
  return { milliseconds, mebibytes: kibibytes / 1024 };
}

/** Milliseconds that the bound took for the work of one of its verbs. */
export async function bound(netns: string, ...words: string[]): Promise<number> {
  const [milliseconds = Number.NaN] = await runBound(netns, words);
  return milliseconds;
}

/** Fills the connection table. */
export async function makeConnections(netns: string, count: number): Promise<void> {
  await runBound(netns, ['sync', String(count)]);
}

/** Runs a program that must succeed, and gives what it printed. */
export async function output(words: readonly string[], input = '/dev/null'): Promise<string> {
  const { code, stdout, stderr } = await shell.runFrom(input, words);
  if (code !== 0) throw new Error(`${words.join(' ')}: exit code ${code}: ${stderr}`);
  return stdout;
}

/** To be called at the end: the shell holds the process open. */
export async function endPrograms(): Promise<void> {
  await shell[Symbol.asyncDispose]();
}

async function runBound(netns: string, words: readonly string[], input?: string): Promise<number[]> {
  const printed = await output(['nsenter', `--net=${netns}`, BOUND, ...words], input);
  return printed.trim().split(' ').map(Number);
}
