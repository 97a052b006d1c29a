#!/usr/bin/env bash
# Stands in for a CNI plugin and writes down what its runtime sends: how the calls under tests/twill.Tests/recorded were made.
#
#   install it as /opt/cni/bin/NAME, and the plugin as /opt/cni/recorded/NAME
#
# Each call leaves, in /run/recorded and numbered in the order in which calls began:
#   NN-COMMAND.env     the variables CNI_*, sorted, and EXIT, the plugin's exit code
#   NN-COMMAND.json    standard input, byte for byte
#
# RecordingTests drives each runtime through it and compares with what is kept; with TWILL_RECORD=yes in the environment it writes
# that anew instead.
set -euo pipefail
out=/run/recorded
mkdir -p "$out"
exec 9>"$out/count.lock"
flock 9
number=$(($(cat "$out/count" 2>/dev/null || echo 0) + 1))
echo "$number" >"$out/count"
exec 9>&-

call=$out/$(printf '%02d' "$number")-$CNI_COMMAND
cat >"$call.json"
code=0
"/opt/cni/recorded/$(basename "$0")" <"$call.json" || code=$?
{ env | grep '^CNI_' | sort; echo "EXIT=$code"; } >"$call.env"
exit "$code"
