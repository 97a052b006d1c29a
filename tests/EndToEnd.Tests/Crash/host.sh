#!/usr/bin/env bash
# A host on which a plugin is killed at one system call (or, with AT=0, is not), then what a runtime does about it, and how the host
# is afterwards. Everything is gone when this script ends.
#
#   unshare --net host.sh CASE OF AT [--after] [--all]
#
# CASE     what is killed: first, used, rich, routed, lease: an ADD; del, del-rich, del-routed: a DEL; gc: a GC
# OF, AT   as killat has them; further options are killat's as well
#
# The environment says where things are: KILLAT, BIN (our programs), UNDERLAY (the process that holds the underlay's namespace), CABLE and
# ADDRESS (of this host there), CONF (a directory with plain.json, rich.json, routed.json, neighbour.json and gc.json).
#
# Printed are lines of a word and a value: "point PROGRAM CALL", the calls made; "code STEP N", how a step ended; "say STEP TEXT", what a
# failed one said; "after X" or "later X", what there is after the runtime's step and after one more ADD and DEL: "link JSON", "file PATH", ..
set -u
case_=$1 of=$2 at=$3
shift 3

if [[ ${INSIDE:-} != yes ]]; then
  ip link add eth0 address "02:00:00:${CABLE:(-6):2}:${CABLE:(-4):2}:${CABLE:(-2)}" type veth peer name "$CABLE" netns "$UNDERLAY" || exit 1
  ip link set dev eth0 up || exit 1
  at_underlay() { nsenter --target "$UNDERLAY" --net "$@"; }
  at_underlay ip link set dev "$CABLE" master underlay up || exit 1
  if [[ $case_ == lease ]]; then # it will talk to somebody there: a new cable drops packets for a moment
    until [[ "$(ip -br link show dev eth0) $(at_underlay ip -br link show dev "$CABLE")" == *' UP '*' UP '* ]]; do :; done
  fi
  INSIDE=yes exec unshare --mount --propagation private --pid --fork --mount-proc --kill-child "$0" "$case_" "$of" "$at" "$@"
fi

mount -t tmpfs -o mode=755 host /run
echo 0 >/proc/sys/net/ipv4/ip_forward
ip -batch - <<BATCH || exit 1
link set lo up
address add $ADDRESS/24 dev eth0
route add default via 192.168.50.254
BATCH

export CNI_IFNAME=eth0 CNI_PATH=$BIN

# of_container ID: the container the next calls are about.
of_container() { export CNI_CONTAINERID=$1 CNI_NETNS=/run/netns/$1; }

# call STEP VERB CONF: a plugin call that is not killed.
call() {
  CNI_COMMAND=$2 "$BIN/twill" <"$CONF/$3.json" >"/run/$1.out" 2>>/run/log
  local code=$?
  echo "code $1 $code"
  [[ $code == 0 ]] || echo "say $1 $(tr '\n' ' ' <"/run/$1.out")"
}

# attach CONTAINER CONF: a container that is there before.
attach() {
  ip netns add "$1"
  of_container "$1"
  call "add-$1" ADD "$2"
}

# pings FROM ADDRESS
pings() {
  nsenter "--net=/run/netns/$1" ping -n -q -c 1 -W 3 "$2" >/dev/null
  echo "code ping-from-$1 $?"
}

# field NAME STEP: of the answer to a step.
field() { sed -nE "s/.*\"$1\": *\"([0-9.]+).*/\1/p" "/run/$2.out" | head -n 1; }

# dump WHEN
dump() {
  local process left i
  for ((i = 0; i < 200; i++)); do
    left=
    for process in /proc/[0-9]*; do
      [[ $process/exe -ef $BIN/twill || $process/exe -ef $BIN/twill-ipam ]] && left=$process
    done
    [[ $left ]] || break
    sleep 0.02
  done
  [[ ! $left ]] || echo "$1 process $(tr '\0' ' ' <"$left/cmdline")"
  echo "$1 link $(ip -j -d link show)"
  echo "$1 inside $(ip -n c1 -j -d link show)"
  echo "$1 address $(ip -4 -j address show)"
  echo "$1 route $(ip -4 -j route show table all)"
  echo "$1 qdisc $(tc -j qdisc show)"
  echo "$1 nft $(nft -j list ruleset)"
  sed -n "s/^.*FLOCK/$1 lock/p" /proc/locks
  find /run/data /run/twill \( -type f -o -type l \) -printf "$1 file %p\n" 2>/dev/null
}

conf=plain verb=ADD then=DEL
ip netns add c1
case $case_ in
  first | lease) ;;
  used) attach n1 plain ;;
  rich) attach n1 neighbour && conf=rich ;;
  routed) attach n1 routed && conf=routed ;;
  del) attach n1 plain && of_container c1 && call add-c1 ADD plain && verb=DEL ;;
  del-rich) attach n1 neighbour && of_container c1 && call add-c1 ADD rich && conf=rich verb=DEL ;;
  del-routed) attach n1 routed && of_container c1 && call add-c1 ADD routed && conf=routed verb=DEL ;;
  gc)
    attach n1 neighbour && attach c2 rich && attach c3 plain && of_container c1 && call add-c1 ADD plain
    conf=gc verb=GC then=GC
    ;;
  *) echo "no such case: $case_" >&2 && exit 1 ;;
esac

of_container c1
CNI_COMMAND=$verb "$KILLAT" --log /run/points ${of:+--of "$of" --at "$at"} "$@" \
  --then "CNI_COMMAND=$then $BIN/twill <$CONF/$conf.json >/run/runtime.out" -- "$BIN/twill" <"$CONF/$conf.json" >/run/killed.out 2>>/run/log
echo "code runtime $?"
sed 's/^/say runtime /' /run/runtime.out
sed 's/^/point /' /run/points
echo "say killed $(tr '\n' ' ' </run/killed.out)"
dump after

call add ADD "${conf/gc/plain}"
pings c1 "$(field gateway add)"
if [[ -e /run/netns/n1 && $conf != routed ]]; then # icc is false there
  pings n1 "$(field address add)"
  pings c1 "$(field address add-n1)"
fi
call del DEL "${conf/gc/plain}"
dump later
echo "later forwarding $(</proc/sys/net/ipv4/ip_forward)"
exit 0
