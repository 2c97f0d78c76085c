/**
 * Completion for zsh 5: specifications for its `_arguments`.
 * @module
 */
import { PROGRAMS, VERBS, type VerbSpec } from '../verbs.js';
import {
  COMMAND_OFFERS,
  hasValues,
  type IpvsadmOffer,
  legalOptions,
  type Offer,
  operandValues,
  rivalsOf,
  type Values,
  verbOffer,
  wordsOf,
} from './model.js';

/** The script, to be put into a directory of `fpath` as `_ipvs-ts`, or sourced after `compinit`. */
export function zshScript(): string {
  return [
    `#compdef ${['ipvs-ts', ...PROGRAMS.map(({ name }) => name)].join(' ')}`,
    '# Completion of ipvs-ts for zsh, written by "ipvs-ts completion zsh".',
    '',
    HELPERS,
    '# A command line in the words of ipvsadm: $words[2] is or begins with the command.',
    ...caseFunction('_ipvs-ts-ipvsadm', '$words[2]', COMMAND_OFFERS.map(commandCase)),
    '# A command line in verbs of our own.',
    ...caseFunction('_ipvs-ts-verb', '$words[2]', VERBS.map(verbCase)),
    '_ipvs-ts-first() {',
    '  local -a verbs commands',
    ...describeArray(
      'verbs',
      VERBS.map(({ name, help }) => [name, help]),
    ),
    ...describeArray(
      'commands',
      COMMAND_OFFERS.flatMap((offer) => wordsOf(offer).map((word) => [word, offer.help] as const)),
    ),
    "  _describe -t verbs 'verb of ipvs-ts' verbs",
    "  _describe -o -t commands 'command of ipvsadm' commands",
    '}',
    '',
    '_ipvs-ts() {',
    '  case $service in',
    ...PROGRAMS.map(programCase),
    '  esac',
    '  if [[ CURRENT -eq 2 && $words[2] != --*=* ]]; then',
    '    _ipvs-ts-first',
    '  elif [[ $words[2] == -* ]]; then',
    '    _ipvs-ts-ipvsadm',
    '  else',
    '    _ipvs-ts-verb',
    '  fi',
    '}',
    '',
    '# Autoloaded, the file is the function itself.',
    'if [[ $funcstack[1] == _ipvs-ts ]]; then',
    '  _ipvs-ts "$@"',
    'else',
    `  compdef _ipvs-ts ${['ipvs-ts', ...PROGRAMS.map(({ name }) => name)].join(' ')}`,
    'fi',
    '',
  ].join('\n');
}

const HELPERS = `_ipvs-ts-netns() {
  local -a names=(/run/netns/*(N:t))
  (( $#names )) && compadd -a names
  _files
}
`;

interface Case {
  readonly patterns: readonly string[];
  readonly specifications: readonly string[];
}

function caseFunction(name: string, subject: string, cases: readonly Case[]): string[] {
  return [
    `${name}() {`,
    `  case ${subject} in`,
    ...cases.flatMap(({ patterns, specifications }) => [
      `    (${patterns.join('|')})`,
      '      _arguments -s -S : \\',
      ...specifications.map((text, index) => `        ${text}${index === specifications.length - 1 ? '' : ' \\'}`),
      '      ;;',
    ]),
    '  esac',
    '}',
    '',
  ];
}

/** Letters cluster and may have a value behind them (`-Ln`, `-At 192.0.2.1:80`), a long name may have `=`. */
function commandCase(command: IpvsadmOffer<(typeof COMMAND_OFFERS)[number]['long']>): Case {
  const equals = command.value === 'none' ? [] : [`--${command.long}=*`];
  const patterns = [...command.short.map((letter) => `-${letter}*`), `--${command.long}`, ...equals];
  const positionals = command.value === 'none' && command.placeholder !== '' ? [positional(command.placeholder)] : [];
  const options = legalOptions(command.long).flatMap((offer) => {
    const rivals = rivalsOf(command.long, offer.long);
    const excluded = legalOptions(command.long).filter(({ long }) => rivals.includes(long));
    return specification(offer, excluded.flatMap(wordsOf));
  });
  return { patterns, specifications: [...specification(command, wordsOf(command)), ...options, ...positionals] };
}

function positional(placeholder: string): string {
  return quote(`*:${placeholder}: `);
}

function verbCase(verb: VerbSpec): Case {
  const options = verb.options
    .map(verbOffer)
    .flatMap((offer) => specification(offer, offer.many ? [] : wordsOf(offer)));
  const { operand } = verb;
  const other = operand === undefined ? [] : [quote(`2:${operand.placeholder}:${action(operandValues(operand))}`)];
  return { patterns: [verb.name], specifications: [quote(`1:verb:(${verb.name})`), ...other, ...options] };
}

/** A specification for each word that means the option: `(-w --weight)-w+[...]:weight: `. */
function specification(offer: Offer, excluded: readonly string[]): string[] {
  const prefix = excluded.length === 0 ? '*' : `(${excluded.join(' ')})`;
  return wordsOf(offer).map((word) =>
    quote(`${prefix}${word}${valueMark(offer, word)}[${inBrackets(offer.help)}]${valueText(offer)}`),
  );
}

/** `+` and `=`: the value may stand in the same word or in the next. */
function valueMark({ value }: Offer, word: string): string {
  if (value === 'none') return '';
  return word.startsWith('--') ? '=' : '+';
}

function valueText({ value, placeholder, values }: Offer): string {
  if (value === 'none') return '';
  const colons = value === 'optional' ? '::' : ':';
  return `${colons}${placeholder.replaceAll(':', '\\:')}:${hasValues(values) ? action(values) : ' '}`;
}

function action({ choices, list, source }: Values): string {
  switch (source) {
    case 'file':
      return '_files';
    case 'netns':
      return '_ipvs-ts-netns';
    case 'interface':
      return '_net_interfaces';
    default:
      return list ? `_values -s , value ${choices.join(' ')}` : `(${choices.join(' ')})`;
  }
}

function programCase({ name, options }: (typeof PROGRAMS)[number]): string {
  const specifications = options.map(({ short, help }) => ` ${quote(`-${short}[${inBrackets(help)}]`)}`).join('');
  return `    (${name}) _arguments -s${specifications === '' ? ' -S' : ` :${specifications}`}; return ;;`;
}

function describeArray(name: string, entries: readonly (readonly [word: string, help: string])[]): string[] {
  const lines = entries.map(([word, help]) => `    ${quote(`${word.replaceAll(':', '\\:')}:${help}`)}`);
  return [`  ${name}=(`, ...lines, '  )'];
}

function inBrackets(text: string): string {
  return text.replaceAll(/[[\]\\]/g, '\\$&');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
