/**
 * What the steps of Linux scripts want, by ip(8) of iproute2.
 * @module
 */
import { DELETE_ALONE } from './linux-wants.js';
import type { ShellWant } from './shell.js';

export const IPROUTE2_WANTS: readonly ShellWant[] = [
  {
    name: 'want_address',
    functions: `${DELETE_ALONE}
has_address() {
  listed=$(ip -o address show dev "$2" to "\${1%/*}" 2>/dev/null)
  case $listed in *" $1 "*) return 0 ;; esac
  case "$1 \${3:-}" in
    *:* | *" any prefix") case $listed in *" \${1%/*}/"*) return 0 ;; esac ;;
  esac
  return 1
}

# The device has the address: "want_address ADDRESS/PREFIX DEVICE ['any prefix' | deprecated]"; IPv6 has an address once,
# whatever its prefix. IPv6 addresses are usable at once: nobody is asked first who else has it, for with a VIP there may be
# others. Deprecated ones are the source of nothing that the host sends by itself: real servers would answer to themselves.
want_address() {
  need address "$1" "$2"
  if has_address "$@"; then return 0; fi
  lacking "$1 on $2" || return 0
  remember address "$1" "$2"
  case "$1 \${3:-}" in
    *:*" deprecated") ip address add "$1" dev "$2" nodad preferred_lft 0 ;;
    *:*) ip address add "$1" dev "$2" nodad ;;
    *) ip address add "$1" dev "$2" ;;
  esac
}`,
    undo: `address) if has_address "$2" "$3"; then alone "$3" ip address del "$2" dev "$3"; fi ;;`,
  },
  {
    name: 'want_up',
    functions: `
is_up() {
  [ -n "$(ip -o link show dev "$1" up 2>/dev/null)" ]
}

# The device is switched on.
want_up() {
  need up "$1"
  if is_up "$1"; then return 0; fi
  lacking "$1 is not up" || return 0
  remember up "$1"
  ip link set dev "$1" up
}`,
    undo: `up) if is_up "$2"; then ip link set dev "$2" down; fi ;;`,
  },
  {
    name: 'want_gre',
    functions: `
# "own_address -4": the first address on the device of the default route that is no VIP.
own_address() {
  device=$(ip "$1" -o route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n 1)
  if [ -z "$device" ]; then return 0; fi
  ip "$1" -o address show dev "$device" scope global primary | sed -n 's/.* inet6\\{0,1\\} \\([^/ ]*\\).*/\\1/p' |
    while read -r address; do
      case " $(echo "\${VIPS:-} \${VIPS6:-}" | tr '\\n' ' ') " in
        *" $address/"*) ;;
        *) echo "$address" ;;
      esac
    done | head -n 1
}

has_gre() {
  listed=$(ip -d -o link show dev "$1" 2>/dev/null)
  case "$listed " in *" local $2 "*" icsum "*) return 0 ;; esac
  return 1
}

# A device that takes GRE packets with checksums to an address: "want_gre DEVICE KIND ADDRESS". The kernel loads the module.
want_gre() {
  need gre "$1" "$3"
  if [ -n "$3" ] && has_gre "$1" "$3"; then return 0; fi
  lacking "$1, for GRE packets to \${3:-this host} with checksums" || return 0
  if [ -z "$3" ]; then
    echo "no address is known that the director sends GRE packets to: write it to LOCAL or LOCAL6 above" >&2
    return 1
  fi
  remember gre "$1" "$3"
  ip link add "$1" type "$2" local "$3" remote any icsum
}`,
    undo: `gre) if has_gre "$2" "$3"; then ip link delete dev "$2"; fi ;;`,
  },
  {
    name: 'want_gue',
    functions: `
# "gue_words -4 PORT": how ip(8) lists a port that unwraps GUE, whoever sent it, and takes it in a command.
gue_words() {
  if [ "$1" = -6 ]; then echo "port $2 gue -6"; else echo "port $2 gue"; fi
}

has_gue() {
  ip fou show 2>/dev/null | grep -qx "$(gue_words "$@") *"
}

# "gue_port add|del -4 PORT"
gue_port() {
  # shellcheck disable=SC2046
  ip fou "$1" $(gue_words "$2" "$3")
}

# A UDP port unwraps GUE: "want_gue -4 PORT". The module has no alias by which the kernel would load it, and stays loaded.
want_gue() {
  need gue "$1" "$2"
  if has_gue "$@"; then return 0; fi
  lacking "UDP port $2 for GUE ($1)" || return 0
  if ! ip fou show >/dev/null 2>&1; then modprobe fou; fi
  remember gue "$1" "$2"
  gue_port add "$1" "$2"
}`,
    undo: `gue) if has_gue "$2" "$3"; then gue_port del "$2" "$3"; fi ;;`,
  },
  {
    name: 'want_default_route',
    functions: `
# The default routes, the best first, without the words of the listing that ip does not take in a command. One that was
# learned from router advertisements loses its date of expiry.
default_routes() {
  ip "$1" -o route show default | sed 's/\\\\//g; s/ linkdown//; s/ dead//; s/ expires [^ ]*//'
}

metric_of() {
  case $1 in
    *" metric "*) metric=\${1##* metric } && echo "\${metric%% *}" ;;
    *) echo 0 ;;
  esac
}

# The metric that a route gets that is added without one.
usual_metric() {
  if [ "$1" = -6 ]; then echo 1024; else echo 0; fi
}

# The default route by this gateway with the usual metric, if there is one.
route_by() {
  default_routes "$1" | while read -r route; do
    case "$route " in
      *" via $2 "*) if [ "$(metric_of "$route")" -eq "$(usual_metric "$1")" ]; then echo "$route"; fi ;;
    esac
  done
}

# Those that the kernel would take before one with the usual metric, or that such a one replaces.
routes_in_the_way() {
  default_routes "$1" | while read -r route; do
    if [ "$(metric_of "$route")" -le "$(usual_metric "$1")" ]; then echo "$route"; fi
  done
}

# The default route goes by this gateway. The new one takes the old one's place in one go.
want_default_route() {
  case $1 in *:*) family=-6 ;; *) family=-4 ;; esac
  need route "$family"
  case "$(default_routes "$family" | head -n 1) " in *" via $1 "*) return 0 ;; esac
  lacking "default route via $1" || return 0
  remember route "$family" "by $1"
  old=$(routes_in_the_way "$family")
  if [ -n "$old" ]; then
    echo "$old" | while read -r route; do remember route "$family" "$route"; done
  fi
  ip "$family" route replace default via "$1" proto static
  # IPv6 may have some with a better metric, which stayed.
  routes_in_the_way "$family" | while read -r route; do
    case "$route " in
      *" via $1 "*) ;;
      *) command_of "$route" ip "$family" route del ;;
    esac
  done
}

# "command_of ROUTE COMMAND...": a route is several words, and a device's name in it may hold a star.
command_of() (
  route=$1
  shift
  set -f
  # shellcheck disable=SC2086
  "$@" $route
)

back_to_route() {
  case $2 in
    "by "*) if [ -n "$(route_by "$1" "\${2#by }")" ]; then ip "$1" route del default via "\${2#by }"; fi ;;
    *) command_of "$2" ip "$1" route replace ;;
  esac
}`,
    undo: `route) back_to_route "$2" "$3" ;;`,
  },
];
