#!/bin/busybox sh
# The first program of a stock kernel under QEMU (see boot.ts): gives it the machine's files as its root, and goes on with
# init.sh there.
#
# As in init.sh the root is an overlay: the machine's files below, memory on top. QEMU shares them by 9p, and each directory
# that is written through by a share of its own. Parameters: as init.sh's, and IPVS_LAB_INIT, the path of init.sh.
set -eu
busybox=/bin/busybox
share='trans=virtio,version=9p2000.L,msize=512000'

# A guest whose first program ends has failed; the message is on the console.
trap '$busybox poweroff -f' EXIT

$busybox mount -t proc proc /proc
$busybox mount -t devtmpfs dev /dev
for module in /modules/*; do
  $busybox insmod "$module"
done

$busybox mount -t 9p -o "$share,ro,cache=loose" machine /lower
lower=/lower
if [ -n "${IPVS_LAB_LAYER:-}" ]; then
  $busybox mount -t 9p -o "$share,ro,cache=loose" layer /layer
  lower=/layer:/lower
fi
$busybox mount -t tmpfs -o size=80% memory /memory
$busybox mkdir /memory/upper /memory/work
$busybox mount -t overlay -o "lowerdir=$lower,upperdir=/memory/upper,workdir=/memory/work" lab /root

number=0
while IFS= read -r shared; do
  $busybox mount -t 9p -o "$share" "share$number" "/root$shared"
  number=$((number + 1))
done <"/lower$IPVS_LAB_DIR/shares"
$busybox mkdir -p /root/lib/modules
$busybox mount --bind "/lower$IPVS_LAB_MODULES" /root/lib/modules

$busybox umount /dev
$busybox umount /proc
exec $busybox switch_root -c /dev/console /root /bin/sh "$IPVS_LAB_INIT"
