# shellcheck shell=bash
# Hosts made of namespaces, for the demo: an underlay bridge, hosts on it, an etcd, and a world outside that knows no container
# addresses. Every namespace is held by a process; lab_end ends those, and they end with this script in any case.

lab_gateway=192.168.50.254 # the underlay's router ...
lab_outside=203.0.113.1    # ... and an address behind it
lab_etcd=192.168.50.200
lab_dual='' # anything: each place has an IPv6 address as well, fd00:50::N for 192.168.50.N
lab_gateway6=fd00:50::254
lab_outside6=2001:db8::1

declare -A pid_of=()     # place -> the process that holds its namespaces
declare -A address_of=() # place -> its address on the underlay
declare -A address6_of=() # place -> its IPv6 address there
lab_daemons=()

# background COMMAND...: starts it so that it ends with this script, whatever ends the script; its id is in $!.
background() { setpriv --pdeathsig KILL -- "$@" </dev/null & }

# in_net PLACE COMMAND...: runs it on the place's network.
in_net() { nsenter --target="${pid_of[$1]}" --net -- "${@:2}"; }

# on HOST COMMAND...: runs it on a host: its network and its files.
on() { nsenter --target="${pid_of[$1]}" --net --mount -- "${@:2}"; }

# within HOST CONTAINER COMMAND...: runs it in a container of a host.
within() { nsenter --net="/proc/${pid_of[$1]}/root/run/netns/$2" -- "${@:3}"; }

# wait_until SECONDS COMMAND...: polls until the command succeeds.
wait_until() {
  local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
  until "${@:2}" >/dev/null 2>&1; do
    ((${EPOCHREALTIME/./} < end)) || return 1
    sleep 0.02
  done
}

held() { [[ $(<"/proc/$1/comm") == sleep ]]; }

# hold PLACE COMMAND...: the command makes the place's namespaces and becomes `sleep`, which holds them.
hold() {
  background "${@:2}" 2>"$lab_dir/$1.log"
  pid_of[$1]=$!
  wait_until 10 held "${pid_of[$1]}" || die "$1 could not be made: $(cat "$lab_dir/$1.log")"
}

operational() { [[ $(in_net "$1" ip -br link show dev "$2") == *' UP '* ]]; }

# connect PLACE ADDRESS: a cable to the underlay. The kernel takes note of it a moment later, and drops packets until then.
connect() {
  in_net underlay ip link add name "$1" type veth peer name eth0 netns "${pid_of[$1]}"
  in_net underlay ip link set dev "$1" master underlay up
  in_net "$1" ip link set eth0 up
  in_net "$1" ip address add "$2/24" dev eth0
  if [[ $lab_dual ]]; then
    address6_of[$1]=fd00:50::${2##*.}
    in_net "$1" ip address add "${address6_of[$1]}/64" dev eth0 nodad
  fi
  wait_until 5 operational "$1" eth0 && wait_until 5 operational underlay "$1" || die "the cable of $1 does not come up"
  address_of[$1]=$2
}

lab_begin() {
  lab_dir=$(mktemp -d)
  hold underlay unshare --net -- sleep infinity
  in_net underlay ip link add underlay type bridge mcast_snooping 0
  in_net underlay ip link set underlay up
  hold outside unshare --net -- sleep infinity
  in_net outside ip link set lo up
  in_net outside ip address add "$lab_outside/32" dev lo
  in_net outside ip address add "$lab_outside6/128" dev lo
  connect outside "$lab_gateway"
}

# lab_host NAME ADDRESS
lab_host() {
  hold "$1" unshare --net --mount --propagation=private -- "$root/build/lib/host.sh" "$root/artifacts/bin"
  connect "$1" "$2"
  on "$1" ip route add default via "$lab_gateway"
  [[ -z $lab_dual ]] || on "$1" ip route add default via "$lab_gateway6"
}

etcd() { in_net etcd env ETCDCTL_API=3 etcdctl --endpoints "http://$lab_etcd:2379" "$@"; }

lab_start_etcd() {
  hold etcd unshare --net -- sleep infinity
  in_net etcd ip link set lo up
  connect etcd "$lab_etcd"
  background nsenter --target="${pid_of[etcd]}" --net -- etcd --name demo --data-dir "$lab_dir/etcd" --log-level warn --logger zap \
    --listen-client-urls "http://$lab_etcd:2379" --advertise-client-urls "http://$lab_etcd:2379" \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster demo=http://127.0.0.1:2380 >"$lab_dir/etcd.log" 2>&1
  lab_daemons+=($!)
  wait_until 20 etcd get health || die "etcd does not serve: $(cat "$lab_dir/etcd.log")"
}

# lab_start_agent HOST
lab_start_agent() {
  background nsenter --target="${pid_of[$1]}" --net --mount -- /opt/cni/bin/twilld >"$lab_dir/twilld-$1.log" 2>&1
  lab_daemons+=($!)
}

# cnitool VERB HOST CONTAINER: the reference runtime connects (add), checks or disconnects (del) a container.
cnitool() {
  on "$2" env CNI_PATH=/opt/cni/bin NETCONFPATH=/etc/cni/net.d "$root/artifacts/tools/cnitool" "$1" twill "/run/netns/$3"
}

# lab_end: ends what still runs; the kernel then removes namespaces, links, routes and files with their last user.
lab_end() {
  local pids=("${lab_daemons[@]}" "${pid_of[@]}")
  if [[ ${#pids[@]} -gt 0 ]]; then
    kill -KILL "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
  fi
  lab_daemons=() pid_of=()
  [[ -z ${lab_dir:-} ]] || rm -rf "$lab_dir"
}
