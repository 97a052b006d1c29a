#!/usr/bin/env bash
# build/demo.sh: shows twill at work on hosts made of namespaces, and removes everything it made.
#
#   build/demo.sh            three hosts with an etcd and an agent each, two containers per host, a fourth host that joins
#   build/demo.sh --dual     the same with IPv6 beside IPv4, inside and on the underlay
#   build/demo.sh --single   one host, no etcd, no agent
#   build/demo.sh --keep     (also with the others) waits for Enter before it removes everything
#
# Installs the Debian packages that are missing, compiles what changed. Needs root for the namespaces (sudo is used where it
# is needed). This machine's own network is not touched. Ctrl-C at any time leaves nothing behind.
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
. "$root/build/lib/lab.sh"
help_if_asked "$@"
single='' keep='' dual=''
for word in "$@"; do
  case $word in
    --single) single=yes ;;
    --dual) dual=yes ;;
    --keep) keep=yes ;;
    *) die "unknown argument '$word'; see --help" ;;
  esac
done

[[ -z $single || -z $dual ]] || die "--single and --dual do not go together"
lab_dual=$dual
conflist=10-twill${dual:+-dual}.conflist

if [[ -z ${TWILL_DEMO_COMPILED:-} ]]; then
  "$root/build/deps.sh"
  step 'Compile'
  "$root/build/publish.sh"
  "$root/build/cnitool.sh"
fi
# Root for the namespaces only: the compiler may be the user's own, where root does not find it.
[[ $(id -u) == 0 ]] || exec sudo env TWILL_DEMO_COMPILED=yes "$0" "$@"

