/**
 * Runs a program in the lab: `node .build/test/lab/run.js [options --] program [args...]`.
 *
 * Its output appears live and its exit code is passed through; 125 means that the guest died or that no kernel can be had,
 * 124 that the program took too long. Options: `--timeout SECONDS`, `--memory MIB`, `--share DIRECTORY` (may be repeated).
 *
 * @module
 */
import { parseArgs } from 'node:util';
import { type BootOptions, boot } from './boot.js';
import { NoKernelError } from './kernel.js';

const USAGE = 'usage: run.js [[--timeout SECONDS] [--memory MIB] [--share DIRECTORY]... --] program [args...]';

/** Options are told from the program's own by the `--` between them. */
function split(argv: string[]): { options: string[]; command: string[] } {
  if (!argv[0]?.startsWith('-')) return { options: [], command: argv };
  const end = argv.indexOf('--');
  return end < 0 ? { options: argv, command: [] } : { options: argv.slice(0, end), command: argv.slice(end + 1) };
}

function parse(argv: string[]): BootOptions | undefined {
  const { options, command } = split(argv);
  const { values } = parseArgs({
    args: options,
    options: { timeout: { type: 'string' }, memory: { type: 'string' }, share: { type: 'string', multiple: true } },
  });
  const [program, ...args] = command;
  if (program === undefined) return undefined;
  return {
    program,
    args,
    ...(values.timeout !== undefined && { timeout: Number(values.timeout) * 1000 }),
    ...(values.memory !== undefined && { memory: Number(values.memory) }),
    ...(values.share !== undefined && { shares: values.share }),
    cwd: process.cwd(),
    output: 'inherit',
  };
}

async function main(): Promise<number> {
  const options = parse(process.argv.slice(2));
  if (options === undefined) {
    console.error(USAGE);
    return 2;
  }
  try {
    const { exitCode, problem } = await boot(options);
    if (problem !== undefined) console.error(problem);
    return exitCode;
  } catch (error) {
    if (!(error instanceof NoKernelError)) throw error;
    console.error(error.message);
    return 125;
  }
}

process.exitCode = await main();
