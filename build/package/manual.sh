# shellcheck shell=bash
# Manual pages and completions, from what the programs say of themselves (--help) and from conf/CONFIGURATION.md: an option that a program
# gets is in both without further ado. Uses $root, $version and $SOURCE_DATE_EPOCH.

help_texts=''

# read_help DIR ARCH: has each program and each command say how it is used, into files from which everything below is made.
read_help() {
  local name
  help_texts=$1
  install -d "$help_texts"
  for name in twill twill-ipam twilld; do program "$2" "$name" --help >"$help_texts/$name"; done
  for name in $(commands); do program "$2" "$(carries_out "$name")" "$name" --help >"$help_texts/twill $name"; done
}

# carries_out COMMAND: the program that does what a command of `twill` asks for. twill becomes it, which qemu cannot follow.
carries_out() { case $1 in up | preflight | names | attach | detach | address | support | trace | convert) echo twilld ;; *) echo twill ;; esac; }

# commands: the operator's commands.
commands() { sed -nE 's/^  twill ([a-z][a-z-]*)  .*/\1/p' "$help_texts/twill"; }

# roff_of NAME: what a program or a command (`twill status`) says, for a manual page.
roff_of() { awk -v as=roff -f "$parts/help.awk" "$help_texts/$1"; }

# options_of NAME: its options as a table.
options_of() { awk -v as=table -f "$parts/help.awk" "$help_texts/$1"; }

# page_head NAME SECTION WHAT: how a manual page begins.
page_head() {
  printf '.TH %s %s %s "twill %s" "%s"\n' "${1^^}" "$2" "$(date -d "@$SOURCE_DATE_EPOCH" +%F)" "$version" \
    "$([[ $2 == 8 ]] && echo 'System Administration' || echo 'File Formats')"
  printf '.SH NAME\n%s \\- %s\n' "${1//-/\\-}" "$3"
}

# page_tail PAGE...: how it ends; the pages to read on.
page_tail() {
  local page seen=''
  printf '.SH "SEE ALSO"\n'
  for page in "$@"; do
    printf '%s.BR %s (%s)' "$seen" "${page%.*}" "${page##*.}"
    seen=$' ,\n'
  done
  echo
}

# files_section: where everything is.
files_section() {
  cat <<'END'
.SH FILES
.TP
.I /etc/cni/net.d/*.conflist
the networks, see
.BR twill.conflist (5)
.TP
.I /opt/cni/bin
the programs
.TP
.I /run/twill
run\-time state: leases, published ports
.TP
.I /var/lib/cni/twill
which container has which address, and the host's identity
.TP
.I /usr/share/twill
samples of network configurations
END
}

# manual_pages DIR: all of them, in man5 and man8.
manual_pages() {
  local to=$1 command
  install -d "$to"/{man5,man8}
  {
    page_head twill 8 'CNI plugin that connects containers, and the operator'"'"'s commands'
    printf '.SH SYNOPSIS\n.B twill\n.I COMMAND\n.RI [ OPTION ]...\n.SH DESCRIPTION\n'
    roff_of twill
    printf '.SH COMMANDS\n'
    for command in $(commands); do
      printf '.SS "twill %s"\n' "$command"
      roff_of "twill $command"
    done
    files_section
    page_tail twilld.8 twill-ipam.8 twill.conflist.5
  } >"$to/man8/twill.8"
  {
    page_head twilld 8 'node agent of twill'
    printf '.SH SYNOPSIS\n.B twilld\n.RI [ OPTION ]...\n.SH DESCRIPTION\n'
    roff_of twilld
    files_section
    page_tail twill.8 twill-ipam.8 twill.conflist.5
  } >"$to/man8/twilld.8"
  {
    page_head twill-ipam 8 'CNI plugin that leases a subnet and hands out addresses'
    printf '.SH DESCRIPTION\n'
    roff_of twill-ipam
    files_section
    page_tail twill.8 twilld.8 twill.conflist.5
  } >"$to/man8/twill-ipam.8"
  {
    page_head twill.conflist 5 'configuration of a network of twill'
    printf '.SH DESCRIPTION\n'
    awk -f "$parts/markdown.awk" "$root/conf/CONFIGURATION.md"
    printf '.SH EXAMPLE\n.EX\n'
    sed 's/\\/\\e/g; s/-/\\-/g' "$root/conf/10-twill.conflist"
    printf '.EE\n'
    files_section
    page_tail twill.8 twilld.8 twill-ipam.8
  } >"$to/man5/twill.conflist.5"
}

# completions DIR: for bash, zsh and fish.
completions() {
  local to=$1 shell
  install -d "$to"/{bash,zsh,fish}
  for shell in bash zsh fish; do
    complete_in_$shell "$to/$shell"
  done
}

# words_of TABLE: the options of a table, in one line.
words_of() { cut -f 1 <<<"$1" | tr '\n' ' ' | sed 's/ $//'; }

# complete_in_bash DIR
complete_in_bash() {
  local command
  {
    cat <<'END'
# bash completion for twill
_twill() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words='' word
    COMPREPLY=()
    case $previous in
        --conf-dir | --conf | --out | --ca | --cert | --key | --password-file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --network) mapfile -t COMPREPLY < <(compgen -W "$(sed -nE 's/^ *"name": *"([^"]+)".*/\1/p' /etc/cni/net.d/*.conflist 2>/dev/null)" -- "$current"); return ;;
    esac
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
END
    for command in $(commands); do
      printf "            %s) words='%s' ;;\n" "$command" "$(words_of "$(options_of "twill $command")")"
    done
    cat <<END
        esac
    done
    if [[ -z \$words ]]; then
        words='$(commands | tr '\n' ' ')--help --version'
    fi
    mapfile -t COMPREPLY < <(compgen -W "\$words" -- "\$current")
}
complete -F _twill twill
END
  } >"$1/twill"
  cat >"$1/twilld" <<END
