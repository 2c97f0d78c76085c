/**
 * Completion for fish 3: a `complete` line for every option and verb.
 * @module
 */
import { PROGRAMS, VERBS } from '../verbs.js';
import {
  COMMAND_OFFERS,
  hasValues,
  legalOptions,
  type Offer,
  OPTION_OFFERS,
  operandValues,
  rivalsOf,
  type Values,
  verbOffer,
  wordsOf,
} from './model.js';

/** The script. */
export function fishScript(): string {
  return [
    '# Completion of ipvs-ts for fish, written by "ipvs-ts completion fish".',
    '',
    ...commandFunction(),
    FUNCTIONS,
    '# Words of commands and options are no files; where they are, a line below says so.',
    'complete -c ipvs-ts -f',
    '',
    '# The first word.',
    ...VERBS.map(({ name, help }) => complete('__ipvs_ts_is_first', `-a ${name} -d ${quote(help)}`)),
    ...COMMAND_OFFERS.map((offer) => complete('__ipvs_ts_is_first', optionWords(offer))),
    ...COMMAND_OFFERS.filter(({ value }) => value !== 'none').map((offer) =>
      complete(`__ipvs_ts_is_second; and __ipvs_ts_takes ${offer.long}`, optionWords(offer)),
    ),
    '',
    '# Options of ipvsadm, with the commands that take them.',
    ...OPTION_OFFERS.map((offer) => complete(optionCondition(offer), optionWords(offer))),
    '',
    '# Our verbs.',
    ...VERBS.flatMap(verbLines),
    '',
    ...PROGRAMS.flatMap(({ name, options }) => [
      `complete -c ${name} -f`,
      ...options.map(({ short, help }) => `complete -c ${name} -s ${short} -d ${quote(help)}`),
    ]),
    '',
  ].join('\n');
}

function commandFunction(): string[] {
  return [
    "function __ipvs_ts_command --description 'The command of ipvsadm that the line begins with, by its long name'",
    '    set -l words (commandline -opc)',
    '    test (count $words) -ge 2; or return 1',
    '    switch $words[2]',
    ...COMMAND_OFFERS.flatMap(({ long, short, value }) => [
      // Letters cluster: -Ln.
      `        case ${[...short.map((letter) => quote(`-${letter}*`)), `--${long}`, ...(value === 'none' ? [] : [quote(`--${long}=*`)])].join(' ')}`,
      `            echo ${long}`,
    ]),
    "        case '*'",
    '            return 1',
    '    end',
    'end',
    '',
  ];
}

const FUNCTIONS = `function __ipvs_ts_is_first --description 'No word yet'
    test (count (commandline -opc)) -eq 1
end

function __ipvs_ts_is_second --description 'One word, which may wait for its value'
    test (count (commandline -opc)) -eq 2
end

function __ipvs_ts_takes --description 'The command of ipvsadm is one of these'
    set -l command (__ipvs_ts_command); or return 1
    contains -- $command $argv
end

function __ipvs_ts_has --description 'One of these words is on the line; letters may cluster'
    __ipvs_ts_is_among (commandline -opc) -- $argv
end

function __ipvs_ts_had --description 'The same but for the last word, which may wait for its value'
    __ipvs_ts_is_among (commandline -opc)[1..-2] -- $argv
end

function __ipvs_ts_is_among --description 'An option behind -- is among the words before it'
    set -l border (contains -i -- -- $argv)
    for word in $argv[1..$border]
        for option in $argv[(math $border + 1)..-1]
            switch $option
                case '--*'
                    string match -q -- $option $word; and return 0
                    string match -q -- "$option=*" $word; and return 0
                case '*'
                    string match -qr -- '^-[A-Za-z6]*'(string sub -s 2 -- $option) $word; and return 0
            end
        end
    end
    return 1
end

function __ipvs_ts_verb --description 'The line begins with this verb'
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = $argv[1]
end

function __ipvs_ts_netns --description 'Named network namespaces'
    command ls /run/netns 2>/dev/null
    __fish_complete_path (commandline -ct)
end
`;

function complete(condition: string, rest: string): string {
  return `complete -c ipvs-ts -n ${quote(condition)} ${rest}`;
}

/** The commands that take it, and not what cannot stand beside it. The mark of -6 comes first. */
function optionCondition({ long, value }: (typeof OPTION_OFFERS)[number]): string {
  const verbs = COMMAND_OFFERS.map(({ long: verb }) => verb).filter((verb) => takes(verb, long));
  const rivals = new Set(verbs.flatMap((verb) => rivalsOf(verb, long)));
  // An option that waits for its value is on the line already, and still to be completed.
  const waits = (name: string) => name === long && value === 'required';
  return [
    `__ipvs_ts_takes ${verbs.join(' ')}`,
    ...notSeen(
      '__ipvs_ts_has',
      [...rivals].filter((name) => !waits(name)),
    ),
    ...notSeen('__ipvs_ts_had', [...rivals].filter(waits)),
    ...(long === 'ipv6' ? ['and __ipvs_ts_has -f --fwmark-service'] : []),
  ].join('; ');
}

function notSeen(test: string, names: readonly string[]): string[] {
  const words = OPTION_OFFERS.filter(({ long }) => names.includes(long)).flatMap(wordsOf);
  return words.length === 0 ? [] : [`and not ${test} ${words.join(' ')}`];
}

function takes(verb: (typeof COMMAND_OFFERS)[number]['long'], long: string): boolean {
  return legalOptions(verb).some((offer) => offer.long === long);
}

/** `-s w -l weight -x -d '...'`. An optional value fish knows only in the same word; then it is not asked for. */
function optionWords(offer: Offer): string {
  const { long, short, value, help } = offer;
  const words = [...short.map((letter) => `-s ${letter}`), `-l ${long}`];
  if (value === 'required') words.push(valueWords(offer.values));
  return [...words, `-d ${quote(help)}`].join(' ');
}

function valueWords(values: Values): string {
  if (values.source === 'file') return '-r -F';
  return hasValues(values) ? `-x -a ${quote(offered(values))}` : '-x';
}

function offered({ choices, list, source }: Values): string {
  if (source === 'netns') return '(__ipvs_ts_netns)';
  if (source === 'interface') return '(__fish_print_interfaces)';
  return list ? `(__fish_append , ${choices.join(' ')})` : choices.join(' ');
}

function verbLines(verb: (typeof VERBS)[number]): string[] {
  const condition = `__ipvs_ts_verb ${verb.name}`;
  const options = verb.options.map((option) => complete(condition, optionWords(verbOffer(option))));
  if (!('operand' in verb)) return options;
  const values = operandValues(verb.operand);
  const operand = values.source === 'file' ? '-F' : `-a ${quote(values.choices.join(' '))}`;
  return [complete(condition, operand), ...options];
}

/** Inside single quotes fish knows two escapes. */
function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
