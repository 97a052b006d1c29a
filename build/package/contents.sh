# shellcheck shell=bash
# What package.sh puts into packages, and where. Uses $root, $version and $SOURCE_DATE_EPOCH.

parts=$root/build/package
. "$parts/manual.sh"

# arch_of_dotnet ARCH: .NET's name of an architecture of Debian's.
arch_of_dotnet() { case $1 in amd64) echo x64 ;; *) echo "$1" ;; esac; }

# bin_of ARCH: where publish.sh has the programs.
bin_of() { case $1 in amd64) echo "$root/artifacts/bin" ;; *) echo "$root/artifacts/bin-$1" ;; esac; }

# program ARCH NAME ARGUMENT...: runs a program, that of another architecture by qemu.
program() {
  local runner=()
  [[ $1 != arm64 || $(uname -m) == aarch64 ]] || runner=(qemu-aarch64-static -L /usr/aarch64-linux-gnu)
  ${runner[@]+"${runner[@]}"} "$(bin_of "$1")/$2" "${@:3}"
}

# lay_out_files DIR ARCH: what the tarball has; the other packages take their files from there.
lay_out_files() {
  local to=$1 arch=$2 name
  install -d "$to"/conf/kubernetes "$to"/doc/monitoring
  for name in twill twill-ipam twilld; do install -m 755 "$(bin_of "$arch")/$name" "$to/$name"; done
  install -m 644 "$root"/{LICENSE,README.md} "$to/"
  install -m 644 "$root"/conf/*.conflist "$root"/conf/*.service "$to/conf/"
  install -m 644 "$root"/conf/*.md "$root"/{CHANGELOG,SECURITY}.md "$to/doc/"
  install -m 644 "$root"/conf/monitoring/* "$to/doc/monitoring/"
  install -m 644 "$root"/conf/kubernetes/* "$to/conf/kubernetes/"
  read_help "$to/../help" "$arch"
  manual_pages "$to/man"
  completions "$to/completions"
}

# glibc_of FILE...: the newest version of the C library's interface that programs ask for; nothing for static ones.
glibc_of() { objdump -T "$@" 2>/dev/null | sed -nE 's/.*GLIBC_([0-9.]+).*/\1/p' | sort -uV | tail -n 1; }

# lay_out_deb FILES DIR ARCH: the package's tree, from what lay_out_files made.
lay_out_deb() {
  local from=$1 to=$2 arch=$3 name
  local share=$to/usr/share
  install -d "$to"/{DEBIAN,opt/cni/bin,usr/bin,usr/lib/cni,usr/lib/systemd/system}
  install -d "$share"/{twill/kubernetes,doc/twill/monitoring,lintian/overrides}

  # One file of each program. Links lead to it from where Debian's containerd and podman look for plugins, and from PATH.
  install -m 755 "$from"/{twill,twill-ipam,twilld} "$to/opt/cni/bin/"
  for name in twill twill-ipam; do ln -s "/opt/cni/bin/$name" "$to/usr/lib/cni/$name"; done
  for name in twill twilld; do ln -s "/opt/cni/bin/$name" "$to/usr/bin/$name"; done
  install -m 644 "$from"/conf/*.service "$to/usr/lib/systemd/system/"

  install -d "$share"/{man/man5,man/man8,bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
  for name in man5 man8; do install -m 644 "$from/man/$name"/* "$share/man/$name/"; done
  gzip -n -9 "$share"/man/man?/*
  install -m 644 "$from"/completions/bash/* "$share/bash-completion/completions/"
  install -m 644 "$from"/completions/zsh/* "$share/zsh/vendor-completions/"
  install -m 644 "$from"/completions/fish/* "$share/fish/vendor_completions.d/"

  # Samples are not documents: many a small system leaves /usr/share/doc out.
  install -m 644 "$from"/conf/*.conflist "$share/twill/"
  install -m 644 "$from"/conf/kubernetes/* "$share/twill/kubernetes/"
  ln -s ../../twill "$share/doc/twill/examples"
  install -m 644 "$from"/doc/*.md "$share/doc/twill/"
  install -m 644 "$from"/doc/monitoring/* "$share/doc/twill/monitoring/"
  gzip -n -9 "$share/doc/twill/CHANGELOG.md"
  install -m 644 "$parts/copyright" "$share/doc/twill/"
  install -m 644 "$parts/lintian-overrides" "$share/lintian/overrides/twill"
  debian_changelog | gzip -n -9 >"$share/doc/twill/changelog.gz"

  control "$arch" "$(glibc_of "$from"/{twill-ipam,twilld})" "$(du -sk --apparent-size "$to" | cut -f 1)" >"$to/DEBIAN/control"
  install -m 755 "$parts"/{postinst,prerm,postrm} "$to/DEBIAN/"
  (cd "$to" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$to/DEBIAN/md5sums"
  chmod 644 "$to/DEBIAN"/{control,md5sums}
}

# control ARCH GLIBC KILOBYTES: the package's description.
control() { sed -e "s/@VERSION@/$version/; s/@ARCH@/$1/; s/@GLIBC@/$2/; s/@SIZE@/$3/" "$parts/control"; }

# debian_changelog: what Debian's tools read a version and its date from.
debian_changelog() {
  cat <<END
twill ($version) unstable; urgency=medium

  * CHANGELOG.md.gz beside this file has what changed.

 -- $(sed -n 's/^Maintainer: //p' "$parts/control")  $(date -R -d "@$SOURCE_DATE_EPOCH")
END
}

# write_sbom ARCH: what the programs are made of, as CycloneDX.
write_sbom() {
  local arch=$1 name packages lock
  packages=$(dotnet nuget locals global-packages --list | sed 's/^global-packages: //')
  for name in cni/twill ipam/twill-ipam cni/twilld; do
    lock=$root/$name/packages.lock.json
    jq -c --arg program "${name##*/}" --arg rid "linux-$(arch_of_dotnet "$arch")" -f "$parts/locked.jq" "$lock"
  done | with_files_of "$packages" |
    jq -s --arg version "$version" --arg arch "$arch" --argjson epoch "$SOURCE_DATE_EPOCH" --slurpfile programs <(hashes_of "$arch") -f "$parts/sbom.jq"
}

# hashes_of ARCH: each program and its SHA-256.
hashes_of() {
  local name
  for name in twill twill-ipam twilld; do
    jq -n --arg name "$name" --arg sha256 "$(sha256sum "$(bin_of "$1")/$name" | cut -d ' ' -f 1)" '$ARGS.named'
  done
}

# with_files_of DIR: to each locked package on standard input its licence and the hash of its file, from where dotnet unpacked it.
with_files_of() {
  local line id at license
  while read -r line; do
    id=$(jq -r '"\(.name)/\(.version)"' <<<"$line")
    at=$1/${id,,}
    [[ -d $at ]] || die "$at is missing: the packages that the lock files name are restored by build/publish.sh"
    license=$(sed -nE 's/.*<license type="expression">([^<]+)<.*/\1/p' "$at"/*.nuspec)
    [[ $license ]] || die "$at has no licence by name: say in build/package/contents.sh which it is"
    jq -c --arg license "$license" --arg sha512 "$(sha512sum "$at"/*.nupkg | cut -d ' ' -f 1)" \
      --arg unpacked "$(jq -r .contentHash "$at/.nupkg.metadata")" '. + {$license, $sha512, $unpacked}' <<<"$line"
  done
}
