#!/bin/sh
# The first process of the lab (see boot.ts): prepares the system, runs one program, writes its exit code, powers off.
#
# Three kernels, one script. IPVS_LAB_KERNEL=uml: process 1 of user-mode Linux, whose root is the host's file system.
# IPVS_LAB_KERNEL=qemu: process 1 of a stock kernel under QEMU, whose root initramfs.sh has made.
# IPVS_LAB_KERNEL=host: process 1 of fresh network, mount and pid namespaces on the machine's own kernel.
# IPVS_LAB_DIR is the directory shared with boot.ts: `job` (the program to run) and `shares` (more directories that the
# guest may write to, one a line) come from it, `stdout`, `stderr` and `exit-code` go into it.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# The guest's root is an overlay: what the host has below, memory on top. Programs may write wherever they like, the host
# sees nothing of it. It is faster than the bare host file system as well, which forgets every name it has looked up.
#
# IPVS_LAB_LAYER is a directory of unpacked packages that lies between them: a file system of its own, for an overlay takes no
# layer that is inside another. Until it lies there its insmod has to be told where its libraries are.
enter_overlay() {
  layer=${IPVS_LAB_LAYER:-}
  PATH=$PATH${layer:+:$layer/usr/sbin} LD_LIBRARY_PATH=${layer:+$layer/usr/lib/x86_64-linux-gnu} \
    insmod "$IPVS_LAB_MODULES/$(uname -r)/kernel/fs/overlayfs/overlay.ko"
  mount -t tmpfs lab /run
  mkdir /run/upper /run/work /run/root /run/layer
  lower=/
  if [ -n "$layer" ]; then
    mount -t hostfs layer -o "$layer" /run/layer
    lower=/run/layer:/
  fi
  mount -t overlay lab -o lowerdir="$lower",upperdir=/run/upper,workdir=/run/work /run/root
  cd /run/root
  while IFS= read -r shared; do
    mount --bind "$shared" ".$shared"
  done <"$IPVS_LAB_DIR/shares"
  mkdir -p lib/modules
  mount --bind "$IPVS_LAB_MODULES" lib/modules
  pivot_root . mnt
  umount -l /mnt
}

# However this script ends, the guest ends with it. Before the exit code was written that tells boot.ts that the lab itself
# failed, and the message that says why is on the console.
power_off() {
  echo o >/proc/sysrq-trigger
  sleep 60
}

prepare_uml() {
  trap power_off EXIT
  mount -t proc proc /proc
  enter_overlay
  mount_system
}

prepare_qemu() {
  trap power_off EXIT
  mount_system
  mkdir /dev/pts
  mount -t devpts devpts /dev/pts
}

mount_system() {
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount -t devtmpfs devtmpfs /dev
  ln -s /proc/self/fd /dev/fd
  mkdir -p /dev/shm
  mount -t tmpfs shm /dev/shm
  echo lab >/proc/sys/kernel/hostname
}

# Namespaces, pid files and temporary files must not reach the machine that lends its kernel.
prepare_host() {
  mkdir "$IPVS_LAB_DIR/tmp"
  export TMPDIR="$IPVS_LAB_DIR/tmp"
}

prepare_"$IPVS_LAB_KERNEL"
mount -t tmpfs run /run
mkdir /run/netns
ip link set lo up
modprobe ip_vs

code=0
sh "$IPVS_LAB_DIR/job" </dev/null >"$IPVS_LAB_DIR/stdout" 2>"$IPVS_LAB_DIR/stderr" || code=$?
# Renamed into place, so that boot.ts never reads half a number.
echo "$code" >"$IPVS_LAB_DIR/exit-code.new"
mv "$IPVS_LAB_DIR/exit-code.new" "$IPVS_LAB_DIR/exit-code"
