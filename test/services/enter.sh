#!/bin/sh
# Runs a program where the servers of test/services can run: enter.sh LAYER PROGRAM [ARGUMENTS...].
#
# LAYER is a directory of unpacked Debian packages. The program sees its files over the machine's, read-only, has a loopback of
# its own, and writes below /run, which is in memory. When it ends, so does all that it started. Nothing of it takes rights: a
# user becomes root of a namespace to mount, and then nobody in particular, for some servers refuse to run as root, and no other
# user can be had there.
set -eu

if [ -z "${IPVS_TEST_SERVICES:-}" ]; then
  export IPVS_TEST_SERVICES=1
  if ! unshare --user --map-root-user --mount true; then
    echo "$0: takes user namespaces (sysctl user.max_user_namespaces; AppArmor and seccomp may forbid them)" >&2
    exit 1
  fi
  exec unshare --user --map-root-user --mount --pid --net --fork --kill-child sh "$0" "$@"
fi

layer=$(readlink -f "$1")
shift
# A machine that has them all itself needs none.
for directory in usr etc; do
  [ ! -d "$layer/$directory" ] || mount -t overlay services -o lowerdir="$layer/$directory:/$directory" "/$directory"
done
mount -t tmpfs services /run
# Where there is no log of the system, some write to its console.
[ ! -e /dev/console ] || mount --bind /dev/null /dev/console
ip link set lo up
# The users that servers want to become are the one that there is.
for user in server Debian-exim news; do echo "$user:x:1000:1000::/run:/bin/sh"; done >/run/passwd
for group in server Debian-exim news; do echo "$group:x:1000:"; done >/run/group
# MariaDB counts the calls of hosts that have names, and there is nobody to ask.
printf '%s\n' '127.0.0.1 localhost' '127.0.0.9 stranger.example' >/run/hosts
for file in passwd group hosts; do mount --bind "/run/$file" "/etc/$file"; done
mkdir -m 755 /run/tmp
export TMPDIR=/run/tmp HOME=/run PATH="/usr/local/sbin:/usr/sbin:/sbin:$PATH"
exec unshare --user --map-user=1000 --map-group=1000 "$@"
