#!/usr/bin/env bash
# build/former.sh: builds the programs of the version that hosts upgrade from, for the end-to-end test of upgrades.
#
#   artifacts/upgrade/COMMIT/bin/    twill, twill-ipam and twilld as they were at COMMIT
#
#   build/former.sh [--force]        --force: also when they are there already
#
# The sources come from this clone's own history; they are built by their own build/publish.sh. A clone without that history
# (a shallow one) gets no such programs: the script says so, and the test is skipped.
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

mkdir -p "$former"
work=$(mktemp -d "$former/.source.XXXXXX")
trap 'rm -rf "$work"' EXIT
git -C "$root" archive "$commit" | tar -x -C "$work"
log=$former/publish.log
if ! "$work/build/publish.sh" >"$log" 2>&1; then
  cat "$log" >&2
  die "the programs of $commit were not published; the log is $log"
fi
rm -rf "$former/bin"
mv "$work/artifacts/bin" "$former/bin"
echo "artifacts/upgrade/$commit/bin: the programs of $(git -C "$root" log -1 --format='%h, %cs' "$commit")"
