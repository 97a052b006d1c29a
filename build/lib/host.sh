#!/usr/bin/env bash
# A host made of namespaces. Runs in fresh network and mount namespaces (`unshare --net --mount --propagation private`), gives
# them a /run, /etc, /opt and /var/lib of their own that start as the machine's and are gone with the last process, and then
# holds them open: whoever ends this process removes the host with everything on it.
#
#   host.sh BIN    BIN: the directory with the three programs, offered in the host's /opt/cni/bin
set -euo pipefail
bin=$1

mount -t tmpfs -o mode=755 lab /run
mkdir -p /run/lab/{etc,opt,var/lib}/{upper,work}
for dir in etc opt var/lib; do
  mount -t overlay lab -o "lowerdir=/$dir,upperdir=/run/lab/$dir/upper,workdir=/run/lab/$dir/work" "/$dir"
done
rm -rf /etc/cni /opt/cni /var/lib/cni # the machine's own, seen through the overlay: only this host's view loses them
mkdir -p /etc/cni/net.d /opt/cni/bin
ln -s "$bin"/* /opt/cni/bin/

ip link set lo up
# A new namespace starts with the machine's value; a host that forwards nothing shows that twill turns it on.
echo 0 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
exec sleep infinity
