/**
 * Completion of a command line that begins with a verb.
 * @module
 */
import type { VerbContext } from '../context.js';
import type { OperandSpec, OptionSpec, ValueOptionSpec, Verb } from '../verb.js';
import { behind, type Candidates, NONE, valuesOf } from './candidates.js';

/** The arguments of a verb before the cursor. */
interface Before {
  /** The last value of each option. */
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
  /** The option whose value is at the cursor. */
  readonly expects: string | undefined;
}

/** What may follow a verb and `words`, the last of which is at the cursor. */
export async function completeVerb(
  verb: Verb,
  words: readonly string[],
  { verbs, context }: { readonly verbs: readonly Verb[]; readonly context: Pick<VerbContext, 'open'> },
): Promise<Candidates> {
  const current = words.at(-1) ?? '';
  const before = read(verb, words.slice(0, -1));
  const values = (spec: OperandSpec | ValueOptionSpec, begin: string) => offer(spec, begin, { before, verbs, context });
  if (before.expects !== undefined) return values(valueOption(verb, before.expects), current);
  const [, long, begin] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
  if (long !== undefined && begin !== undefined) {
    return takesValue(verb.options[long]) ? behind(`--${long}=`, await values(verb.options[long], begin)) : NONE;
  }
  if (current.startsWith('-')) return options(verb, before);
  const operand = Object.values(verb.operands)[before.operands.length];
  return operand === undefined ? NONE : values(operand, current);
}

function read(verb: Verb, words: readonly string[]): Before {
  const values = new Map<string, string>();
  const operands: string[] = [];
  let expects: string | undefined;
  for (const word of words) {
    if (expects !== undefined) {
      values.set(expects, word);
      expects = undefined;
    } else if (word.startsWith('-') && word !== '-') {
      const [name = '', ...value] = word.split('=');
      const long = longName(verb, name);
      if (long === undefined) continue;
      values.set(long, value.join('='));
      if (value.length === 0 && takesValue(verb.options[long])) expects = long;
    } else {
      operands.push(word);
    }
  }
  return { values, operands, expects };
}

function longName({ options }: Verb, word: string): string | undefined {
  if (word.startsWith('--')) return Object.hasOwn(options, word.slice(2)) ? word.slice(2) : undefined;
  return Object.entries(options).find(([, { short }]) => short !== undefined && word === `-${short}`)?.[0];
}

function takesValue(option: OptionSpec | undefined): option is ValueOptionSpec {
  return option?.placeholder !== undefined;
}

function valueOption({ options }: Verb, long: string): ValueOptionSpec {
  const option = options[long];
  if (!takesValue(option)) throw new Error(`--${long} takes no value`);
  return option;
}

/** The options that are not there yet, or may be repeated. */
function options(verb: Verb, { values }: Before): Candidates {
  const open = Object.entries(verb.options).filter(([long, option]) => !values.has(long) || option.many);
  return {
    words: open.flatMap(([long, { short, help }]) => [
      ...(short === undefined ? [] : [{ text: `-${short}`, help }]),
      { text: `--${long}`, help },
    ]),
  };
}

function offer(
  { choices = [], source }: OperandSpec | ValueOptionSpec,
  begin: string,
  {
    before,
    verbs,
    context,
  }: { readonly before: Before; readonly verbs: readonly Verb[]; readonly context: Pick<VerbContext, 'open'> },
): Promise<Candidates> | Candidates {
  if (source === 'verb') {
    const ipvsadm = { text: 'ipvsadm', help: 'its commands and options' };
    return { words: [...verbs.map(({ name: text, help }) => ({ text, help })), ipvsadm] };
  }
  if (source === undefined) return { words: choices.map((text) => ({ text })) };
  const service = before.values.get('service') ?? before.operands.find((operand) => operand.includes('://'));
  return valuesOf({ source, begin, netns: before.values.get('netns'), service }, context);
}
