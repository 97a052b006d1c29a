#!/usr/bin/env bash
# build/cnitool.sh: builds cnitool, the reference CNI runtime, into artifacts/tools/cnitool.
#
#   build/cnitool.sh [--force]    --force: also when it is there already
#
# Debian ships cnitool's source but not the program. The source package comes through apt, with an apt configuration of its
# own (the machine's own Debian mirrors, as deb-src), so that nothing of the system's configuration changes. Built by
# golang-go without any further download.
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
. "$(dirname "$0")/lib/debian.sh"
help_if_asked "$@"
tools=$root/artifacts/tools
case ${1:-} in
  '') [[ ! -x $tools/cnitool ]] || exit 0 ;;
  --force) ;;
  *) die "unknown argument '$1'; see --help" ;;
esac

package=golang-github-appc-cni
mkdir -p "$tools"
work=$(mktemp -d "$tools/.cnitool.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$work/log

step "Building cnitool from Debian's source package $package"
mkdir -p "$work"/apt/{lists/partial,archives/partial} "$work/source" "$work/go/src/github.com/containernetworking"
debian_sources deb-src >"$work/apt/sources.list"
[[ -s $work/apt/sources.list ]] || die "found no Debian archive in /etc/apt/sources.list or /etc/apt/sources.list.d"

apt=(apt-get -q -o "Dir::Etc::SourceList=$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$work/apt/lists"
  -o "Dir::Cache=$work/apt" -o APT::Sandbox::User=root)
(cd "$work/source" && "${apt[@]}" update && "${apt[@]}" source --download-only "$package") >"$log" 2>&1 ||
  { cat "$log" >&2; die "apt did not bring the source package $package"; }

cni=$work/go/src/github.com/containernetworking/cni
mkdir -p "$cni"
tar -xf "$work/source/${package}"_*.orig.tar.* -C "$cni" --strip-components=1
(cd "$cni" && env GOPATH="$work/go" GOCACHE="$work/cache" GO111MODULE=off GOFLAGS= CGO_ENABLED=0 \
  go build -o "$tools/cnitool" ./cnitool) >"$log" 2>&1 || { cat "$log" >&2; die "cnitool did not build"; }
