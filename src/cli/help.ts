/**
 * The help for a terminal, 80 columns wide, made from the table of ipvsadm's options and the table of our verbs.
 * @module
 */
import { optionsOf } from '../ipvsadm/combinations.js';
import { COMMANDS, type OptionId, type OptionSpec, type PlainOption, type Verb } from '../ipvsadm/options.js';
import {
  findVerb,
  type OperandSpec,
  PROGRAMS,
  usageOf,
  VERBS,
  type VerbName,
  type VerbOptionSpec,
  type VerbSpec,
} from './verbs.js';

const WIDTH = 80;
/** Where explanations begin; what stands left of them has two blanks before it and at least two behind. */
const COLUMN = 34;

/** What an exit code means, to which of the two kinds of command line. */
export interface ExitCode {
  readonly code: number;
  readonly help: string;
}

/** The exit codes of command lines in ipvsadm's words. */
export const IPVSADM_EXIT_CODES: readonly ExitCode[] = [
  { code: 0, help: 'done; after -R: the last line was' },
  { code: 1, help: 'what was to be listed is not there, or cannot be read' },
  { code: 2, help: 'options that are wrong or do not go together, or IPVS is out of reach' },
  { code: 255, help: 'the kernel refused, or an option is unknown or lacks its value' },
];

/** The exit codes of our verbs. */
export const VERB_EXIT_CODES: readonly ExitCode[] = [
  { code: 0, help: 'done, all of it' },
  { code: 1, help: 'the kernel refused something, or IPVS is out of reach' },
  { code: 2, help: 'wrong words or rules; nothing was changed' },
];

/** Options of ipvsadm that people look for together. */
export interface OptionGroup {
  readonly title: string;
  readonly options: readonly PlainOption[];
}

/**
 * Every option once, with the first of these commands that takes it. Listing comes last, since it takes --syncid by an
 * accident of ipvsadm.
 */
const GROUPS: readonly { readonly title: string; readonly verb: Verb }[] = [
  { title: 'Services', verb: 'add-service' },
  { title: 'Real servers', verb: 'add-server' },
  { title: 'Sync daemons', verb: 'start-daemon' },
  { title: 'Lists', verb: 'list' },
];

/** The options of ipvsadm in groups, made from what goes with which command. */
export function optionGroups(): OptionGroup[] {
  const seen = new Set<OptionId>();
  return GROUPS.map(({ title, verb }) => {
    const options = optionsOf(verb)
      .map(({ option }) => option)
      .filter(({ long }) => !seen.has(long));
    for (const { long } of options) seen.add(long);
    return { title, options };
  });
}

/** The help as a whole, or that of one verb. It ends with a newline. */
export function helpText(verb?: VerbName): string {
  const spec = verb === undefined ? undefined : findVerb(verb);
  return `${(spec === undefined ? wholeHelp() : verbHelp(spec)).join('\n')}\n`;
}

