#!/usr/bin/env bash
# build/demo.sh: shows twill at work on hosts made of namespaces, and removes everything it made.
#
#   build/demo.sh            three hosts with an etcd and an agent each, two containers per host, a fourth host that joins
#   build/demo.sh --single   one host, no etcd, no agent
#   build/demo.sh --keep     (also with --single) waits for Enter before it removes everything
#
# Installs the Debian packages that are missing, compiles what changed. Needs root for the namespaces (sudo is used where it
# is needed). This machine's own network is not touched. Ctrl-C at any time leaves nothing behind.
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
. "$root/build/lib/lab.sh"
help_if_asked "$@"
single='' keep=''
for word in "$@"; do
  case $word in
    --single) single=yes ;;
    --keep) keep=yes ;;
    *) die "unknown argument '$word'; see --help" ;;
  esac
done

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

declare -A container_ip=() container_host=() subnet_of=()
containers=()

# add_container HOST NAME
add_container() {
  on "$1" ip netns add "$2"
  local began=${EPOCHREALTIME/./} result
  result=$(cnitool add "$1" "$2") || die "cnitool could not add $2 on $1: $result"
  local took=$(((${EPOCHREALTIME/./} - began) / 1000))
  container_ip[$2]=$(jq -r '.ips[0].address | split("/")[0]' <<<"$result")
  container_host[$2]=$1
  containers+=("$2")
  printf '    %-8s %-4s %-14s gateway %-14s %s%s ms%s\n' "$1" "$2" "${container_ip[$2]}" \
    "$(jq -r '.ips[0].gateway' <<<"$result")" "$dim" "$took" "$plain"
}

# ping_ms RUNNER... ADDRESS: one ping's round trip in ms, empty when there is no answer.
ping_ms() { "${@:1:$#-1}" ping -n -c 1 -W 2 "${@: -1}" 2>/dev/null | sed -nE 's/.*time=([0-9.]+) ms.*/\1/p'; }

