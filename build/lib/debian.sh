# shellcheck shell=bash
# Debian's archives through apt, with a configuration of its own: the system's is not changed.

# debian_sources TYPE: the machine's Debian archives as lines of that type (deb or deb-src), from both forms of apt's configuration.
debian_sources() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    sed -nE "s/^deb +(\[[^]]*\] +)?([^ ]*debian\/? .*)/$1 \1\2/p" || true
  local file
  for file in /etc/apt/sources.list.d/*.sources; do
    [[ ! -e $file ]] || awk -v RS= -v type="$1" '
      function field(name,   i, line) {
        for (i = 1; i <= NF; i++) { line = $i; if (index(line, name ":") == 1) { sub(/^[^:]*: */, "", line); return line } }
        return ""
      }
      BEGIN { FS = "\n" }
      /(^|\n)Types:[^\n]*deb/ {
        uris = split(field("URIs"), uri, " "); suites = split(field("Suites"), suite, " "); key = field("Signed-By")
        for (u = 1; u <= uris; u++) if (uri[u] ~ /debian\/?$/) for (s = 1; s <= suites; s++)
          print type " " (key ? "[signed-by=" key "] " : "") uri[u] " " suite[s] " " field("Components")
      }' "$file"
  done
}

# apt_for DIR ARCH: makes an apt of its own in DIR, for packages of an architecture; sets apt=(...), to be run in any directory. The
# archives are those in DIR/sources.list. Nothing is installed for it.
apt_for() {
  mkdir -p "$1"/{lists/partial,archives/partial,dpkg}
  : >"$1/dpkg/status"
  apt=(apt-get -q -o "APT::Architecture=$2" -o "APT::Architectures::=$2" -o "Dir::Etc::SourceList=$1/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o "Dir::State::Lists=$1/lists" -o "Dir::Cache=$1"
    -o "Dir::State::Status=$1/dpkg/status" -o APT::Install-Recommends=false -o APT::Sandbox::User=root)
}

# release_source SUITE: where a release of Debian is: TWILL_DEBIAN_ARCHIVE, or else the machine's own archive.
release_source() {
  local archive=${TWILL_DEBIAN_ARCHIVE:-}
  [[ $archive ]] || archive=$(debian_sources deb | sed -E 's/^deb +(\[[^]]*\] +)?([^ ]+) .*/\2/; q')
  [[ $archive ]] || die "found no Debian archive in /etc/apt/sources.list or /etc/apt/sources.list.d"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $1 main"
}
