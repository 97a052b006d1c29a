#!/usr/bin/env bash
# build/publish.sh: compiles the three programs ahead of time into native executables.
#
#   artifacts/bin/twill        the CNI plugin and the operator's commands
#   artifacts/bin/twill-ipam   the IPAM plugin
#   artifacts/bin/twilld       the node agent
#   artifacts/symbols/*.dbg    their debug symbols
#
#   build/publish.sh [--arch x64|arm64] [--force] [NAME...]
#
#   NAME            only these programs, e.g. twill
#   --arch arm64    for arm64, by Debian's cross compiler: artifacts/bin-arm64 and artifacts/symbols-arm64
#   --force         also when no source changed
#
# Any warning of the compiler, the trimmer or the linker is a failure. The same sources give the same bytes, wherever they lie.
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
help_if_asked "$@"
force='' arch=x64 programs=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --force) force=yes ;;
    --arch)
      arch=${2:-}
      [[ $arch == x64 || $arch == arm64 ]] || die "--arch takes x64 or arm64, not '$arch'; see --help"
      shift
      ;;
    twill | twilld) programs+=("cni/$1") ;;
    twill-ipam) programs+=("ipam/$1") ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
  shift
done
[[ ${#programs[@]} -gt 0 ]] || programs=(cni/twill ipam/twill-ipam cni/twilld)

suffix='' cross=''
if [[ $arch == arm64 ]]; then
  suffix=-arm64
  [[ $(uname -m) == aarch64 ]] || cross=yes
fi
[[ -z $cross ]] || command -v aarch64-linux-gnu-gcc >/dev/null || die "no 'aarch64-linux-gnu-gcc' found; run build/deps.sh first"
bin=$root/artifacts/bin$suffix symbols=$root/artifacts/symbols$suffix work=$root/artifacts/publish$suffix
mkdir -p "$bin" "$symbols" "$work"

# The linker notes that a static glibc program loads libraries of the system when it calls these. The runtime refers to them;
# twill calls none of them.
known_notes="Using '(dlopen|getaddrinfo|getgrouplist|getgrgid_r|getpwnam_r|getpwuid_r)' in statically linked applications"

# with_references PROJECT: the directory of a project and of every project it refers to, directly or not.
with_references() {
  local reference
  echo "$1"
  sed -nE 's/.*<ProjectReference Include="([^"]*)\/[^"]*".*/\1/p' "$1"/*.csproj | while read -r reference; do
    with_references "$(realpath --relative-to="$root" "$1/$reference")"
  done
}

# fingerprint PROJECT: one hash over every file its program is made of.
fingerprint() {
  (cd "$root" &&
    with_references "$1" | sort -u |
    xargs -I{} find {} build/Native*.props build/Programs.proj build/lib/*.c build/glibc.sh Directory.Build.* Directory.Packages.props global.json \
      \( -name bin -o -name obj \) -prune -o -type f ! -name "*.md" -print0 | sort -z | xargs -0 sha256sum | sha256sum)
}

# loads_glibc PROJECT...: whether one of the programs is not static.
loads_glibc() { (cd "$root" && for project in "$@"; do ! grep -q '<StaticExecutable>true<' "$project"/*.csproj && return; done; false); }

# publish PROJECT...: into artifacts/publish/NAME, then the executables and their symbols to their places. One at a time: two runs of this
# script would write the same files. --close: dotnet leaves a build server behind, which would hold the lock.
publish() {
  local log=$work/publish.log name
  ! loads_glibc "$@" || "$root/build/glibc.sh" --arch "$arch"
  if ! flock --close "$root/artifacts/publish.lock" dotnet msbuild "$root/build/Programs.proj" -restore -m:1 -nologo -v:m \
    "-p:Programs=$*" "-p:Sources=$root/" "-p:Runtime=linux-$arch" "-p:Work=$work/" >"$log" 2>&1; then
    cat "$log" >&2
    die "the programs were not published; the log is $log"
  fi
  if grep -E 'warning' "$log" | grep -Ev "$known_notes" >&2; then
    die "the programs were published with the warnings above; the log is $log"
  fi
  for name in "${@##*/}"; do
    install -m 755 "$work/$name/$name" "$bin/.$name.new"
    mv "$bin/.$name.new" "$bin/$name"
    mv "$work/$name/$name.dbg" "$symbols/"
  done
}

declare -A now=()
changed=()
for project in "${programs[@]}"; do
  name=${project##*/}
  now[$name]=$(fingerprint "$project")
  if [[ -n $force || ! -x $bin/$name || $(cat "$work/$name.fingerprint" 2>/dev/null) != "${now[$name]}" ]]; then
    changed+=("$project")
    rm -f "$work/$name.fingerprint"
  fi
done
[[ ${#changed[@]} == 0 ]] || publish "${changed[@]}"
for project in "${programs[@]}"; do
  name=${project##*/}
  note=unchanged
  if [[ " ${changed[*]-} " == *" $project "* ]]; then
    echo "${now[$name]}" >"$work/$name.fingerprint"
    note=compiled
  fi
  printf '%-30s %5s kB  %s\n' "artifacts/bin$suffix/$name" "$(($(stat -c %s "$bin/$name") / 1000))" "$note"
done
