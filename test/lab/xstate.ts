import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkoutRoot } from './checkout.js';

/**
 * The environment that lets user-mode Linux run on this machine's CPU. Empty on most: only CPUs with AMX need the wrapper
 * of uml-xstate.c, and only they need a C compiler for it.
 */
export function xstateShim(): Record<string, string> {
  if (!/^flags\s*:.* amx_tile\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))) return {};
  const source = join(checkoutRoot, 'test/lab/uml-xstate.c');
  const library = join(checkoutRoot, '.build/lab/uml-xstate.so');
  if (!existsSync(library) || statSync(library).mtimeMs < statSync(source).mtimeMs) compile(source, library);
  return { LD_PRELOAD: library };
}

/** Compiles under another name and renames: two labs may boot at once. */
function compile(source: string, library: string): void {
  mkdirSync(dirname(library), { recursive: true });
  const unfinished = `${library}.${process.pid}`;
  try {
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-shared', '-fPIC', '-o', unfinished, source], { stdio: 'pipe' });
  } catch (error) {
    throw new Error(`user-mode Linux needs ${source} on this CPU (it has AMX), and cc could not compile it`, {
      cause: error,
    });
  }
  renameSync(unfinished, library);
}
