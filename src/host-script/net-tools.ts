/**
 * What the steps of Linux scripts want, by ifconfig(8) and route(8) of the old net-tools. These know fewer things of an
 * address and a route than the kernel does.
 * @module
 */
import { DELETE_ALONE } from './linux-wants.js';
import type { ShellWant } from './shell.js';

/** Characters; an alias is named `eth0:1023`, and the kernel has room for 15. */
export const MAX_ALIASED_DEVICE = 10;

export const NET_TOOLS_WANTS: readonly ShellWant[] = [
  {
    name: 'want_address',
    functions: `${DELETE_ALONE}
# What the awk programs below share. Newer net-tools write "lo:0: flags=..." and "netmask M", older ones "Link encap:..." and
# "Mask:M". The device comes by the environment, where a backslash is a backslash.
# shellcheck disable=SC2016 # These are awk's dollar signs.
BLOCKS='/^[^ \\t]/ { name = $1; sub(/:$/, "", name) }
  { address = $2; sub(/^addr:/, "", address); device = ENVIRON["of_device"]; wanted = ENVIRON["of_address"] }
  { aliased = index(name, device ":") == 1 }'

netmask() {
  bits=$((0xffffffff << (32 - $1)))
  echo "$((bits >> 24 & 255)).$((bits >> 16 & 255)).$((bits >> 8 & 255)).$((bits & 255))"
}

# The last alias of a device, like eth0:1, that has this IPv4 address with this mask: "alias_with ADDRESS/PREFIX DEVICE".
alias_with() {
  ifconfig -a | of_address=\${1%/*} of_mask=$(netmask "\${1#*/}") of_device=$2 awk "$BLOCKS"'
    { mask = ENVIRON["of_mask"] " " }
    $1 == "inet" && aliased && address == wanted && ($0 " ") ~ ("(netmask |Mask:)" mask) { found = name }
    END { print found }'
}

free_alias() {
  ifconfig -a | of_device=$1 awk "$BLOCKS"'
    aliased { used[substr(name, length(device) + 2)] }
    END { for (number = 0; number in used; number++); print device ":" number }'
}

has_address() {
  case $1 in
    *:*) ifconfig -a | of_address=\${1%/*} of_device=$2 awk "$BLOCKS"'
      $1 == "inet6" && name == device && ($2 == wanted || index($3, wanted "/") == 1) { found = 1 }
      END { exit !found }' ;;
    *) ifconfig -a | of_address=\${1%/*} of_mask=$(netmask "\${1#*/}") of_any=\${3:-} of_device=$2 awk "$BLOCKS"'
      { mask = ENVIRON["of_any"] ? "" : ENVIRON["of_mask"] " " }
      $1 == "inet" && (aliased || name == device) && address == wanted &&
        ($0 " ") ~ ("(netmask |Mask:)" mask) { found = 1 }
      END { exit !found }' ;;
  esac
}

# The device has the address: "want_address ADDRESS/PREFIX DEVICE ['any prefix']". IPv4 as an alias of its own. Between the
# address and its mask, which ifconfig sets one after the other, the mask is that of the address's old class.
want_address() {
  case $1 in *:*) need address6 "$1" "$2" ;; *) need alias "$1" "$2" ;; esac
  if has_address "$@"; then return 0; fi
  lacking "$1 on $2" || return 0
  case $1 in
    *:*)
      remember address6 "$1" "$2"
      ifconfig "$2" inet6 add "$1"
      ;;
    *)
      remember alias "$1" "$2"
      alias=$(free_alias "$2")
      # As ip(8) adds it: without a broadcast address, which ifconfig would make up, of the address's class.
      ifconfig "$alias" "\${1%/*}" broadcast 0.0.0.0 netmask "$(netmask "\${1#*/}")" up
      ;;
  esac
}`,
    undo: `address6) if has_address "$2" "$3"; then ifconfig "$3" inet6 del "$2"; fi ;;
alias)
  alias=$(alias_with "$2" "$3")
  if [ -n "$alias" ]; then alone "$3" ifconfig "$alias" down; fi
  ;;`,
  },
  {
    name: 'want_up',
    functions: `
is_up() {
  case $(ifconfig "$1" 2>/dev/null) in
    *'<UP'* | *'UP '*) return 0 ;;
  esac
  return 1
}

# The device is switched on.
want_up() {
  need up "$1"
  if is_up "$1"; then return 0; fi
  lacking "$1 is not up" || return 0
  remember up "$1"
  ifconfig "$1" up
}`,
    undo: `up) if is_up "$2"; then ifconfig "$2" down; fi ;;`,
  },
  {
    name: 'want_default_route',
    functions: `
# The default routes, the best first: gateway (0.0.0.0 where there is none), metric, device.
default_routes() {
  route -n | awk '$1 == "0.0.0.0" && $3 == "0.0.0.0" { print $2, $5, $8 }'
}

has_route() {
  default_routes | grep -q "^$1 $2 "
}

# "change_route add|del GATEWAY METRIC [DEVICE]", if it is not so yet.
change_route() {
  if has_route "$2" "$3"; then there=del; else there=add; fi
  if [ "$1" != "$there" ]; then return 0; fi
  if [ "$2" = 0.0.0.0 ]; then
    route "$1" default metric "$3" dev "$4"
  elif [ "$#" -eq 4 ]; then
    route "$1" default gw "$2" metric "$3" dev "$4"
  else
    route "$1" default gw "$2" metric "$3"
  fi
}

# The default route goes by this gateway. Of one with the metric 0, which the kernel takes first, it takes the place: it comes
# before the old one goes.
want_default_route() {
  need route "$1"
  case $(default_routes | head -n 1) in "$1 "*) return 0 ;; esac
  lacking "default route via $1" || return 0
  old=$(default_routes | awk '$2 == 0 { print; exit }')
  remember route "$1" "\${old:-none}"
  exchange_routes "$1" add "$old"
}

# "exchange_routes OURS add OLD" and, back again, "exchange_routes OURS del OLD".
exchange_routes() {
  ours=$1
  action=$2
  # A device's name may hold a star.
  set -f
  # shellcheck disable=SC2086 # It is several words.
  set -- $3
  set +f
  if [ "$#" -lt 3 ]; then
    change_route "$action" "$ours" 0
  elif [ "$action" = add ]; then
    change_route add "$ours" 0 && change_route del "$@"
  else
    change_route add "$@" && change_route del "$ours" 0
  fi
}`,
    undo: `route) exchange_routes "$2" del "$3" ;;`,
  },
];
