/**
 * The verbs that ipvs-ts has besides ipvsadm's commands: finds the one that is named, and reports what goes wrong.
 * @module
 */
import { ConfigError, InvalidArgumentError, IpvsError, printable, RulesError } from '../errors.js';
import { processContext, type VerbContext } from './context.js';
import { writeHint } from './hint.js';
import { InterruptedWork } from './interrupt.js';
import { parseArguments } from './parse-verb.js';
import { apiWords } from './remote.js';
import type { Streams } from './streams.js';
import { isSystemError, systemMessage } from './system-error.js';
import { UsageError } from './usage-error.js';
import type { Verb } from './verb.js';
import { VERBS } from './verbs.js';

/** Runs the verb of a name with its arguments. Returns the exit code. */
export async function runVerb(
  name: string,
  words: readonly string[],
  streams: Streams,
  context: VerbContext = processContext(streams),
): Promise<number> {
  if (name === '__complete') {
    const { complete } = await import('./complete/complete.js');
    streams.stdout.write(await complete(words, VERBS, context));
    return 0;
  }
  try {
    const verb = VERBS.find((known) => known.name === name);
    if (verb === undefined) throw new UsageError('there is no such verb; see "ipvs-ts help"');
    return await execute(verb, words, context);
  } catch (error) {
    const message = messageOf(error);
    if (message === undefined) throw error;
    const subject = error instanceof IpvsError ? '' : `${printable(name)}: `;
    streams.stderr.write(`ipvs-ts: ${subject}${message}\n`);
    writeHint(error, streams.stderr);
    if (error instanceof InterruptedWork) return error.exitCode;
    // `diff` exits with 2 if there is a difference.
    return isUsageError(error) && name !== 'diff' ? 2 : 1;
  }
}

/** Does what a verb is for, or explains it. */
async function execute(verb: Verb, words: readonly string[], context: VerbContext): Promise<number> {
  const args = parseArguments(verb, apiWords(verb.name, words, 'api' in verb.options));
  if (args !== undefined) {
    if (verb.reports) context.streams.reportsOnly?.();
    return verb.run(args, context);
  }
  const { verbHelp } = await import('./help.js');
  context.streams.stdout.write(verbHelp(verb));
  return 0;
}

/** Characters of a line of a message. */
const LINE = 4000;

/** What to tell a person. Undefined for an error that is this program's own mistake. */
function messageOf(error: unknown): string | undefined {
  if (error instanceof InterruptedWork) return error.message;
  if (error instanceof UsageError) return printable(error.message, LINE);
  if (error instanceof IpvsError) {
    return error.message
      .split('\n')
      .map((line) => printable(line, LINE))
      .join('\n');
  }
  if (!isSystemError(error)) return undefined;
  const { path } = error;
  return `${path === undefined ? '' : `${printable(path)}: `}${systemMessage(error)}`;
}

/** Wrong arguments or files, as opposed to a kernel that refuses or is out of reach. */
function isUsageError(error: unknown): boolean {
  return [UsageError, RulesError, ConfigError, InvalidArgumentError].some((kind) => error instanceof kind);
}
