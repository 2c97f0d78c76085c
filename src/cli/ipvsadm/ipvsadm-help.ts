/**
 * The help about ipvsadm's commands and options, made from their table.
 * @module
 */
import { optionsOf } from '../../ipvsadm/combinations.js';
import { COMMANDS, type OptionId, type OptionSpec, type PlainOption, type Verb } from '../../ipvsadm/options.js';
import { IPVSADM_EXIT_CODES } from '../exit-codes.js';
import { row, section } from '../help-layout.js';
import { PROGRAMS } from './programs.js';

/** Options of ipvsadm that belong together. */
export interface OptionGroup {
  readonly title: string;
  readonly options: readonly PlainOption[];
}

/**
 * Every option once, with the first of these commands that takes it. Listing comes last, since it takes --syncid by an
 * accident of ipvsadm.
 */
const GROUPS: readonly { readonly title: string; readonly verb: Verb }[] = [
  { title: 'Options of services', verb: 'add-service' },
  { title: 'Options of real servers', verb: 'add-server' },
  { title: 'Options of sync daemons', verb: 'start-daemon' },
  { title: 'Options of lists', verb: 'list' },
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

/** The text of `ipvs-ts -h` and `ipvs-ts help ipvsadm`. It ends with a newline. */
export function ipvsadmHelp(): string {
  const lines = [
    'ipvs-ts in place of ipvsadm: the load balancer in the Linux kernel (IPVS)',
    ...section('Usage', [
      ...row('ipvs-ts COMMAND [OPTION]...', 'as ipvsadm; the command comes first'),
      ...row('ipvs-ts', 'the same as -L'),
      ...row('ipvs-ts VERB [OPTION]...', 'verbs of its own: see "ipvs-ts help"'),
      ...PROGRAMS.flatMap(({ name, options, help }) =>
        row([name, ...options.map(({ short }) => `[-${short}]`)].join(' '), help),
      ),
    ]),
    ...section('Commands', COMMANDS.flatMap(optionRow)),
    ...optionGroups().flatMap(({ title, options }) => section(title, options.flatMap(optionRow))),
    ...section(
      'Exit codes',
      IPVSADM_EXIT_CODES.map(({ code, help }) => `  ${String(code).padEnd(5)}${help}`),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function optionRow(option: OptionSpec): string[] {
  return row(optionLabel(option), explainOption(option));
}

/** What an option of ipvsadm is, with its choices unless the text names them. */
export function explainOption({ help, choices = [] }: OptionSpec): string {
  const named = choices.every((choice) => help.includes(choice));
  return named || choices.length === 0 ? help : `${help}: ${choices.join(', ')}`;
}

/** `-L, -l, --list`, `-p, --persistent [seconds]`; long names stand below each other. */
function optionLabel({ long, short, value, placeholder }: OptionSpec): string {
  const letters = short.length === 0 ? '    ' : short.map((letter) => `-${letter}, `).join('');
  if (placeholder === undefined) return `${letters}--${long}`;
  return `${letters}--${long} ${value === 'optional' ? `[${placeholder}]` : placeholder}`;
}
