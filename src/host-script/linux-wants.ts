/**
 * What the steps of Linux scripts want of the kernel, whichever tools there are: sysctls and masquerade. Sysctls are read
 * and written below /proc/sys, where a device's name may hold a dot, which sysctl(8) takes for a separator.
 * @module
 */
import type { ShellWant } from './shell.js';

/** Deleting an address, and no other one with it. */
export const DELETE_ALONE = `
# "alone DEVICE COMMAND...": with the first address of a network the kernel deletes the others, which somebody else may have
# added since, unless promote_secondaries is set.
alone() {
  promote=/proc/sys/net/ipv4/conf/$1/promote_secondaries
  shift
  if [ ! -e "$promote" ]; then
    "$@"
    return
  fi
  promoted=$(cat "$promote")
  echo 1 >"$promote"
  result=0
  "$@" || result=$?
  echo "$promoted" >"$promote"
  return "$result"
}
`;

/** Both forms begin with these. */
export const LINUX_WANTS: readonly ShellWant[] = [
  {
    name: 'want_sysctl',
    functions: `
# A sysctl, by its path below /proc/sys, has this value: "want_sysctl PATH VALUE [AS GOOD]...".
want_sysctl() {
  path=$1
  shift
  need sysctl "$path"
  value=none
  # Not by "read", which asks for one character at a time: a sysctl is given in one go.
  if [ -e "/proc/sys/$path" ]; then value=$(cat "/proc/sys/$path"); fi
  for good in "$@"; do
    if [ "$value" = "$good" ]; then return 0; fi
  done
  lacking "$path is $value, not $1" || return 0
  remember sysctl "$path" "$value"
  printf '%s\\n' "$1" >"/proc/sys/$path"
}`,
    undo: `sysctl)
  # A device that has gone took its sysctls along.
  if [ -e "/proc/sys/$2" ]; then printf '%s\\n' "$3" >"/proc/sys/$2"; fi
  ;;`,
  },
  {
    name: 'want_forwarding',
    functions: `
# The host forwards packets: "want_forwarding ipv4 SWITCH". With the switch the kernel changes a sysctl of every device,
# and conf/all/accept_redirects for IPv4. Each is remembered, the switch last: so it is the first to be taken back,
# and alone: conf/all/forwarding is the switch once more, which for IPv6 changes all devices whenever it is written.
want_forwarding() {
  for path in /proc/sys/net/"$1"/conf/*/forwarding "/proc/sys/net/$1/conf/all/accept_redirects"; do
    need sysctl "\${path#/proc/sys/}"
  done
  need sysctl "$2"
  value=$(cat "/proc/sys/$2")
  if [ "$value" = 1 ]; then return 0; fi
  lacking "$2 is $value, not 1" || return 0
  grep . /proc/sys/net/"$1"/conf/*/forwarding "/proc/sys/net/$1/conf/all/accept_redirects" |
    while IFS=: read -r path old; do
      case $path in
        */all/forwarding) ;;
        *) remember sysctl "\${path#/proc/sys/}" "$old" ;;
      esac
    done
  remember sysctl "$2" "$value"
  echo 1 >"/proc/sys/$2"
}`,
  },
  {
    name: 'want_ip_vs',
    functions: `
# The kernel has IPVS: its sysctls are there once the module is. It stays loaded.
want_ip_vs() {
  if [ -d /proc/sys/net/ipv4/vs ]; then return 0; fi
  lacking "the kernel module ip_vs" || return 0
  modprobe ip_vs
}`,
  },
  {
    name: 'want_device',
    functions: `
# The device that comes with a kernel module is there. The module stays loaded after stop: others may use it by then.
want_device() {
  if [ -d "/proc/sys/net/ipv4/conf/$1" ]; then return 0; fi
  lacking "the device $1 of the kernel module $2" || return 0
  modprobe "$2"
}`,
  },
  {
    name: 'want_masquerade',
    functions: `
# The first tool that works, tried where it harms nobody: listing tells too little, and in the host's own namespace it would
# switch on connection tracking.
nat_tool() {
  for tool in "$@"; do
    if unshare --net -- "$tool" -w -t nat -A POSTROUTING -j MASQUERADE >/dev/null 2>&1; then
      echo "$tool"
      return 0
    fi
  done
  if command -v nft >/dev/null; then echo nft; fi
}

# "want_masquerade TOOL...". The rule is known by the tool that start wrote down.
want_masquerade() {
  tool=$(sed -n 's/^masquerade //p' "$STATE" 2>/dev/null || :)
  if [ -n "$tool" ] && nat_rule "$tool" check; then return 0; fi
  lacking "the masquerade rule" || return 0
  tool=$(nat_tool "$@")
  if [ -z "$tool" ]; then
    echo "none of $* nft can masquerade here" >&2
    return 1
  fi
  remember masquerade "$tool"
  nat_rule "$tool" add
}`,
    undo: `masquerade) if nat_rule "$2" check; then nat_rule "$2" delete; fi ;;`,
  },
  {
    name: 'announce',
    functions: `
# Tells the neighbours of an IPv4 address that moved here, which they else learn when what they remember expires.
announce() {
  if [ "$ACTION" = start ] && command -v arping >/dev/null; then arping -q -c 1 -U -I "$2" "\${1%/*}" >/dev/null || :; fi
}`,
  },
];
