#!/usr/bin/env bash
# Namespaces in which container runtimes find a machine of their own: on a host (its network and mount namespace, see
# build/lib/host.sh) a process, mount and cgroup namespace with its own /proc and /dev/shm. Whoever ends this process ends every
# runtime, shim and container in them.
#
#   runtimes.sh BRANCH READY    BRANCH: name of the cgroup below which everything stays, made in each hierarchy of version 1
#                               READY: a file that gets the id of the process that holds the namespaces, once they are complete
set -euo pipefail

# hierarchies: controllers and path of each cgroup hierarchy that the runtimes get. `cpuset` is not one: its new cgroups may use no
# processor until somebody says which, and runtimes do without it.
hierarchies() { awk -F: '$2 != "" && $2 != "cpuset" && $2 !~ /^name=/ { print $2, $3 }' /proc/self/cgroup; }

enter() {
  local controllers path
  [[ -n $(hierarchies) ]] || { echo "runtimes.sh: this machine has no cgroup hierarchy of version 1" >&2; exit 1; }
  while read -r controllers path; do
    mkdir "/sys/fs/cgroup/$controllers${path%/}/$1"
    echo $$ >"/sys/fs/cgroup/$controllers${path%/}/$1/cgroup.procs"
  done < <(hierarchies)
  exec unshare --mount --pid --cgroup --fork --kill-child --propagation private -- "$0" --hold "$2"
}

hold() {
  local controllers path pid
  read -r pid _ </proc/self/stat # of the outer /proc: how the rest of the machine calls this process
  umount -R /sys/fs/cgroup
  mount -t tmpfs -o mode=755 runtimes /sys/fs/cgroup
  while read -r controllers path; do
    mkdir "/sys/fs/cgroup/$controllers"
    mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers"
  done < <(hierarchies)
  mount -t proc proc /proc
  mount -t tmpfs runtimes /dev/shm
  echo "$pid" >"$1.new"
  mv "$1.new" "$1"
  sleep infinity &
  wait # as the first process here, it also collects the orphans of the others
}

if [[ $1 == --hold ]]; then hold "$2"; else enter "$1" "$2"; fi
