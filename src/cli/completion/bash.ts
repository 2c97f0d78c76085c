/**
 * Completion for bash 4.2 and newer, with or without the package bash-completion.
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

/** A row of a `case`: what matches, and what is done then. */
type Row = readonly [patterns: readonly string[], action: string];

/** The script. */
export function bashScript(): string {
  return [
    '# Completion of ipvs-ts for bash, written by "ipvs-ts completion bash".',
    '# shellcheck shell=bash',
    '',
    ...shellFunction('_ipvs_ts_option', OPTION_COMMENT, lookup('$1', optionRows(), 'return 1')),
    ...shellFunction('_ipvs_ts_legal', LEGAL_COMMENT, lookup('$1', legalRows())),
    ...shellFunction('_ipvs_ts_rivals', RIVALS_COMMENT, lookup('$1:$2', rivalRows(), 'rivals=$2')),
    ...shellFunction('_ipvs_ts_verb_option', VERB_OPTION_COMMENT, lookup('$1 $2', verbOptionRows(), 'return 1')),
    ...shellFunction('_ipvs_ts_verb_words', VERB_WORDS_COMMENT, lookup('$1', verbRows())),
    ...shellFunction('_ipvs_ts_values', VALUES_COMMENT, lookup('$1', valueRows())),
    LOGIC,
    'complete -F _ipvs_ts ipvs-ts',
    ...PROGRAMS.map(programLine),
    '',
  ].join('\n');
}

const OPTION_COMMENT =
  'What the word $1 is to ipvsadm: its long name, its short and long words, whether it takes a value.';
const LEGAL_COMMENT = 'The options that go with the command $1 of ipvsadm.';
const RIVALS_COMMENT = 'The options that cannot follow the option $2 of the command $1 of ipvsadm.';
const VERB_OPTION_COMMENT = 'What the option $2 is to the verb $1.';
const VERB_WORDS_COMMENT = 'The options of the verb $1.';
const VALUES_COMMENT =
  'What $1 may be: an option of ipvsadm, a verb and its option, or a verb alone for its other word.';

function shellFunction(name: string, comment: string, body: readonly string[]): string[] {
  return [`# ${comment}`, `${name}() {`, ...body.map((line) => `  ${line}`), '}', ''];
}

function lookup(subject: string, rows: readonly Row[], otherwise?: string): string[] {
  const cases = rows.map(([patterns, action]) => `  ${patterns.map(pattern).join(' | ')}) ${action} ;;`);
  return [`case "${subject}" in`, ...cases, ...(otherwise === undefined ? [] : [`  *) ${otherwise} ;;`]), 'esac'];
}

