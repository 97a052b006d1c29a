#!/usr/bin/env bash
# build/deps.sh: installs the Debian packages that building, testing and the demo need.
#
#   build/deps.sh            all of them
#   build/deps.sh --list     prints their names and installs nothing
#
# Quiet when nothing is missing. The .NET SDK is not installed: global.json says which one, and this script says when it
# is absent. Services that packages bring (etcd) are installed, not started.
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
help_if_asked "$@"

packages=(
  gcc zlib1g-dev libssl-dev                     # link the native programs
  gcc-aarch64-linux-gnu libc6-dev-arm64-cross   # the same for arm64
  qemu-user-static                              # runs what is linked for arm64
  iproute2 nftables iputils-ping procps jq      # make networks and look at them
  conntrack socat python3                       # connections, who answers them, and SCTP packets by hand
  etcd-server etcd-client                       # where subnets are leased
  golang-go xz-utils                            # build cnitool, the reference runtime, from Debian's source
  iptables curl                                 # whose chains ours get on with; a stranger to an etcd
  docker.io                                     # what drops forwarded packets on many a host
  wireguard-go wireguard-tools                  # WireGuard without a module, and who looks at it
  systemd                                       # its tool that verifies units
  time                                          # peak memory in the benchmark
  valgrind strace                               # count what ADD and DEL cost
  containernetworking-plugins                   # the reference plugins that ours work with and are compared to
  iperf3                                        # measures limits of bandwidth
  bind9-dnsutils                                # dig, which asks for containers' names
  containerd runc podman busybox-static         # runtimes that call the plugins, and what their image is made of
  buildah                                       # makes the image
  prometheus                                    # its promtool judges alerts and metrics
  lintian groff-base bash-completion fish zsh   # judge packages, manual pages and completions
)
# Makes objects of the manifests. The package of Kubernetes' own project has the same file, and neither can be beside the other.
command -v kubectl >/dev/null || packages+=(kubernetes-client)

if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi
[[ $# == 0 ]] || die "unknown argument '$1'; see --help"

command -v dotnet >/dev/null || die "no 'dotnet' found; install the .NET SDK $(jq -r .sdk.version "$root/global.json" 2>/dev/null || echo 10) (https://dot.net) first"

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == *' installed' ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

step "Installing ${missing[*]}"

# An installed etcd or containerd would start at once, on this machine itself; nothing here needs that.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap 'as_root rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
fi

log=$(mktemp)
install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >"$log" 2>&1; }
if ! install; then
  as_root apt-get update -q >>"$log" 2>&1 || true
  install || { cat "$log" >&2; die "apt-get could not install: ${missing[*]}"; }
fi
rm -f "$log"
