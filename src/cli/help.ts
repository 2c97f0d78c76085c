/**
 * The help about verbs, made from their descriptions.
 * @module
 */
import { VERB_EXIT_CODES } from './exit-codes.js';
import { fill, row, section, WIDTH, wrap } from './help-layout.js';
import { type OperandSpec, type OptionSpec, VERB_GROUPS, type Verb } from './verb.js';

/** Verbs that the last line of the overview names. */
const ASIDE = ['completion', 'help', 'settings', 'sync', 'token', 'metrics', 'version'];

/** All verbs on one screen of 80 columns and 24 lines, of which one is the prompt's. It ends with a newline. */
export function overview(verbs: readonly Verb[]): string {
  const rows = VERB_GROUPS.flatMap((group) =>
    verbs
      .filter((verb) => verb.group === group && !ASIDE.includes(verb.name))
      .map(({ name, help }, place) => `${(place === 0 ? group : '').padEnd(9)}${name.padEnd(13)}${help}`),
  );
  return `${[
    'Usage: ipvs-ts VERB [OPTION]...   or, as ipvsadm: ipvs-ts COMMAND; man ipvs-ts',
    ...rows,
    'help VERB, help ipvsadm, metrics, settings, sync, token, version, completion',
  ].join('\n')}\n`;
}

/** The help about one verb. It ends with a newline. */
export function verbHelp(verb: Verb): string {
  const { name, details, exitCodes = VERB_EXIT_CODES } = verb;
  const start = `  ipvs-ts ${name} `;
  const [first = '', ...more] = fill(usageOf(verb).map(usageText), WIDTH - start.length);
  const operands = Object.values(verb.operands);
  return `${[
    ...wrap(`ipvs-ts ${name}: ${verb.help}`, WIDTH),
    ...section('Usage', [`${start}${first}`.trimEnd(), ...more.map((line) => ' '.repeat(start.length) + line)]),
    ...(operands.length === 0
      ? []
      : section(
          'Arguments',
          operands.flatMap((operand) => row(operand.placeholder, explain(operand))),
        )),
    ...section(
      'Options',
      Object.entries(verb.options).flatMap(([long, option]) => row(optionLabel(long, option), explain(option))),
    ),
    ...(details === undefined ? [] : ['', ...wrap(details, WIDTH)]),
    ...section(
      'Exit codes',
      exitCodes.map(({ code, help }) => `  ${String(code).padEnd(5)}${help}`),
    ),
  ].join('\n')}\n`;
}

/** One argument of a usage line. */
export interface UsageWord {
  /** `--sort`; absent for an operand. */
  readonly option?: string;
  /** `FIELD`; absent for an option without a value. */
  readonly placeholder?: string | undefined;
  /** It is required. */
  readonly required?: true;
  /** It may be repeated. */
  readonly many?: true | undefined;
}

/** The arguments of a verb. */
export function usageOf({ operands, options }: Verb): UsageWord[] {
  const words = Object.values(operands).map(({ placeholder, fallback }) => ({
    placeholder,
    ...(fallback === undefined && { required: true as const }),
  }));
  const own = Object.entries(options).filter(([long]) => long !== 'help');
  return [...words, ...own.map(([long, { placeholder, many }]) => ({ option: `--${long}`, placeholder, many }))];
}

/** `FILE`, `[--check]`, `[--scope WHAT]...` */
function usageText({ option, placeholder, required, many }: UsageWord): string {
  const text = [option, placeholder].filter((part) => part !== undefined).join(' ');
  return required ? text : `[${text}]${many ? '...' : ''}`;
}

function optionLabel(long: string, { short, placeholder }: OptionSpec): string {
  const letter = short === undefined ? '    ' : `-${short}, `;
  return `${letter}--${long}${placeholder === undefined ? '' : ` ${placeholder}`}`;
}

/** What an option or operand of a verb is, with its choices and its default. */
export function explain(spec: OperandSpec | OptionSpec): string {
  const { choices: all = [], open } = spec.placeholder === undefined ? {} : spec;
  const choices = all.length === 0 || open ? '' : `: ${all.join(', ')}`;
  const fallback = 'fallback' in spec ? spec.fallback : 'default' in spec ? spec.default : undefined;
  const repeatable = 'many' in spec && spec.many ? ' (may be repeated)' : '';
  return `${spec.help}${choices}${fallback === undefined ? '' : ` (default: ${fallback})`}${repeatable}`;
}