# bash completion for twilld
_twilld() {
    local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    case \$previous in
        --conf-dir | --conf) mapfile -t COMPREPLY < <(compgen -f -- "\$current"); return ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W '$(words_of "$(options_of twilld)")' -- "\$current")
}
complete -F _twilld twilld
END
}

# zsh_options TABLE: as _arguments takes them.
zsh_options() {
  awk -F '\t' '{
    text = $3; gsub(/[\[\]:'"'"'\\]/, " ", text); sub(/[.,;(].*/, "", text)
    printf " \\\n        '"'"'%s[%s]%s'"'"'", $1, text, $2 == "" ? "" : ":" $2 ":" ($2 ~ /^(DIR|FILE)$/ ? "_files" : "")
  }' <<<"$1"
}

# complete_in_zsh DIR
complete_in_zsh() {
  local command
  {
    printf '#compdef twill\n_twill() {\n    local -a commands=(\n'
    sed -nE "s/^  twill ([a-z][a-z-]*)  +(.*)/\1:\2/p" "$help_texts/twill" | sed "s/'/ /g; s/.*/        '&'/"
    printf '    )\n    case ${words[(r)(%s)]} in\n' "$(commands | paste -sd '|')"
    for command in $(commands); do
      printf '    %s) _arguments%s ;;\n' "$command" "$(zsh_options "$(options_of "twill $command")")"
    done
    printf "    *) _describe command commands; _arguments '--help[how it is used]' '--version[its version]' ;;\n    esac\n}\n_twill \"\$@\"\n"
  } >"$1/_twill"
  printf '#compdef twilld\n_arguments%s\n' "$(zsh_options "$(options_of twilld)")" >"$1/_twilld"
}

# fish_options PROGRAM TABLE [CONDITION]
fish_options() {
  awk -F '\t' -v program="$1" -v condition="${3:-}" '{
    text = $3; gsub(/['"'"'\\]/, " ", text); option = $1; sub(/^--/, "", option)
    printf "complete -c %s%s -l %s%s -d '"'"'%s'"'"'\n", program, condition == "" ? "" : " -n '"'"'" condition "'"'"'", option,
      $2 == "" ? "" : ($2 ~ /^(DIR|FILE)$/ ? " -r -F" : " -x"), text
  }' <<<"$2"
}

# complete_in_fish DIR
complete_in_fish() {
  local command
  {
    printf '# fish completion for twill\ncomplete -c twill -f\n'
    sed -nE "s/^  twill ([a-z][a-z-]*)  +(.*)/\1\t\2/p" "$help_texts/twill" | while IFS=$'\t' read -r command what; do
      printf "complete -c twill -n __fish_use_subcommand -a %s -d '%s'\n" "$command" "${what//\'/ }"
    done
    printf 'complete -c twill -n __fish_use_subcommand -l help\ncomplete -c twill -n __fish_use_subcommand -l version\n'
    for command in $(commands); do
      fish_options twill "$(options_of "twill $command")" "__fish_seen_subcommand_from $command"
    done
  } >"$1/twill.fish"
  { printf '# fish completion for twilld\ncomplete -c twilld -f\n' && fish_options twilld "$(options_of twilld)"; } >"$1/twilld.fish"
}
