/**
 * The verbs that ipvs-ts has beside ipvsadm's commands: finds the one that is named, and says what went wrong.
 * @module
 */
import { ConfigError, InvalidArgumentError, IpvsError, RulesError } from '../errors.js';
import { writeHint } from './hint.js';
import { parseVerb, UsageError } from './parse-verb.js';
import type { Streams } from './streams.js';
import { findVerb, SHELLS, type VerbName } from './verbs.js';

/** Does what a command line says that begins with a verb. Returns the exit code. */
export async function runVerb(word: string, words: readonly string[], streams: Streams): Promise<number> {
  try {
    const verb = findVerb(word);
    if (verb === undefined) throw new UsageError(`there is no verb "${word}"; see "ipvs-ts help"`);
    const code = await carryOut(verb.name, words, streams);
    return typeof code === 'number' ? code : 0;
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof IpvsError)) throw error;
    streams.stderr.write(`ipvs-ts: ${error.message}\n`);
    writeHint(error, streams.stderr);
    // A difference is what 2 says of `diff`.
    return isMistake(error) && word !== 'diff' ? 2 : 1;
  }
}

/** Wrong words or rules, as against a kernel that refuses or is out of reach. */
function isMistake(error: Error): boolean {
  return [UsageError, RulesError, ConfigError, InvalidArgumentError].some((kind) => error instanceof kind);
}

/**
 * Each verb is loaded when it is wanted: a short command spends most of its time on loading. A number that comes
 * back is an exit code.
 */
async function carryOut(name: VerbName, words: readonly string[], streams: Streams): Promise<unknown> {
  if (parseVerb(name, words).values.help) return writeHelp(name, streams);
  switch (name) {
    case 'save':
      return (await import('./rules.js')).save(parseVerb(name, words), streams);
    case 'restore':
      return (await import('./rules.js')).restore(parseVerb(name, words), streams);
    case 'list':
      return (await import('./list.js')).list(parseVerb(name, words).values, streams);
    case 'connections':
      return (await import('./connections.js')).connections(parseVerb(name, words).values, streams);
    case 'settings':
      return (await import('./settings.js')).settings(parseVerb(name, words).values, streams);
    case 'top':
      return (await import('./top.js')).top(parseVerb(name, words).values, streams);
    case 'export':
      return (await import('./desired.js')).exportState(parseVerb(name, words), streams);
    case 'diff':
      return (await import('./desired.js')).diff(parseVerb(name, words), streams);
    case 'apply':
      return (await import('./desired.js')).apply(parseVerb(name, words), streams);
    case 'drain':
      return (await import('./drain.js')).drainServer(parseVerb(name, words), streams);
    case 'keep':
      return (await import('./keep.js')).keepTable(parseVerb(name, words), streams);
    case 'import':
      return (await import('./import.js')).importFile(parseVerb(name, words), streams);
    case 'simulate':
      return (await import('./simulate.js')).simulate(parseVerb(name, words), streams);
    case 'director':
      return (await import('./setup.js')).director(parseVerb(name, words), streams);
    case 'realserver':
      return (await import('./setup.js')).realServer(parseVerb(name, words), streams);
    case 'script':
      return (await import('./script.js')).script(parseVerb(name, words), streams);
    case 'doctor':
      return (await import('./doctor.js')).doctor(parseVerb(name, words), streams);
    case 'completion':
      return writeCompletion(parseVerb(name, words).operand, streams);
    case 'help':
      return writeHelp(findVerb(parseVerb(name, words).operand ?? '')?.name, streams);
    case 'version':
      return streams.stdout.write(`ipvs-ts ${(await import('./version.js')).packageVersion()}\n`);
  }
}

async function writeHelp(name: VerbName | undefined, { stdout }: Streams): Promise<void> {
  const { helpText } = await import('./help.js');
  stdout.write(helpText(name));
}

async function writeCompletion(operand: string | undefined, { stdout }: Streams): Promise<void> {
  const shell = SHELLS.find((known) => known === operand);
  if (shell === undefined) throw new UsageError(`there is no completion for "${operand}"`);
  const { completionScript } = await import('./completion.js');
  stdout.write(completionScript(shell));
}
