#!/bin/sh
# Process 1 of the guest in the end: carries out the command that the host has left, with its output
# to one virtio port, tells its exit code on another, and ends the machine.
folder=$1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root TERM=dumb LANG=C.UTF-8

mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
# As udev would: for bash's >(…).
ln -s /proc/self/fd /dev/fd
# A /run of its own: named namespaces are mounted there.
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
# Others come when they are asked for; the file that asks for this one comes with it.
modprobe -q tun
# Those that tests use only where they are loaded, without the links that some of them make.
modprobe -q bonding max_bonds=0
modprobe -q ifb numifbs=0
modprobe -q -a 8021q ipvlan ipvtap macsec team vrf vxlan wireguard

# The host's ends, by name, as udev would have them.
ports=/dev/virtio-ports
mkdir $ports
for port in /sys/class/virtio-ports/*; do
  ln -s "/dev/${port##*/}" "$ports/$(cat "$port/name")"
done
echo '{"type":"booted"}' >$ports/records

# A pipe, as in a log: programs that write to a port directly would each open it, and only one may.
mkfifo /run/output
cat /run/output >$ports/output &
setsid sh "$folder/command.sh" </dev/null >/run/output 2>&1
code=$?
wait
echo "{\"type\":\"exit\",\"code\":$code}" >$ports/records
sync
echo b >/proc/sysrq-trigger
sleep 10