function pattern(text: string): string {
  return /^[\w:*-]+$/.test(text) ? text : quote(text);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function optionRows(): Row[] {
  const row = (offer: Offer, isCommand: string): Row => [
    wordsOf(offer),
    `${assignments(offer)} is_command=${isCommand}`,
  ];
  return [...COMMAND_OFFERS.map((offer) => row(offer, 'yes')), ...OPTION_OFFERS.map((offer) => row(offer, "''"))];
}

function assignments(offer: Offer): string {
  return `option=${offer.long} words=${quote(wordsOf(offer).join(' '))} value=${offer.value}`;
}

function legalRows(): Row[] {
  return COMMAND_OFFERS.map(({ long }) => [[long], `legal=${quote(names(legalOptions(long)))}`]);
}

function names(offers: readonly Offer[]): string {
  return offers.map(({ long }) => long).join(' ');
}

/** Most commands agree; only those that differ name themselves. An option that is its own only rival needs no row. */
function rivalRows(): Row[] {
  const rows = COMMAND_OFFERS.flatMap(({ long: verb }) =>
    legalOptions(verb).map(({ long }) => ({ verb, long, rivals: rivalsOf(verb, long).join(' ') })),
  ).filter(({ long, rivals }) => rivals !== long);
  const patterns = new Map<string, string[]>();
  for (const { verb, long, rivals } of rows) {
    patterns.set(rivals, [...(patterns.get(rivals) ?? []), `${verb}:${long}`]);
  }
  return [...patterns].map(([rivals, members]) => [members, `rivals=${quote(rivals)}`]);
}

function verbOptionRows(): Row[] {
  return VERBS.flatMap(({ name, options }) =>
    options.map((option): Row => {
      const offer = verbOffer(option);
      return [wordsOf(offer).map((word) => `${name} ${word}`), assignments(offer)];
    }),
  );
}

function verbRows(): Row[] {
  return VERBS.map(({ name, options }) => [[name], `legal=${quote(options.map(({ long }) => `--${long}`).join(' '))}`]);
}

function valueRows(): Row[] {
  const rows: (readonly [string, Values])[] = [...COMMAND_OFFERS, ...OPTION_OFFERS].map(({ long, values }) => [
    `--${long}`,
    values,
  ]);
  for (const verb of VERBS) {
    if ('operand' in verb) rows.push([verb.name, operandValues(verb.operand)]);
    for (const option of verb.options) rows.push([`${verb.name} --${option.long}`, verbOffer(option).values]);
  }
  return rows.filter(([, values]) => hasValues(values)).map(([key, values]) => [[key], valueAction(values)]);
}

function valueAction({ choices, list, source }: Values): string {
  if (source !== undefined) return `source=${quote(source)}`;
  return `source=${quote(list ? 'list' : 'words')} choices=${quote(choices.join(' '))}`;
}

function programLine({ name, options }: (typeof PROGRAMS)[number]): string {
  return `complete -W ${quote(options.map(({ short }) => `-${short}`).join(' '))} ${name}`;
}

/**
 * readline breaks words at `=` and `:`, so that they are put together first, and at the end what readline holds for
 * earlier words is taken off the replies. What is between is a reader like popt's (see `ipvsadm/arguments.ts`).
 */
const LOGIC = `# The words up to the cursor, as they were typed: readline breaks them at "=" and ":".
_ipvs_ts_join() {
  local word glued='' i
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((\${#line[@]} > 0)) && [[ $glued || $word =~ ^[=:]+$ ]]; then
      line[\${#line[@]} - 1]+=$word
    else
      line+=("$word")
    fi
    glued=''
    [[ $word =~ ^[=:]+$ ]] && glued=yes
  done
}

# Replies with those of the words after $1 that begin with $2; $1 is what stands before them in the same word.
_ipvs_ts_reply() {
  local before=$1 begin=$2 word
  shift 2
  for word; do
    [[ $word == "$begin"* ]] && COMPREPLY+=("$before$word")
  done
}

# The same for names of files.
_ipvs_ts_reply_files() {
  local files
  mapfile -t files < <(compgen -f -- "$2")
  compopt -o filenames 2> /dev/null
  _ipvs_ts_reply "$1" "$2" \${files[@]+"\${files[@]}"}
}

# Replies with names in the directory $3.
_ipvs_ts_reply_names() {
  local path
  for path in "$3"/*; do
    [[ -e $path ]] && _ipvs_ts_reply "$1" "$2" "\${path##*/}"
  done
}

# Replies with values of $1 (see _ipvs_ts_values) that begin with $3; $2 is what stands before them in the same word.
_ipvs_ts_reply_values() {
  local source='' choices='' before=$2 begin=$3
  _ipvs_ts_values "$1"
  if [[ $source == list && $begin == *,* ]]; then
    before+=\${begin%,*},
    begin=\${begin##*,}
  fi
  case $source in
    words | list)
      # shellcheck disable=SC2086 # words without blanks and wildcards
      _ipvs_ts_reply "$before" "$begin" $choices
      ;;
    file) _ipvs_ts_reply_files "$before" "$begin" ;;
    interface) _ipvs_ts_reply_names "$before" "$begin" "/sys/class/net" ;;
    netns)
      if [[ $begin == */* ]]; then
        _ipvs_ts_reply_files "$before" "$begin"
      else
        _ipvs_ts_reply_names "$before" "$begin" "/run/netns"
      fi
      ;;
  esac
}

# Takes note of the option $1 of ipvsadm.
_ipvs_ts_take() {
  _ipvs_ts_option "$1" || return 1
  if [[ $is_command ]]; then
    # It must come before any option.
    [[ $given ]] || command=\${command:-$option}
  else
    given+=" $option "
    local rivals=''
    _ipvs_ts_rivals "$command" "$option"
    excluded+=" $rivals "
  fi
  [[ $value == none ]] || expects=$value
}

# Reads a word that begins with a dash: --long, --long=value, or letters, the last of which may have its value glued.
_ipvs_ts_read() {
  local letters=\${1#-}
  case $1 in
    --*=*)
      _ipvs_ts_take "\${1%%=*}"
      expects=''
      ;;
    --*) _ipvs_ts_take "$1" ;;
    *)
      while [[ $letters ]]; do
        _ipvs_ts_take "-\${letters:0:1}" || return
        letters=\${letters:1}
        if [[ $expects ]]; then
          [[ $letters ]] && expects=''
          return
        fi
      done
      ;;
  esac
}

# A command line in the words of ipvsadm.
_ipvs_ts_ipvsadm() {
  local command='' given='' excluded='' expects='' option='' words='' value='' is_command='' legal='' name word
  for word in "\${line[@]:0:\${#line[@]}-1}"; do
    if [[ $expects == required || ($expects && $word != -*) ]]; then
      expects=''
      continue
    fi
    expects=''
    [[ $word == -?* ]] && _ipvs_ts_read "$word"
  done
  if [[ $expects == required || ($expects && $current && $current != -*) ]]; then
    _ipvs_ts_reply_values "--$option" '' "$current"
  elif [[ $current == --*=* ]]; then
    _ipvs_ts_option "\${current%%=*}" && _ipvs_ts_reply_values "--$option" "\${current%%=*}=" "\${current#*=}"
  elif [[ $command && ($current == -* || ! $current) ]]; then
    _ipvs_ts_legal "$command"
    for name in $legal; do
      [[ $excluded == *" $name "* || ($name == ipv6 && $given != *' fwmark-service '*) ]] && continue
      _ipvs_ts_option "--$name"
      # shellcheck disable=SC2086 # one or two words
      _ipvs_ts_reply '' "$current" $words
    done
  fi
}

# A command line in verbs of our own.
_ipvs_ts_verb() {
  local verb=\${line[0]} given=' ' expects='' operands=0 option='' words='' value='' legal='' word
  for word in "\${line[@]:1:\${#line[@]}-2}"; do
    if [[ $expects ]]; then
      expects=''
    elif [[ $word == -?* ]]; then
      _ipvs_ts_verb_option "$verb" "\${word%%=*}" || continue
      given+="--$option "
      [[ $value == none || $word == *=* ]] || expects="--$option"
    else
      ((operands++))
    fi
  done
  if [[ $expects ]]; then
    _ipvs_ts_reply_values "$verb $expects" '' "$current"
  elif [[ $current == --*=* ]]; then
    _ipvs_ts_reply_values "$verb \${current%%=*}" "\${current%%=*}=" "\${current#*=}"
  elif [[ $current == -* ]]; then
    _ipvs_ts_verb_words "$verb"
    for word in $legal; do
      [[ $given == *" $word "* ]] && continue
      _ipvs_ts_verb_option "$verb" "$word"
      # shellcheck disable=SC2086 # one or two words
      _ipvs_ts_reply '' "$current" $words
    done
  else
    ((operands > 0)) || _ipvs_ts_reply_values "$verb" '' "$current"
  fi
}

# The first word: a command of ipvsadm or a verb.
_ipvs_ts_first() {
  case $current in
    --*=*) _ipvs_ts_ipvsadm ;;
    --*) _ipvs_ts_reply '' "$current" ${longCommands()} ;;
    -*) _ipvs_ts_reply '' "$current" ${allCommands()} ;;
    '') _ipvs_ts_reply '' '' ${verbNames()} ${longCommands()} ;;
    *) _ipvs_ts_reply '' "$current" ${verbNames()} ;;
  esac
}

# Takes off the replies what readline holds for words of its own: all up to the last "=" or ":" under the cursor.
_ipvs_ts_trim() {
  local breaks='' head i
  [[ $COMP_WORDBREAKS == *=* ]] && breaks+='='
  [[ $COMP_WORDBREAKS == *:* ]] && breaks+=':'
  [[ $breaks ]] || return 0
  head=\${current%"\${current##*["$breaks"]}"}
  for ((i = 0; i < \${#COMPREPLY[@]}; i++)); do
    COMPREPLY[i]=\${COMPREPLY[i]#"$head"}
  done
}

_ipvs_ts() {
  COMPREPLY=()
  local -a line=()
  _ipvs_ts_join
  local current=\${line[\${#line[@]} - 1]}
  if ((\${#line[@]} == 1)); then
    _ipvs_ts_first
  elif [[ \${line[0]} == -* ]]; then
    _ipvs_ts_ipvsadm
  else
    _ipvs_ts_verb
  fi
  _ipvs_ts_trim
}
`;

function longCommands(): string {
  return COMMAND_OFFERS.map(({ long }) => `--${long}`).join(' ');
}

function allCommands(): string {
  return COMMAND_OFFERS.flatMap(wordsOf).join(' ');
}

function verbNames(): string {
  return VERBS.map(({ name }) => name).join(' ');
}
