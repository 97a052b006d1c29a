#!/usr/bin/env bash
# build/package.sh: makes what hosts are installed from, in artifacts/packages/.
#
#   twill-linux-ARCH-vVERSION.tgz            the programs at its top, as CNI plugins are shipped, and what belongs to them below
#   twill_VERSION_ARCH.deb                   the package for Debian and its kin
#   twill-linux-ARCH-vVERSION.cdx.json       what the programs are made of (CycloneDX): packages, versions, licences, hashes
#   twill-image-linux-ARCH-vVERSION.tar.gz   a container image of nothing but the programs and the libraries that they load
#   SHA256SUMS                               of all of them
#
#   build/package.sh [--arch amd64|arm64]... [--only tgz,deb,sbom,image] [--out DIR]
#
#   --arch ARCH    only for this architecture; both unless told
#   --only LIST    only these; all unless told
#   --out DIR      there instead of artifacts/packages
#
# The programs are published first, which takes a moment when no source changed. The version stands in Directory.Build.props, the time
# of all files is that of the last commit (or SOURCE_DATE_EPOCH): the same sources give the same bytes.
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
. "$root/build/package/contents.sh"
. "$root/build/package/image.sh"
help_if_asked "$@"
archs=() only=tgz,deb,sbom,image out=$root/artifacts/packages
while [[ $# -gt 0 ]]; do
  case $1 in
    --arch | --only | --out) [[ $# -gt 1 ]] || die "$1 needs a value; see --help" ;;
  esac
  case $1 in
    --arch)
      [[ $2 == amd64 || $2 == arm64 ]] || die "--arch takes amd64 or arm64, not '$2'; see --help"
      archs+=("$2")
      ;;
    --only)
      only=$2
      for kind in ${only//,/ }; do
        [[ $kind =~ ^(tgz|deb|sbom|image)$ ]] || die "--only takes tgz, deb, sbom and image, not '$kind'; see --help"
      done
      ;;
    --out) out=$(realpath -m "$2") ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
  shift 2
done
[[ ${#archs[@]} -gt 0 ]] || archs=(amd64 arm64)

# Nothing of the one who builds gets into what is built.
umask 022
export LC_ALL=C TZ=UTC
version=$(sed -nE 's/.*<Version>(.*)<\/Version>.*/\1/p' "$root/Directory.Build.props")
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "no <Version> like 1.2.3 in Directory.Build.props, but '$version'"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || true)}
[[ $SOURCE_DATE_EPOCH =~ ^[0-9]+$ ]] || die "no commit to take the files' time from: set SOURCE_DATE_EPOCH, in seconds since 1970"
export SOURCE_DATE_EPOCH

mkdir -p "$out" "$root/artifacts"
work=$(mktemp -d "$root/artifacts/.package.XXXXXX")
trap 'rm -rf "$work"' EXIT

wants() { [[ ,$only, == *,$1,* ]]; }

# done_with FILE: shows what was made.
done_with() { printf '%-60s %6s kB\n' "$(realpath --relative-to="$PWD" "$1")" "$(($(stat -c %s "$1") / 1000))"; }

# make_tarball ARCH
make_tarball() {
  local file=twill-linux-$1-v$version.tgz
  # Names as `./twill`, which the tarballs of CNI's own plugins have.
  tar -C "$work/$1/files" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - . |
    gzip -n >"$work/$file"
  mv "$work/$file" "$out/$file"
  done_with "$out/$file"
}

# make_deb ARCH
make_deb() {
  local file=twill_${version}_$1.deb
  lay_out_deb "$work/$1/files" "$work/$1/deb" "$1"
  # xz, which Debian 11's dpkg reads as well; by one thread, for as many would cut the stream into as many blocks. Level 6 would take a
  # tenth off the size, and seven times as long.
  dpkg-deb --root-owner-group --threads-max=1 -Zxz -z1 --build "$work/$1/deb" "$work/$file" >/dev/null
  mv "$work/$file" "$out/$file"
  done_with "$out/$file"
}

# make_sbom ARCH
make_sbom() {
  local file=twill-linux-$1-v$version.cdx.json
  write_sbom "$1" >"$work/$file"
  mv "$work/$file" "$out/$file"
  done_with "$out/$file"
}

for arch in "${archs[@]}"; do
  step "Programs for $arch"
  "$root/build/publish.sh" --arch "$(arch_of_dotnet "$arch")"
  step "Packages for $arch"
  lay_out_files "$work/$arch/files" "$arch"
  for kind in tgz deb sbom image; do
    wants $kind || continue
    case $kind in
      tgz) make_tarball "$arch" ;;
      deb) make_deb "$arch" ;;
      sbom) make_sbom "$arch" ;;
      image) make_image "$arch" ;;
    esac
  done
done

(cd "$out" && sha256sum -- $(ls | grep -E '\.(tgz|gz|deb|json)$') >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
done_with "$out/SHA256SUMS"
