# shellcheck shell=bash
# The container image: the programs, the libraries that they load, and nothing else. Uses $root, $version, $SOURCE_DATE_EPOCH and $work.

# The Debian packages of the libraries: twill-ipam and twilld need the C library, and TLS to etcd needs OpenSSL.
library_packages=(libc6 libssl3)

# machine_of ARCH: how the paths of libraries name an architecture.
machine_of() { case $1 in amd64) echo x86_64-linux-gnu ;; *) echo aarch64-linux-gnu ;; esac; }

# libraries DIR ARCH: unpacks the packages of the libraries there. Those of this machine's own architecture are on this machine.
libraries() {
  local to=$1 arch=$2 package apt
  install -d "$to"
  if [[ $arch == "$(dpkg --print-architecture)" ]]; then
    for package in "${library_packages[@]}"; do
      dpkg-query -L "$package" | grep -E '\.so(\.|$)|/copyright$' | while read -r file; do
        [[ -f $file ]] && echo "$file"
      done | sed 's|^/||' | tar -C / --files-from=- -cf - | tar -C "$to" -xf -
      dpkg-query -W -f '${Package} ${Version}\n' "$package" >>"$to/versions"
    done
    return
  fi
  # From the same archives, by an apt of its own: this machine's is not told of another architecture.
  apt=$to/apt
  install -d "$apt"/{lists/partial,archives/partial} "$apt/dpkg"
  : >"$apt/dpkg/status"
  (
    cd "$apt"
    set -- -q -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt" \
      -o "Dir::State::Status=$apt/dpkg/status" -o APT::Sandbox::User=root
    apt-get "$@" update && apt-get "$@" download "${library_packages[@]}"
  ) >"$to/apt.log" 2>&1 || { cat "$to/apt.log" >&2; die "apt did not bring ${library_packages[*]} for $arch"; }
  for package in "$apt"/*.deb; do
    dpkg-deb --extract "$package" "$to"
    dpkg-deb --show --showformat '${Package} ${Version}\n' "$package" >>"$to/versions"
  done
}

# needed_by FILE...: the libraries that programs are linked with.
needed_by() { objdump -p "$@" | sed -nE 's/^ *NEEDED +//p' | sort -u; }

# lay_out_image DIR ARCH LIBRARIES: the image's root directory.
lay_out_image() {
  local to=$1 arch=$2 from=$3 machine loader name
  machine=$(machine_of "$arch")
  install -d "$to"/{opt/cni/bin,etc,run,var/lib} "$to/lib/$machine"
  ln -s ../run "$to/var/run" # as on a host: runtimes call namespaces /var/run/netns/NAME
  for name in twill twill-ipam twilld; do install -m 755 "$(bin_of "$arch")/$name" "$to/opt/cni/bin/$name"; done
  loader=$(readelf -l "$to/opt/cni/bin/twilld" | sed -nE 's/.*interpreter: (.*)\]/\1/p')
  for name in $(needed_by "$to"/opt/cni/bin/twill{-ipam,d}) libssl.so.3 libcrypto.so.3; do
    install -m 755 "$(find "$from" -path "*/$machine/$name" | head -n 1)" "$to/lib/$machine/$name"
  done
  install -d "$to$(dirname "$loader")"
  [[ -e $to$loader ]] || ln -s "/lib/$machine/$(basename "$loader")" "$to$loader"
  # Names are asked of files and of DNS, as everywhere.
  echo 'hosts: files dns' >"$to/etc/nsswitch.conf"
  for name in "${library_packages[@]}"; do
    [[ ! -e $from/usr/share/doc/$name/copyright ]] || install -D -m 644 "$from/usr/share/doc/$name/copyright" "$to/usr/share/doc/$name/copyright"
  done
}

# make_image ARCH
make_image() {
  local arch=$1 file=twill-image-linux-$1-v$version.tar.gz dir=$work/$1/image container
  libraries "$dir/libraries" "$arch"
  lay_out_image "$dir/root" "$arch" "$dir/libraries"
  local buildah=(buildah --root "$dir/storage" --runroot "$dir/run" --storage-driver vfs)
  container=$("${buildah[@]}" from --arch "$arch" scratch)
  "${buildah[@]}" copy --quiet "$container" "$dir/root" / >/dev/null
  "${buildah[@]}" config --arch "$arch" --os linux --entrypoint '["/opt/cni/bin/twilld"]' --env PATH=/opt/cni/bin \
    --label org.opencontainers.image.title=twill --label "org.opencontainers.image.version=$version" \
    --label org.opencontainers.image.licenses=Apache-2.0 \
    --label "twill.libraries=$(sort "$dir/libraries/versions" | paste -sd ',' | sed 's/,/, /g')" "$container" 2>/dev/null
  # An OCI layout, which every runtime loads. Docker's own format would name the container that the image was made with.
  "${buildah[@]}" commit --quiet --format oci --timestamp "$SOURCE_DATE_EPOCH" --rm "$container" \
    "oci:$dir/saved:localhost/twill:$version" >/dev/null
  tar -C "$dir/saved" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - . |
    gzip -n >"$work/$file"
  mv "$work/$file" "$out/$file"
  done_with "$out/$file"
}
