#!/bin/busybox sh
# Process 1 of the guest at first: finds the host's root, lays a writable layer over it, and hands
# over to guest.sh there. What it is told stands on the kernel's command line.
b=/bin/busybox
fail() {
  echo "init: $*"
  $b reboot -f
}

$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
while read -r module; do
  $b insmod "/modules/$module" || fail "insmod $module"
done </modules/order
for word in $($b cat /proc/cmdline); do
  case $word in
    guest.folder=*) folder=${word#*=} ;;
    guest.modules=*) modules=${word#*=} ;;
  esac
done

$b mount -t virtiofs -o ro root /lower || fail 'the root of the host'
$b mount -t tmpfs -o mode=755 tmpfs /upper
$b mkdir /upper/files /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root ||
  fail 'overlay'
# The kernel looks for its modules where the root is, once they are asked for.
release=$($b uname -r)
$b mkdir -p "/root/lib/modules/$release"
$b mount --bind "/lower$modules" "/root/lib/modules/$release" || fail 'modules'
for name in proc sys dev; do
  $b mount --move "/$name" "/root/$name"
done
# As process 1, or modprobe, which the kernel starts in the root of process 1, finds no modules.
exec $b switch_root /root /bin/sh "$folder/guest.sh" "$folder"
