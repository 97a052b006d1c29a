#!/usr/bin/env bash
# build/bench.sh: measures what containers and their traffic cost, beside the reference plugins, in one run; or what the agent costs among
# thousands of hosts; or what one etcd carries.
#
#   build/bench.sh                     the quick look: --parts chains,startup (2 minutes)
#   build/bench.sh --parts all --counts 1,100,250,1000 --storms 100,250 --rounds 40      all there is
#
#   --parts LIST          chains    ADD and DEL, one at a time: twill + twill-ipam (masquerade on), the kernel's floor (a C program that asks
#                                   for the same and does nothing else), Debian's bridge + host-local with and without ipMasq
#                         ports     the same with a published port, beside bridge + host-local + portmap
#                         storms    many containers at once, 16 at a time
#                         startup   programs that only say their versions, and an empty C program
#                         traffic   between containers on two hosts, beside a VXLAN made by hand, and between the hosts
#                         protections  ADD, DEL and traffic across two hosts with what containers are kept from, each on and off
#   --rounds N            containers added and removed per chain and count (default 20)
#   --counts LIST         containers on the host, the measured one included (default 1,100)
#   --storms LIST         containers in a storm (default 100)
#   --peers-at-most N     the reference plugins are left out where more containers are on the host (default 250)
#   --beside DIR          another build of our programs takes part in `chains` and `startup`
#   --json FILE           write the figures there as well
#
# The chains take turns, each on a host of its own (network and mount namespaces that vanish with the run), so that whatever else the machine
# does falls on all alike: read the ratios. Needs root.
#
#   build/bench.sh agent [--counts 100,1000,4000] [--changes N] [--idle SECONDS] [--json FILE]
#
# One host with twilld, a real etcd, and so many other hosts that exist in etcd only. Time from nothing to all routes (beside `ip` and
# `bridge -batch` with the same entries), time from a write to etcd to the route in the kernel (beside etcd's own answer), what one change
# costs, processor time and calls of etcd while nothing happens (scaled to an hour), and resident memory.
#
#   --counts LIST         other hosts, at most 63,000 (default 100,1000,4000); the growth of the figures between two counts is printed, too
#   --changes N           hosts that come and go, one at a time (default 200)
#   --idle SECONDS        how long nothing happens (default 60)
#
#   build/bench.sh etcd [--counts 100,1000] [--comers N] [--span SECONDS] [--idle SECONDS] [--json FILE]
#
# One real etcd with its data in memory, and so many hosts that one process plays with the project's own library: each has a connection, a
# lease, and the watches of an agent. How long they take to join, what etcd uses while nothing happens, how long a change is under way to
# all, a storm of more hosts, and a restart of etcd, when every watch begins anew: with etcd's history, and when it was compacted.
#
#   --counts LIST         hosts (default 100,1000)
#   --comers N            hosts that come in the storm (default 1000)
#   --span SECONDS        how long the storm takes (default 60)
#   --idle SECONDS        how long nothing happens (default 60)
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
help_if_asked "$@"
what=plugins
[[ ${1:-} != agent && ${1:-} != etcd ]] || { what=$1; shift; }
counts=100,1000,4000 changes=200 idle=60 comers=1000 span=60 json='' parts='' arguments=()
[[ $what != etcd ]] || counts=100,1000
while [[ $# -gt 0 ]]; do
  [[ $# -gt 1 ]] || die "$1 needs a value; see --help"
  case $what$1 in
    *--json) json=$(realpath -m "$2") ;;
    agent--counts | etcd--counts) counts=$2 ;;
    agent--changes) changes=$2 ;;
    agent--idle | etcd--idle) idle=$2 ;;
    etcd--comers) comers=$2 ;;
    etcd--span) span=$2 ;;
    plugins--parts | plugins--rounds | plugins--counts | plugins--storms | plugins--peers-at-most | plugins--beside)
      [[ $1 != --parts ]] || parts=$2
      [[ $1 != --beside ]] || set -- "$1" "$(realpath "$2")" "${@:3}"
      arguments+=("$1" "$2")
      ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
  shift 2
done
[[ $(id -u) == 0 ]] || die "needs root, to make network namespaces"

cd "$root"
build/deps.sh
[[ $what == etcd ]] || build/publish.sh
dotnet build tests/Twill.Bench -c Release --nologo -v q
export TWILL_BENCH_JSON=$json
bench=tests/Twill.Bench/bin/Release/net10.0/Twill.Bench.dll
case $what in
  agent) exec dotnet $bench agent "$counts" "$changes" "$idle" ;;
  etcd) exec dotnet $bench etcd "$counts" "$comers" "$span" "$idle" ;;
esac

[[ $parts != all && $parts != *traffic* && $parts != *protections* ]] || build/cnitool.sh
work=$root/artifacts/bench
mkdir -p "$work"
for program in floor hello; do
  gcc -O2 -static -Wall -Wextra -Werror -o "$work/$program" "tests/Twill.Bench/$program.c"
done
# Process 1 is this shell's child, which reaps what a DEL leaves behind, as that of a host does; elsewhere DEL waits.
exec unshare --mount --pid --fork --kill-child --mount-proc bash -c '"$@"; exit $?' bench \
  dotnet $bench artifacts/bin /usr/lib/cni "$work/floor" "$work/hello" ${arguments[@]+"${arguments[@]}"}