# ping_matrix: every container pings every other; the table shows round trips in ms.
ping_matrix() {
  local from to ms answered=0 lost=0
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
      ms=$(ping_ms within "${container_host[$from]}" "$from" "${container_ip[$to]}" || true)
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

# peer_entries HOST: what the agent keeps in the kernel for the other hosts.
peer_entries() {
  shown "ip route show proto 116"
  on "$1" ip route show proto 116 | indent
  shown "ip neigh show dev twill.1"
  on "$1" ip neigh show dev twill.1 | grep -v fe80 | indent
  shown "bridge fdb show dev twill.1"
  on "$1" bridge fdb show dev twill.1 | grep ' dst ' | indent
}


# host_end HOST CONTAINER: the host's end of a container's veth pair.
host_end() {
  local peer
  peer=$(within "$1" "$2" ip -j link show dev eth0 | jq '.[0].link_index')
  on "$1" ip -j link | jq -r ".[] | select(.ifindex == $peer).ifname"
}

# follow_packets FROM TO: sends ten pings between containers of different hosts and counts them at every step of their way, by a
# counter in nftables for exactly these packets.
follow_packets() {
  local a=${container_host[$1]} b=${container_host[$2]} runner hook match place words
  local pings="ip saddr ${container_ip[$1]} ip daddr ${container_ip[$2]} icmp type echo-request"
  local steps=(
    "within $a $1|output|$pings|$1|leave the container by eth0"
    "on $a|prerouting|iifname twill0 $pings|$a|come in by $(host_end "$a" "$1"), a port of the bridge twill0"
    "on $a|postrouting|oifname twill.1 $pings|$a|go to twill.1, which wraps them in VXLAN"
    "on $b|prerouting|ip saddr ${address_of[$a]} udp dport 4789|underlay|UDP port 4789 from ${address_of[$a]} to ${address_of[$b]}"
    "on $b|prerouting|iifname twill.1 $pings|$b|come out of twill.1, unwrapped"
    "on $b|postrouting|oifname twill0 $pings|$b|go to the bridge twill0 and its port $(host_end "$b" "$2")"
    "within $b $2|input|$pings|$2|reach the container by eth0"
  )
  local i
  for i in "${!steps[@]}"; do
    IFS='|' read -r runner hook match place words <<<"${steps[i]}"
    $runner nft "add table inet demo; add chain inet demo step$i { type filter hook $hook priority 0; }; add rule inet demo step$i $match counter"
  done
  within "$a" "$1" ping -n -q -c 10 -i 0.02 -W 2 "${container_ip[$2]}" >/dev/null || true
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

# lease_of HOST: the subnet that etcd holds for a host, as 10.244.7.0/24.
lease_of() {
  etcd get --prefix /twill/twill/subnets/ -w json |
    jq -r --arg ip "${address_of[$1]}" '.kvs[]? | select(.value | @base64d | fromjson | .PublicIP == $ip).key | @base64d | split("/")[-1] | sub("-"; "/")'
}

has_route() { [[ -n $(on "$1" ip route show exact "$2" proto 116) ]]; }

start_host() {
  lab_host "$1" "$2"
  install_conf "$1" 10-twill.conflist
  lab_start_agent "$1"
}

cluster() {
  local hosts=(host-a host-b host-c) host other
  step 'Three hosts, an etcd and the world outside on an underlay 192.168.50.0/24'
  lab_start_etcd
  local i=11
  for host in "${hosts[@]}"; do
    start_host "$host" "192.168.50.$i"
    i=$((i + 1))
    note "$host   ${address_of[$host]}   twilld runs"
  done
  note "etcd     $lab_etcd"
  note "outside  $lab_outside behind $lab_gateway"

  step 'Each host leases a subnet from etcd'
  for host in "${hosts[@]}"; do
    wait_until 20 has_lease "$host" || die "$host leased no subnet"
    subnet_of[$host]=$(lease_of "$host")
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
      [[ $host == "$other" ]] || wait_until 5 has_route "$host" "${subnet_of[$other]}" || die "$host has no route to ${subnet_of[$other]}"
    done
  done

  step 'Every container pings every other (ms)'
  ping_matrix

  step 'Host and outside'
  reach "host-a to b1, a container on another host" on host-a "${container_ip[b1]}"
  watch_sources
  outside_through_masquerade host-a a1

  step 'What host-a knows of the others: a route, a neighbour and a forwarding entry each'
  peer_entries host-a

  step "Ten packets on their way from a1 (${container_ip[a1]}) to b1 (${container_ip[b1]})"
  shown "ip route get ${container_ip[b1]}      in a1, then on host-a"
  within host-a a1 ip route get "${container_ip[b1]}" | head -n 1 | indent
  on host-a ip route get "${container_ip[b1]}" from "${container_ip[a1]}" iif twill0 | head -n 1 | indent
  follow_packets a1 b1

  step 'A fourth host joins while the others run'
  start_host host-d 192.168.50.14
  wait_until 20 has_lease host-d || die "host-d leased no subnet"
  local leased=${EPOCHREALTIME/./}
  subnet_of[host-d]=$(lease_of host-d)
  note "host-d   ${address_of[host-d]}   leased ${subnet_of[host-d]}"
  for host in "${hosts[@]}"; do
    wait_until 5 has_route "$host" "${subnet_of[host-d]}" || die "$host has no route to ${subnet_of[host-d]}"
  done
  note "host-a, host-b and host-c had their routes to it at most $(((${EPOCHREALTIME/./} - leased) / 1000)) ms later"
  add_container host-d d1
  add_container host-d d2
  ping_matrix
  wait_for_enter "${hosts[@]}" host-d

  step 'Remove the containers'
  remove_containers
  note "bridge ports left on host-a: $(on host-a ip -j link show master twill0 | jq length)"
}

trap finish EXIT
lab_begin
if [[ $single ]]; then single_host; else cluster; fi
