#!/usr/bin/env bash
# build/former.sh: builds the programs of the version that hosts upgrade from, for the end-to-end test of upgrades.
#
#   artifacts/upgrade/COMMIT/bin/    twill, twill-ipam and twilld as they were at COMMIT
#
#   build/former.sh [--force]        --force: also when they are there already
#
# The sources come from this clone's own history. A clone without that history (a shallow one) gets no such programs: the script says
# so, and the test is skipped. A commit never changes: its programs are kept for other clones in ~/.cache/twill (XDG_CACHE_HOME).
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
help_if_asked "$@"
commit=b2355cb9b9186c6cfe8a76403920821dca511414 # before .NET 10, dotnet-etcd and the rooms of today
former=$root/artifacts/upgrade/$commit
case ${1:-} in
  '') [[ ! -x $former/bin/twilld ]] || exit 0 ;;
  --force) ;;
  *) die "unknown argument '$1'; see --help" ;;
esac

if ! git -C "$root" cat-file -e "$commit^{commit}" 2>/dev/null; then
  echo "no upgrade test: this clone's history lacks $commit; 'git fetch --unshallow' brings it"
  exit 0
fi

kept=${XDG_CACHE_HOME:-$HOME/.cache}/twill/$commit
if [[ ${1:-} != --force && -x $kept/twilld ]]; then
  mkdir -p "$former"
  rm -rf "$former/bin"
  cp -R "$kept" "$former/bin"
  echo "artifacts/upgrade/$commit/bin: the programs that $kept has"
  exit 0
fi

mkdir -p "$former"
work=$(mktemp -d "$former/.source.XXXXXX")
trap 'rm -rf "$work"' EXIT
git -C "$root" archive "$commit" | tar -x -C "$work"
[[ -e $work/Directory.Build.targets ]] || echo '<Project />' >"$work/Directory.Build.targets" # or today's above it would count
log=$former/publish.log
if ! dotnet msbuild "$root/build/Programs.proj" -restore -m:1 -nologo -v:m "-p:Programs=cni/twill ipam/twill-ipam cni/twilld" \
  "-p:Sources=$work/" -p:Runtime=linux-x64 -p:RuntimeIdentifier=linux-x64 "-p:Work=$work/published/" >"$log" 2>&1; then
  cat "$log" >&2
  die "the programs of $commit were not published; the log is $log"
fi
mkdir "$work/bin"
for name in twill twill-ipam twilld; do
  install -m 755 "$work/published/$name/$name" "$work/bin/"
done
rm -rf "$former/bin"
cp -R "$work/bin" "$former/bin"
# Whole or not at all: other clones may look at the same time.
if mkdir -p "${kept%/*}" 2>/dev/null && cp -R "$work/bin" "$kept.$$" 2>/dev/null; then
  mv -T "$kept.$$" "$kept" 2>/dev/null || rm -rf "$kept.$$"
fi
echo "artifacts/upgrade/$commit/bin: the programs of $(git -C "$root" log -1 --format='%h, %cs' "$commit")"
