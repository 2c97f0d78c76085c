/**
 * The words after a verb, read by its row of the table.
 * @module
 */
import { parseArgs } from 'node:util';
import { choiceProblem, operandProblem, type ParseConfig, parseConfig, type VerbName } from './verbs.js';

/** What the words ask for is wrong. */
export class UsageError extends Error {}

/** A verb's words: the values of its options, and the word that is none. */
export interface Parsed<Name extends VerbName> {
  readonly values: ReturnType<typeof parseArgs<ParseConfig<Name> & { args: string[] }>>['values'];
  readonly operand: string | undefined;
}

/** Throws {@link UsageError}. Where help is asked for, the rest may be wrong. */
export function parseVerb<Name extends VerbName>(name: Name, words: readonly string[]): Parsed<Name> {
  const { values, positionals } = readWords(name, words);
  const isHelp = (values as { help?: boolean }).help === true;
  const problem = choiceProblem(name, values) ?? operandProblem(name, positionals);
  if (problem !== undefined && !isHelp) throw new UsageError(`${name}: ${problem}`);
  return { values, operand: positionals[0] };
}

function readWords<Name extends VerbName>(name: Name, words: readonly string[]) {
  try {
    return parseArgs({ ...parseConfig(name), args: [...words] });
  } catch (error) {
    throw new UsageError(`${name}: ${(error as Error).message}`);
  }
}
