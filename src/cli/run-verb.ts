/**
 * The verbs that ipvs-ts has besides ipvsadm's commands: finds the one that is named, and reports what goes wrong.
 * @module
 */
import { ConfigError, InvalidArgumentError, IpvsError, RulesError } from '../errors.js';
import { processContext, type VerbContext } from './context.js';
import { writeHint } from './hint.js';
import { parseArguments } from './parse-verb.js';
import type { Streams } from './streams.js';
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
    if (!(error instanceof UsageError) && !(error instanceof IpvsError)) throw error;
    const subject = error instanceof UsageError ? `${name}: ` : '';
    streams.stderr.write(`ipvs-ts: ${subject}${error.message}\n`);
    writeHint(error, streams.stderr);
    // `diff` exits with 2 if there is a difference.
    return isUsageError(error) && name !== 'diff' ? 2 : 1;
  }
}

/** Does what a verb is for, or explains it. */
async function execute(verb: Verb, words: readonly string[], context: VerbContext): Promise<number> {
  const args = parseArguments(verb, words);
  if (args !== undefined) return verb.run(args, context);
  const { verbHelp } = await import('./help.js');
  context.streams.stdout.write(verbHelp(verb));
  return 0;
}

/** Wrong arguments or files, as opposed to a kernel that refuses or is out of reach. */
function isUsageError(error: Error): boolean {
  return [UsageError, RulesError, ConfigError, InvalidArgumentError].some((kind) => error instanceof kind);
}
