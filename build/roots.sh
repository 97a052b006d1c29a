#!/usr/bin/env bash
# build/roots.sh: brings root directories of other systems into artifacts/roots/, on which tests install and run what was built.
#
#   debian-11, debian-12, debian-13   a small Debian of that release: dpkg, a shell, ip, ping, OpenSSL
#   busybox                           busybox alone; busybox-glibc has the files of Debian 11's C library besides
#
#   build/roots.sh [--force]    --force: also those that are there already
#
# The packages come through apt from the machine's own Debian archive, and are unpacked. None of their scripts runs. If that archive has no
# Debian 11 any more, TWILL_DEBIAN_ARCHIVE says which has.
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
. "$(dirname "$0")/lib/debian.sh"
help_if_asked "$@"
force=''
case ${1:-} in
  '') ;;
  --force) force=yes ;;
  *) die "unknown argument '$1'; see --help" ;;
esac

packages=(base-files libc-bin dash coreutils sed grep diffutils dpkg iproute2 iputils-ping)
roots=$root/artifacts/roots arch=$(dpkg --print-architecture)
mkdir -p "$roots"
exec 9>"$roots/lock" && flock 9
work=$(mktemp -d "$roots/.roots.XXXXXX")
trap 'rm -rf "$work"' EXIT

# bring NUMBER SUITE LIBSSL: a release of Debian.
bring() {
  local dir=$work/$1 apt=() package name fields
  mkdir -p "$dir/apt" "$dir/root"/{proc,sys,dev,tmp,run,opt,etc,root,work,usr/bin,usr/sbin,usr/lib,usr/lib64,var/lib/dpkg/info,var/lib/dpkg/updates}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$dir/root/$name"; done
  release_source "$2" >"$dir/apt/sources.list"
  apt_for "$dir/apt" "$arch"
  { "${apt[@]}" update && "${apt[@]}" --yes --download-only install "${packages[@]}" "$3"; } >"$dir/log" 2>&1 ||
    { cat "$dir/log" >&2; die "apt did not bring Debian $1; if $(sed 's/.*] //' "$dir/apt/sources.list") is gone, set TWILL_DEBIAN_ARCHIVE"; }
  for package in "$dir"/apt/archives/*.deb; do
    name=$(dpkg-deb --show --showformat '${Package}' "$package")
    fields=$(dpkg-deb --field "$package")
    ! grep -qx 'Multi-Arch: same' <<<"$fields" || name+=:$arch
    dpkg-deb --fsys-tarfile "$package" | tar -C "$dir/root" --keep-directory-symlink -xvf - |
      sed 's|^\.||; s|/$||; s|^$|/.|' >"$dir/root/var/lib/dpkg/info/$name.list"
    # dpkg there knows them as installed, so it sees what a package depends on.
    sed '/^Package:/a Status: install ok installed' <<<"$fields" >>"$dir/root/var/lib/dpkg/status"
    echo >>"$dir/root/var/lib/dpkg/status"
  done
  [[ -e $dir/root/bin/sh ]] || ln -s dash "$dir/root/bin/sh" # which dash's own script makes
  rm -rf "$dir/root"/usr/share/{doc,man,locale,info}
  rm -rf "$roots/debian-$1"
  mv "$dir/root" "$roots/debian-$1"
}

# busybox NAME FILE...: busybox, and libraries where the loader looks for them.
busybox() {
  local dir=$work/$1 applet
  mkdir -p "$dir"/{bin,sbin,lib,proc,sys,dev,tmp,run,opt,etc,root,work,var/lib}
  ln -s lib "$dir/lib64"
  cp /bin/busybox "$dir/bin/busybox"
  for applet in $(/bin/busybox --list); do [[ $applet == busybox ]] || ln -s /bin/busybox "$dir/bin/$applet"; done
  ln -s ../run "$dir/var/run"
  [[ $# == 1 ]] || cp -L "${@:2}" "$dir/lib/"
  rm -rf "${roots:?}/$1"
  mv "$dir" "$roots/$1"
}

wants() { [[ $force || ! -d $roots/$1 ]]; }

jobs=()
wants debian-11 && { bring 11 bullseye libssl1.1 & jobs+=($!); }
wants debian-12 && { bring 12 bookworm libssl3 & jobs+=($!); }
wants debian-13 && { bring 13 trixie libssl3t64 & jobs+=($!); }
[[ ${#jobs[@]} == 0 ]] || step "Bringing root directories of Debian releases"
for job in ${jobs[@]+"${jobs[@]}"}; do wait "$job"; done
! wants busybox || busybox busybox
if wants busybox-glibc; then
  busybox busybox-glibc "$roots"/debian-11/lib/*-linux-gnu/lib{c,m,dl,pthread,rt}.so.? "$roots"/debian-11/lib/*-linux-gnu/ld-linux*.so.?
fi
