/**
 * What all generated shell scripts have in common: quoting, and the start, stop and status around the steps.
 *
 * The scripts are POSIX sh. Every step says what it *wants*: `start` makes it so where it is not, and writes down first what
 * was there; `status` only looks; `stop` reads what was written from the end to the beginning. So the three cannot disagree.
 * @module
 */

/** One word of a shell script, whatever characters it has. */
export function quoteForShell(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** `NAME='value'`; a list has one value a line, and is read by word splitting. */
export function assignment(name: string, value: string | readonly string[]): string {
  return `${name}=${quoteForShell(typeof value === 'string' ? value : value.join('\n'))}`;
}

/** Lines as comments of sh, systemd, rc.conf and PowerShell alike. */
export function comment(lines: readonly string[]): string {
  return lines.map((line) => `# ${line}`.trimEnd()).join('\n');
}

/** A step of a script: a function of its name, with a comment that says why. */
export interface ShellStep {
  /** `silence_arp`; the function is `step_silence_arp`. */
  readonly name: string;
  /** Why it is needed, line by line. */
  readonly why: readonly string[];
  /** The function's commands, line by line. */
  readonly body: readonly string[];
}

/** A kind of thing that steps want. */
export interface ShellWant {
  /** `want_address`: the function that steps call. */
  readonly name: string;
  /** Its text, and that of what it needs. */
  readonly functions: string;
  /** How it is taken back: an arm of the `case` over the first word of a written line, with `$2` and `$3` the rest. */
  readonly undo?: string;
}

export interface ShellScript {
  /** The comment at the top, without `#!`. */
  readonly header: readonly string[];
  /** Below the directory of what was there before. */
  readonly stateName: string;
  readonly variables: readonly string[];
  readonly steps: readonly ShellStep[];
  /** All that the system has; those that no step calls are left out. */
  readonly wants: readonly ShellWant[];
  /** What follows the functions instead of the `case` over the first argument. */
  readonly ending?: string;
  /** More comments below the header. */
  readonly keywords?: readonly string[];
}

/** The text of a script. */
export function shellScript(script: ShellScript): string {
  const steps = script.steps.map(stepFunction).join('\n\n');
  const wants = script.wants.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(steps));
  const undo = wants.flatMap(({ undo = '' }) => (undo === '' ? [] : [indent(undo)]));
  return `${[
    `#!/bin/sh\n${comment(script.header)}`,
    ...(script.keywords === undefined ? [] : [comment(script.keywords)]),
    `set -eu\n\n${script.variables.join('\n')}`,
    state(script.stateName),
    ...wants.map(({ functions }) => functions.trim()),
    `# Takes back one change. What is no longer as it was left, or was never done, is let be.
take_back() {
  case $1 in
${undo.join('\n')}
    *) echo "$STATE: \\"$1\\" is nothing that this script writes" >&2; return 1 ;;
  esac
}`,
    steps,
    `steps() {\n${script.steps.map(({ name }) => `  step_${name}`).join('\n')}\n}`,
    ACTIONS,
    script.ending ?? MAIN,
  ].join('\n\n')}\n`;
}

function stepFunction({ name, why, body }: ShellStep): string {
  return `${comment(why)}\nstep_${name}() {\n${body.map((line) => `  ${line}`).join('\n')}\n}`;
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}

const state = (
  name: string,
) => `# What was there before each change is written here, one change a line, before it is made. A reboot empties the
# directory as it undoes the changes. Another place, for hosts in network namespaces: IPVS_TS_STATE.
if [ -d /run ]; then STATE=/run; else STATE=/var/run; fi
STATE=\${IPVS_TS_STATE:-$STATE/ipvs-ts-script/${name}}
ACTION=\${1:-}
LACKING=0

# Said of each thing that is not as it is wanted. start goes on to make it so.
lacking() {
  LACKING=$((LACKING + 1))
  if [ "$ACTION" = start ]; then return 0; fi
  echo "not in place: $*"
  return 1
}

# The opposite of a change that is about to be made. Killed in between, stop takes back what was not done: no harm.
remember() {
  printf '%s\\n' "$*" >>"$STATE"
}

# What this set-up needs, whoever made it so: the beginning of the line that start would write of it. The scripts of the other
# set-ups of this host leave it when they stop.
need() {
  if [ "$ACTION" = start ]; then printf '%s\\n' "$*" >>"$STATE.needs"; fi
}

# "heir_of VERB FIRST REST": the state of another set-up that needs what was changed.
heir_of() {
  for needs in "\${STATE%/*}"/*.needs; do
    if [ ! -e "$needs" ] || [ "$needs" = "$STATE.needs" ]; then continue; fi
    if grep -qxF -e "$1 $2" -e "$1 $2 $3" "$needs"; then
      echo "\${needs%.needs}"
      return 0
    fi
  done
}

# One start or stop at a time, where there is flock(1).
lock() {
  mkdir -p "\${STATE%/*}"
  if command -v flock >/dev/null; then
    exec 9>"\${STATE%/*}/lock"
    flock 9
  fi
}`;

const ACTIONS = `start() {
  ACTION=start
  lock
  : >"$STATE.needs"
  trap 'if [ $? -ne 0 ]; then echo "start failed half way; stop takes back what was done" >&2; fi' EXIT
  steps
}

# Takes back what start did, the last change first. What another set-up needs becomes its own to take back.
stop() {
  ACTION=stop
  lock
  rm -f "$STATE.needs"
  if [ ! -e "$STATE" ]; then return 0; fi
  # shellcheck disable=SC2016 # The dollar sign is sed's.
  sed '1!G;h;$!d' "$STATE" | {
    failed=0
    while read -r verb first rest; do
      heir=$(heir_of "$verb" "$first" "$rest")
      if [ -n "$heir" ]; then
        printf '%s\\n' "$verb $first\${rest:+ $rest}" | cat - "$heir" 2>/dev/null >"$heir.new" || :
        mv "$heir.new" "$heir"
        continue
      fi
      take_back "$verb" "$first" "$rest" || {
        echo "could not take back: $verb $first $rest" >&2
        failed=1
      }
    done
    exit "$failed"
  }
  rm "$STATE"
}

# 0: all is in place, 3: something is not, as the LSB wants it.
status() {
  ACTION=status
  steps
  if [ "$LACKING" -gt 0 ]; then return 3; fi
  echo "all in place"
}`;

const MAIN = `case $ACTION in
  start | stop | restart)
    if [ "$(id -u)" -ne 0 ]; then
      echo "$0 $ACTION: only root may do this" >&2
      exit 4
    fi
    ;;
esac

case $ACTION in
  start) start ;;
  stop) stop ;;
  restart)
    stop
    start
    ;;
  status) status ;;
  *)
    echo "usage: $0 start|stop|restart|status" >&2
    exit 2
    ;;
esac`;