function wholeHelp(): string[] {
  return [
    'ipvs-ts: the load balancer in the Linux kernel (IPVS)',
    ...section('Usage', [
      ...row('ipvs-ts COMMAND [OPTION]...', 'as ipvsadm; the command comes first'),
      ...row('ipvs-ts', 'the same as -L'),
      ...row('ipvs-ts VERB [WORD]...', 'in verbs of its own'),
      ...PROGRAMS.flatMap(({ name, options, help }) =>
        row([name, ...options.map(({ short }) => `[-${short}]`)].join(' '), help),
      ),
    ]),
    ...section('Commands of ipvsadm', COMMANDS.flatMap(optionRow)),
    ...optionGroups().flatMap(({ title, options }) =>
      section(`Their options: ${lower(title)}`, options.flatMap(optionRow)),
    ),
    ...section('Verbs', VERBS.flatMap(verbRows)),
    ...section('Exit codes in the words of ipvsadm', IPVSADM_EXIT_CODES.flatMap(exitRow)),
    ...section('Exit codes of verbs', VERB_EXIT_CODES.flatMap(exitRow)),
    '',
    ...wrap('More about a verb: ipvs-ts help VERB. More about all: man ipvs-ts.', WIDTH),
  ];
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function section(title: string, rows: readonly string[]): string[] {
  return ['', title, ...rows];
}

function optionRow(option: OptionSpec): string[] {
  return row(optionLabel(option), explainOption(option));
}

/** What an option of ipvsadm is, with the values that it knows unless the text names them. */
export function explainOption({ help, choices = [] }: OptionSpec): string {
  const told = choices.every((choice) => help.includes(choice));
  return told || choices.length === 0 ? help : `${help}: ${choices.join(', ')}`;
}

/** `-L, -l, --list`, `-p, --persistent [seconds]`; long names stand below each other. */
function optionLabel({ long, short, value, placeholder }: OptionSpec): string {
  const letters = short.length === 0 ? '    ' : short.map((letter) => `-${letter}, `).join('');
  if (placeholder === undefined) return `${letters}--${long}`;
  return `${letters}--${long} ${value === 'optional' ? `[${placeholder}]` : placeholder}`;
}

/** The usage may need the whole line, and more. */
function verbRows(verb: VerbSpec): string[] {
  const [name = '', ...rest] = usageOf(verb);
  const lines = fill(rest, WIDTH - 2 - name.length - 1);
  if (lines.length === 0) return row(name, verb.help);
  const [first = '', ...more] = lines;
  const usage = `${name} ${first}`;
  if (more.length === 0) return row(usage, verb.help);
  const indent = ' '.repeat(2 + name.length + 1);
  return [`  ${usage}`, ...more.map((line) => indent + line), ...row('', verb.help)];
}

function exitRow({ code, help }: ExitCode): string[] {
  return [`  ${String(code).padEnd(5)}${help}`];
}

function verbHelp(verb: VerbSpec): string[] {
  const [name = '', ...rest] = usageOf(verb);
  const start = `  ipvs-ts ${name} `;
  const [first = '', ...more] = fill(rest, WIDTH - start.length);
  return [
    ...wrap(`ipvs-ts ${name}: ${verb.help}`, WIDTH),
    ...section('Usage', [`${start}${first}`.trimEnd(), ...more.map((line) => ' '.repeat(start.length) + line)]),
    ...(verb.operand === undefined ? [] : section('Words', row(verb.operand.placeholder, explain(verb.operand)))),
    ...section(
      'Options',
      verb.options.flatMap((option) => row(verbOptionLabel(option), explain(option))),
    ),
    ...(verb.details === undefined ? [] : ['', ...wrap(verb.details, WIDTH)]),
  ];
}

function verbOptionLabel({ short, long, placeholder }: VerbOptionSpec): string {
  const letter = short === undefined ? '    ' : `-${short}, `;
  return `${letter}--${long}${placeholder === undefined ? '' : ` ${placeholder}`}`;
}

/** What an option or a word of a verb is, with the values that it knows and its default. */
export function explain(spec: OperandSpec | VerbOptionSpec): string {
  const closed = !('open' in spec) ? spec.choices : undefined;
  const choices = closed === undefined ? '' : `: ${closed.join(', ')}`;
  const fallback = 'fallback' in spec ? spec.fallback : 'default' in spec ? spec.default : undefined;
  return `${spec.help}${choices}${fallback === undefined ? '' : ` (default: ${fallback})`}`;
}

/** A label and its explanation beside it, or below it where the label is too long. */
function row(label: string, help: string): string[] {
  const [first = '', ...more] = wrap(help, WIDTH - COLUMN);
  const left = `  ${label}`;
  const indent = ' '.repeat(COLUMN);
  const beside = left.length <= COLUMN - 2;
  const lines = beside ? [left.trim() === '' ? indent + first : left.padEnd(COLUMN) + first] : [left, indent + first];
  return [...lines, ...more.map((line) => indent + line)];
}

/** Breaks a text between words into lines of at most `width` characters. */
function wrap(text: string, width: number): string[] {
  return fill(text.split(' '), width);
}

function fill(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
