#!/usr/bin/env bash
# build/glibc.sh: brings the C library of Debian 11, against which programs are linked, into artifacts/glibc-ARCH/.
#
#   build/glibc.sh [--arch x64|arm64] [--force]    --force: also when it is there already
#
# A program asks for functions of the C library by the version in which they came. Linked on a newer system it asks for newer ones than
# it needs, and does not start on an older system. Headers and compiler are this machine's.
# The packages come through apt from the machine's own Debian archive. If that has no Debian 11 any more, TWILL_DEBIAN_ARCHIVE says which has.
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
. "$(dirname "$0")/lib/debian.sh"
help_if_asked "$@"
arch=x64 force=''
while [[ $# -gt 0 ]]; do
  case $1 in
    --force) force=yes ;;
    --arch)
      arch=${2:-}
      [[ $arch == x64 || $arch == arm64 ]] || die "--arch takes x64 or arm64, not '$arch'; see --help"
      shift
      ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
  shift
done

# The same files on every machine: the programs' bytes depend on them.
suite=bullseye version=2.31-13+deb11u11
case $arch in
  x64) debian=amd64 machine=x86_64-linux-gnu ;;
  arm64) debian=arm64 machine=aarch64-linux-gnu ;;
esac
to=$root/artifacts/glibc-$arch
[[ $force || $(cat "$to/version" 2>/dev/null) != "$version" ]] || exit 0

mkdir -p "$root/artifacts"
exec 9>"$to.lock" && flock 9
[[ $force || $(cat "$to/version" 2>/dev/null) != "$version" ]] || exit 0 # another run brought it

step "Bringing the C library of Debian 11 for $arch"
work=$(mktemp -d "$root/artifacts/.glibc.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/apt" "$work/files" "$work/glibc"
release_source "$suite" >"$work/apt/sources.list"
apt_for "$work/apt" "$debian"
(cd "$work" && "${apt[@]}" update && "${apt[@]}" download "libc6=$version" "libc6-dev=$version") >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; die "apt did not bring libc6 and libc6-dev $version of Debian 11; if $(sed 's/.*] //' "$work/apt/sources.list") is gone, set TWILL_DEBIAN_ARCHIVE"; }
for package in "$work"/*.deb; do dpkg-deb --extract "$package" "$work/files"; done

# What a linker needs, in one directory: the packages' own links and scripts name places below /. Start files too: those of glibc 2.34 and newer
# leave constructors to the C library, and older ones run none then.
cd "$work/glibc"
cp "$work/files/usr/lib/$machine"/{crt1.o,Scrt1.o,crti.o,crtn.o,libc_nonshared.a} .
cp -L "$work/files/lib/$machine"/ld-linux*.so.? "$work/files/lib/$machine"/lib{c,m,dl,pthread,rt}.so.? .
for name in m dl pthread rt; do ln -s lib$name.so.? "lib$name.so"; done
echo "GROUP ( libc.so.6 libc_nonshared.a AS_NEEDED ( $(echo ld-linux*) ) )" >libc.so
echo "$version" >version
rm -rf "$to"
mv "$work/glibc" "$to"
