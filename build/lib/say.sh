# shellcheck shell=bash
# What every script here shares: the repository's root, calm output, --help from a script's own first lines.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' cyan=$'\e[36m' plain=$'\e[0m'
else
  bold='' dim='' green='' red='' cyan='' plain=''
fi

# step TEXT: what happens next.
step() { printf '%s==>%s %s%s%s\n' "$cyan" "$plain" "$bold" "$*" "$plain"; }

# die TEXT: says why on standard error and ends the script.
die() {
  printf '%s%s: %s%s\n' "$red" "$(basename "$0")" "$*" "$plain" >&2
  exit 1
}

# help_if_asked "$@": prints the comment at the top of the calling script for --help.
help_if_asked() {
  local word
  for word in "$@"; do
    if [[ $word == --help || $word == -h ]]; then
      awk 'NR == 1 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$0"
      exit 0
    fi
  done
}

# as_root COMMAND...: runs it as root, through sudo where that is needed.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root for: $*"
  fi
}
