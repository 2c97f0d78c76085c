/**
 * The completion scripts of shells. Each asks `ipvs-ts __complete`, so that they know no verbs and options.
 * @module
 */
import { PROGRAMS } from '../ipvsadm/programs.js';

const BASH = `# Completion of ipvs-ts for bash 4.2 and newer, written by "ipvs-ts completion bash".
# shellcheck shell=bash
_ipvs_ts() {
  local reply begin file
  COMPREPLY=()
  while IFS= read -r reply; do
    case $reply in
      ':files '*)
        compopt -o filenames 2> /dev/null
        reply=\${reply#:files }
        begin=\${reply#*$'\\t'}
        while IFS= read -r file; do
          COMPREPLY+=("\${reply%%$'\\t'*}$file")
        done < <(compgen -f -- "$begin")
        ;;
      *) COMPREPLY+=("\${reply%%$'\\t'*}") ;;
    esac
  done < <(ipvs-ts __complete bash "\${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
}
complete -F _ipvs_ts ipvs-ts
${PROGRAMS.map(({ name, options }) => `complete -W '${options.map(({ short }) => `-${short}`).join(' ')}' ${name}\n`).join('')}`;

const ZSH = `#compdef ipvs-ts
# Completion of ipvs-ts for zsh, written by "ipvs-ts completion zsh".
_ipvs-ts() {
  local reply files=''
  local -a words_here
  for reply in "\${(@f)$(ipvs-ts __complete zsh "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2> /dev/null)}"; do
    case $reply in
      ':files '*) files=yes ;;
      ?*) words_here+=("\${\${reply%%$'\\t'*}//:/\\\\:}:\${reply#*$'\\t'}") ;;
    esac
  done
  (( \${#words_here} )) && _describe 'ipvs-ts' words_here
  if [[ $files ]]; then
    compset -P '--*='
    _files
  fi
}
if [[ $funcstack[1] == _ipvs-ts ]]; then
  _ipvs-ts "$@"
else
  compdef _ipvs-ts ipvs-ts
fi
`;

const FISH = `# Completion of ipvs-ts for fish 3, written by "ipvs-ts completion fish".
function __ipvs_ts_complete
    set -l words (commandline -opc) (commandline -ct)
    for reply in (ipvs-ts __complete fish $words[2..-1] 2>/dev/null)
        if string match -q ':files *' -- $reply
            set -l parts (string split \\t -- (string replace ':files ' '' -- $reply))
            for file in (__fish_complete_path $parts[2])
                echo $parts[1]$file
            end
        else
            echo $reply
        end
    end
end
complete -c ipvs-ts -f -a '(__ipvs_ts_complete)'
`;

/** The script of each shell. */
export const COMPLETION_SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
