/**
 * `ipvs-ts save`, `restore` and `list`: words in, text and exit code out.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { IpvsError } from '../errors.js';
import { Ipvs } from '../ipvs.js';
import { parseRules } from '../ipvsadm/rules.js';

const HELP = `ipvs-ts: the load balancer in the Linux kernel (IPVS)

  ipvs-ts save                              print the table as "ipvsadm -Sn" does
  ipvs-ts restore [FILE] [--replace]        carry out rules from FILE or standard input
  ipvs-ts restore [FILE] --check            only read the rules
  ipvs-ts list                              print the table as JSON

Options
  --netns NAME    work in this network namespace (a name of "ip netns", or a path)
  --replace       empty the table first
  --check         change nothing
  -h, --help      print this
  -v, --version   print the version

Exit code: 0 done; 1 refused by the kernel, or IPVS is out of reach; 2 wrong words or rules, nothing was changed.
`;

/** Where words come from and text goes to. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

const OPTIONS = {
  netns: { type: 'string' },
  replace: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', short: 'v', default: false },
} as const;

/** What the words ask for is wrong. */
class UsageError extends Error {}

/** Does what the words after the program's name say. Returns the exit code. */
export async function run(words: readonly string[], streams: Streams): Promise<number> {
  try {
    await dispatch(words, streams);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof IpvsError)) throw error;
    streams.stderr.write(`ipvs-ts: ${error.message}\n`);
    if (error instanceof UsageError) streams.stderr.write('Try "ipvs-ts --help".\n');
    return error instanceof UsageError || ['ERR_RULES', 'ERR_INVALID_ARGUMENT'].includes(error.code) ? 2 : 1;
  }
}

async function dispatch(words: readonly string[], streams: Streams): Promise<void> {
  const { values, positionals } = readWords(words);
  const [command, file, ...more] = positionals;
  if (values.help) streams.stdout.write(HELP);
  else if (values.version) streams.stdout.write(`ipvs-ts ${await version()}\n`);
  else if (more.length > 0 || (file !== undefined && command !== 'restore')) throw new UsageError('too many words');
  else if (command === 'save') await save(values.netns, streams);
  else if (command === 'list') await list(values.netns, streams);
  else if (command === 'restore') await restore(file, values, streams);
  else throw new UsageError(command === undefined ? 'a command is missing' : `there is no command "${command}"`);
}

function readWords(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function version(): Promise<string> {
  const path = new URL('../../package.json', import.meta.url);
  const manifest: { version: string } = JSON.parse(await readFile(path, 'utf8'));
  return manifest.version;
}

async function save(netns: string | undefined, { stdout }: Streams): Promise<void> {
  await using ipvs = await Ipvs.open({ netns });
  stdout.write(await ipvs.save());
}

async function list(netns: string | undefined, { stdout }: Streams): Promise<void> {
  await using ipvs = await Ipvs.open({ netns });
  stdout.write(`${JSON.stringify(await ipvs.snapshot(), null, 2)}\n`);
}

async function restore(
  file: string | undefined,
  { netns, replace, check }: { netns?: string | undefined; replace: boolean; check: boolean },
  { stdin }: Streams,
): Promise<void> {
  const rules = await readRules(file, stdin);
  if (check) {
    parseRules(rules);
    return;
  }
  await using ipvs = await Ipvs.open({ netns });
  await ipvs.restore(rules, { replace });
}

async function readRules(file: string | undefined, stdin: NodeJS.ReadableStream): Promise<string> {
  if (file === undefined || file === '-') return text(stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