exec {stdout}>&1 {stderr}>&2
finish() {
  local code=$?
  trap - EXIT
  trap '' INT TERM
  exec >&"$stdout" 2>&"$stderr" # the signal may have come in a command whose output goes elsewhere
  if [[ $code != 0 && $code != 130 && $code != 143 ]]; then
    local log
    for log in "$lab_dir"/*.log; do
      [[ ! -s $log ]] || { printf '%s--- %s%s\n' "$dim" "$(basename "$log")" "$plain"; tail -n 20 "$log"; }
    done >&2
  fi
  lab_end
  echo "Removed all hosts, networks and files of the demo."
  exit "$code"
}
trap 'exit 130' INT
trap 'exit 143' TERM

# note TEXT: a remark below a step.
note() { printf '    %s%s%s\n' "$dim" "$*" "$plain"; }

# show COMMAND...: the command as a person would type it, and what it says.
shown() { printf '    %s$ %s%s\n' "$dim" "$*" "$plain"; }
indent() { sed 's/^/      /; s/ *$//'; }

declare -A container_ip=() container_ip6=() container_host=() subnet_of=() subnet6_of=()
containers=()

# add_container HOST NAME
add_container() {
  on "$1" ip netns add "$2"
  local began=${EPOCHREALTIME/./} result
  result=$(cnitool add "$1" "$2") || die "cnitool could not add $2 on $1: $result"
  local took=$(((${EPOCHREALTIME/./} - began) / 1000))
  container_ip[$2]=$(jq -r '.ips[0].address | split("/")[0]' <<<"$result")
  container_ip6[$2]=$(jq -r '.ips[1].address // "" | split("/")[0]' <<<"$result")
  container_host[$2]=$1
  containers+=("$2")
  printf '    %-8s %-4s %-14s gateway %-14s %s%s ms%s\n' "$1" "$2" "${container_ip[$2]}" \
    "$(jq -r '.ips[0].gateway' <<<"$result")" "$dim" "$took" "$plain"
  [[ -z $dual ]] || printf '    %-13s %s gateway %s\n' '' "${container_ip6[$2]}" "$(jq -r '.ips[1].gateway' <<<"$result")"
}

# ping_ms RUNNER... ADDRESS: one ping's round trip in ms, empty when there is no answer.
ping_ms() { "${@:1:$#-1}" ping -n -c 1 -W 2 "${@: -1}" 2>/dev/null | sed -nE 's/.*time=([0-9.]+) ms.*/\1/p'; }

# ping_matrix [ADDRESSES]: every container pings every other; the table shows round trips in ms. ADDRESSES: container_ip (the default)
# or container_ip6.
ping_matrix() {
  local from to ms answered=0 lost=0
  local -n address_of_container=${1:-container_ip}
  printf '    %-4s' ''
  for to in "${containers[@]}"; do printf '%8s' "$to"; done
  echo
  for from in "${containers[@]}"; do
    printf '    %-4s' "$from"
    for to in "${containers[@]}"; do
      if [[ $from == "$to" ]]; then
        printf '%8s' '.'
        continue
      fi
      ms=$(ping_ms within "${container_host[$from]}" "$from" "${address_of_container[$to]}" || true)
      if [[ -n $ms ]]; then
        answered=$((answered + 1))
        printf '%8s' "$ms"
      else
        lost=$((lost + 1))
        printf '%s%8s%s' "$red" 'lost' "$plain"
      fi
    done
    echo
  done
  if [[ $lost == 0 ]]; then
    printf '    %sall %d pings answered%s\n' "$green" "$answered" "$plain"
  else
    die "$lost of $((answered + lost)) pings were lost"
  fi
}

# reach WHAT RUNNER... ADDRESS: one ping that has to be answered.
reach() {
  local ms
  ms=$(ping_ms "${@:2}") || true
  [[ -n $ms ]] || die "$1 (${*: -1}): no answer"
  printf '    %s%-46s%s %s ms\n' "$green" "$1" "$plain" "$ms"
}

# peer_entries HOST: what the agent keeps in the kernel for the other hosts, of each family on the device that sends over it.
peer_entries() {
  local family device
  for family in -4 ${dual:+-6}; do
    [[ $family == -4 ]] && device=twill.1 || device=twill-v6.1
    shown "ip $family route show proto 116"
    on "$1" ip $family route show proto 116 | indent
    shown "ip $family neigh show dev $device proto 116"
    on "$1" ip $family neigh show dev $device proto 116 | indent
    shown "bridge fdb show dev $device"
    on "$1" bridge fdb show dev $device | grep ' dst ' | indent
  done
}

# host_end HOST CONTAINER: the host's end of a container's veth pair.
host_end() {
  local peer
  peer=$(within "$1" "$2" ip -j link show dev eth0 | jq '.[0].link_index')
  on "$1" ip -j link | jq -r ".[] | select(.ifindex == $peer).ifname"
}

# follow_packets FROM TO [6]: sends ten pings between containers of different hosts and counts them at every step of their way, by a
# counter in nftables for exactly these packets. 6: by IPv6.
follow_packets() {
  local a=${container_host[$1]} b=${container_host[$2]} runner hook match place words
  local to=${container_ip[$2]} device=twill.1 ip=ip outer=${address_of[$a]} outer_to=${address_of[$b]}
  local pings="ip saddr ${container_ip[$1]} ip daddr $to icmp type echo-request"
  if [[ ${3:-} ]]; then
    to=${container_ip6[$2]} device=twill-v6.1 ip=ip6 outer=${address6_of[$a]} outer_to=${address6_of[$b]}
    pings="ip6 saddr ${container_ip6[$1]} ip6 daddr $to icmpv6 type echo-request"
  fi
  local steps=(
    "within $a $1|output|$pings|$1|leave the container by eth0"
    "on $a|prerouting|iifname twill0 $pings|$a|come in by $(host_end "$a" "$1"), a port of the bridge twill0"
    "on $a|postrouting|oifname $device $pings|$a|go to $device, which wraps them in VXLAN"
    "on $b|prerouting|$ip saddr $outer udp dport 4789|underlay|UDP port 4789 from $outer to $outer_to"
    "on $b|prerouting|iifname $device $pings|$b|come out of $device, unwrapped"
    "on $b|postrouting|oifname twill0 $pings|$b|go to the bridge twill0 and its port $(host_end "$b" "$2")"
    "within $b $2|input|$pings|$2|reach the container by eth0"
  )
  local i
  for i in "${!steps[@]}"; do
    IFS='|' read -r runner hook match place words <<<"${steps[i]}"
    $runner nft "add table inet demo; add chain inet demo step$i { type filter hook $hook priority 0; }; add rule inet demo step$i $match counter"
  done
  within "$a" "$1" ping -n -q -c 10 -i 0.02 -W 2 "$to" >/dev/null || true
  for i in "${!steps[@]}"; do
    IFS='|' read -r runner hook match place words <<<"${steps[i]}"
    printf '    %-10s %s%3d packets%s  %s\n' "$place" "$green" \
      "$($runner nft -j list chain inet demo "step$i" | jq '[.nftables[].rule.expr[]?.counter.packets | numbers] | add')" "$plain" "$words"
  done
  for runner in "within $a $1" "on $a" "on $b" "within $b $2"; do $runner nft delete table inet demo; done
}

# watch_sources: the outside world notes from which addresses it is pinged.
watch_sources() {
  in_net outside nft -f - <<'NFT'
    table inet demo {
      set sources { type ipv4_addr; flags dynamic; }
      chain input { type filter hook input priority 0; icmp type echo-request add @sources { ip saddr }; }
    }
NFT
}
sources_seen() { in_net outside nft -j list set inet demo sources | jq -r '[.nftables[].set.elem[]? | strings] | join(" ")'; }

# outside_through_masquerade HOST CONTAINER
outside_through_masquerade() {
  reach "$2 to the world outside, through $1" within "$1" "$2" "$lab_outside"
  note "the outside, which has no route to any container, saw a packet from $(sources_seen)"
}

# remove_container HOST NAME: DEL, as at the end of a container; the namespace goes as well.
remove_containers() {
  local name host
  for name in "${containers[@]}"; do
    host=${container_host[$name]}
    cnitool del "$host" "$name" || die "cnitool could not remove $name on $host"
    on "$host" ip netns delete "$name"
  done
  containers=()
}

wait_for_enter() {
  [[ -n $keep ]] || return 0
  echo
  step 'The demo stays until you press Enter'
  for host in "$@"; do note "a shell on $host:  sudo nsenter --target ${pid_of[$host]} --net --mount bash"; done
  read -r _ || true
}

single_host() {
  step "One host, no etcd, no agent"
  lab_host host-a 192.168.50.11
  install_conf host-a 10-twill-single.conflist
  note "host-a ${address_of[host-a]}, configured by conf/10-twill-single.conflist: the subnet 10.244.0.0/24 is its own"

  step 'Three containers, added by cnitool'
  for name in a1 a2 a3; do add_container host-a "$name"; done

  step 'Every container pings every other (ms)'
  ping_matrix

  step 'Host and outside'
  reach "host-a to a1" on host-a "${container_ip[a1]}"
  watch_sources
  outside_through_masquerade host-a a1

  step 'What is in the kernel'
  shown 'bridge link'
  on host-a bridge link | indent
  shown 'nft list table inet twill-twill'
  on host-a nft list table inet twill-twill | indent
  wait_for_enter host-a

  step 'Remove the containers'
  remove_containers
  note "addresses still recorded: $(on host-a sh -c 'ls /var/lib/cni/twill/twill 2>/dev/null | grep -c "^10\." || true')"
}

# install_conf HOST FILE: a file of conf/ becomes the host's network configuration, with the demo's etcd put in.
install_conf() {
  jq --arg etcd "http://$lab_etcd:2379" \
    'if .plugins[0].ipam.etcd then .plugins[0].ipam.etcd.endpoints = [$etcd] else . end' "$root/conf/$2" |
    on "$1" tee "/etc/cni/net.d/$2" >/dev/null
}

has_lease() { [[ -n $(lease_of "$1") ]]; }

# lease_of HOST [NUMBER]: the subnet that etcd holds for a host, as 10.244.7.0/24; of number 1 the IPv6 one.
lease_of() {
  etcd get --prefix /twill/twill/subnets/ -w json |
    jq -r --arg ip "${address_of[$1]}" --argjson n "${2:-0}" \
      '.kvs[]? | select(.value | @base64d | fromjson | .PublicIP == $ip).key | @base64d | split("/")[-1] | split("&")[$n] // empty | sub("-"; "/")'
}

# has_route HOST OTHER: to all subnets of the other host.
has_route() {
  local subnet
  for subnet in "${subnet_of[$2]}" ${subnet6_of[$2]:-}; do
    [[ -n $(on "$1" ip -"$([[ $subnet == *:* ]] && echo 6 || echo 4)" route show exact "$subnet" proto 116) ]] || return 1
  done
}

# know_lease HOST: waits for its lease, and remembers the subnets.
know_lease() {
  wait_until 20 has_lease "$1" || die "$1 leased no subnet"
  subnet_of[$1]=$(lease_of "$1")
  subnet6_of[$1]=$(lease_of "$1" 1)
}

start_host() {
  lab_host "$1" "$2"
  install_conf "$1" "$conflist"
  lab_start_agent "$1"
}

cluster() {
  local hosts=(host-a host-b host-c) host other
  step "Three hosts, an etcd and the world outside on an underlay 192.168.50.0/24${dual:+ and fd00:50::/64}"
  lab_start_etcd
  local i=11
  for host in "${hosts[@]}"; do
    start_host "$host" "192.168.50.$i"
    i=$((i + 1))
    note "$host   ${address_of[$host]}   ${address6_of[$host]:+${address6_of[$host]}   }twilld runs"
  done
  note "etcd     $lab_etcd"
  note "outside  $lab_outside behind $lab_gateway"

  step 'Each host leases a subnet from etcd'
  for host in "${hosts[@]}"; do
    know_lease "$host"
  done
  shown 'etcdctl get --prefix /twill/twill/subnets/'
  etcd get --prefix /twill/twill/subnets/ | indent

  step 'Two containers per host, added by cnitool'
  for host in "${hosts[@]}"; do
    add_container "$host" "${host#host-}1"
    add_container "$host" "${host#host-}2"
  done

  for host in "${hosts[@]}"; do
    for other in "${hosts[@]}"; do
      [[ $host == "$other" ]] || wait_until 5 has_route "$host" "$other" || die "$host has no route to $other"
    done
  done

  step 'Every container pings every other (ms)'
  ping_matrix
  if [[ $dual ]]; then
    step 'Every container pings every other over IPv6 (ms)'
    ping_matrix container_ip6
  fi

  step 'Host and outside'
  reach "host-a to b1, a container on another host" on host-a "${container_ip[b1]}"
  [[ -z $dual ]] || reach "the same over IPv6" on host-a "${container_ip6[b1]}"
  watch_sources
  outside_through_masquerade host-a a1
  [[ -z $dual ]] || reach "a1 to the world outside over IPv6" within host-a a1 "$lab_outside6"

  step "What host-a knows of the others: a route, a neighbour and a forwarding entry each${dual:+, of each family}"
  peer_entries host-a

  step "Ten packets on their way from a1 (${container_ip[a1]}) to b1 (${container_ip[b1]})"
  shown "ip route get ${container_ip[b1]}      in a1, then on host-a"
  within host-a a1 ip route get "${container_ip[b1]}" | head -n 1 | indent
  on host-a ip route get "${container_ip[b1]}" from "${container_ip[a1]}" iif twill0 | head -n 1 | indent
  follow_packets a1 b1
  if [[ $dual ]]; then
    step "Ten packets on their way from a1 (${container_ip6[a1]}) to b1 (${container_ip6[b1]})"
    follow_packets a1 b1 6
  fi

  step 'A fourth host joins while the others run'
  start_host host-d 192.168.50.14
  know_lease host-d
  local leased=${EPOCHREALTIME/./}
  note "host-d   ${address_of[host-d]}   leased ${subnet_of[host-d]}${subnet6_of[host-d]:+ and ${subnet6_of[host-d]}}"
  for host in "${hosts[@]}"; do
    wait_until 5 has_route "$host" host-d || die "$host has no route to host-d"
  done
  note "host-a, host-b and host-c had their routes to it at most $(((${EPOCHREALTIME/./} - leased) / 1000)) ms later"
  add_container host-d d1
  add_container host-d d2
  ping_matrix
  [[ -z $dual ]] || ping_matrix container_ip6
  wait_for_enter "${hosts[@]}" host-d

  step 'Remove the containers'
  remove_containers
  note "bridge ports left on host-a: $(on host-a ip -j link show master twill0 | jq length)"
}

trap finish EXIT
lab_begin
if [[ $single ]]; then single_host; else cluster; fi
