/**
 * The arguments after a verb, read by its description.
 * @module
 */
import { parseArgs } from 'node:util';
import { UsageError } from './usage-error.js';
import type { Arguments, OperandSpec, OperandSpecs, OptionSpec, OptionSpecs, ValueSpec, Verb } from './verb.js';

/**
 * The arguments of a verb, checked and read; undefined if they ask for help, whatever else they are.
 * @throws {UsageError}
 */
export function parseArguments<Options extends OptionSpecs, Operands extends OperandSpecs>(
  verb: Verb<Options, Operands>,
  words: readonly string[],
): Arguments<Options, Operands> | undefined {
  const parsed = parse(verb, words);
  return parsed.values['help'] === true ? undefined : check(verb, parsed);
}

/** What `parseArgs` of node:util makes of them. */
interface Parsed {
  readonly values: { readonly [long: string]: string | boolean | (string | boolean)[] | undefined };
  readonly positionals: readonly string[];
}

function parse({ options }: Pick<Verb, 'options'>, words: readonly string[]): Parsed {
  const config = Object.fromEntries(Object.entries(options).map(([long, option]) => [long, parseArgsOption(option)]));
  try {
    // Also where there are no operands: parseArgs would complain in words of its own.
    return parseArgs({ options: config, args: [...words], allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function parseArgsOption({ short, placeholder, many }: OptionSpec) {
  return {
    type: placeholder === undefined ? ('boolean' as const) : ('string' as const),
    ...(short !== undefined && { short }),
    ...(many && { multiple: true }),
  };
}

function check<Options extends OptionSpecs, Operands extends OperandSpecs>(
  { options, operands }: Pick<Verb<Options, Operands>, 'options' | 'operands'>,
  { values, positionals }: Parsed,
): Arguments<Options, Operands> {
  return {
    values: Object.fromEntries(
      Object.entries(options).map(([long, option]) => [long, optionValue(long, option, values[long])]),
    ),
    operands: operandValues(operands, positionals),
  } as Arguments<Options, Operands>;
}

function optionValue(long: string, option: OptionSpec, given: Parsed['values'][string]): unknown {
  if (option.placeholder === undefined) return given === true;
  const read = (text: unknown) => readValue(`--${long}`, option, String(text));
  if (option.many) return Array.isArray(given) ? given.map(read) : [];
  const text = given ?? option.default;
  return text === undefined ? undefined : read(text);
}

function operandValues(operands: OperandSpecs, positionals: readonly string[]): object {
  const entries = Object.entries(operands);
  const surplus = positionals[entries.length];
  if (surplus !== undefined) throw new UsageError(`unexpected argument "${surplus}"`);
  return Object.fromEntries(entries.map(([name, operand], place) => [name, operandValue(operand, positionals[place])]));
}

function operandValue(operand: OperandSpec, text: string | undefined): unknown {
  const { placeholder, choices, help, fallback } = operand;
  if (text !== undefined) return readValue(placeholder, operand, text);
  if (fallback !== undefined) return undefined;
  throw new UsageError(`${placeholder} is missing: ${choices === undefined ? help : listed(choices)}`);
}

function readValue(what: string, { choices, open, read }: ValueSpec<unknown>, text: string): unknown {
  if (choices !== undefined && open !== true && !choices.includes(text)) {
    throw new UsageError(`${what} must be ${listed(choices)}, not "${text}"`);
  }
  if (read === undefined) return text;
  try {
    return read(text);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${what} ${error.message}`) : error;
  }
}

/** `a, b or c` */
function listed(choices: readonly string[]): string {
  return choices.length < 2 ? choices.join() : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}
