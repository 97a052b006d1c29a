#!/usr/bin/env bash
# build/test.sh: builds everything, publishes the programs and runs all tests.
#
#   build/test.sh              everything
#   build/test.sh --unit       only what needs neither root nor published programs
#   build/test.sh --kernel     only tests/Kernel.Tests (network namespaces; root)
#   build/test.sh --e2e        only tests/EndToEnd.Tests (published programs on hosts made of namespaces; root)
#   build/test.sh NAME...      only the test projects with these names, e.g. Twill.Cni.Tests
#
# The last line is `N passed, N failed, N skipped`. The exit code is 0 when nothing failed and something passed; with
# CI=true in the environment a skipped test is a failure as well. Results and logs: artifacts/test/.
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
help_if_asked "$@"
cd "$root"

all=()
for project in tests/*.Tests; do
  [[ $project == */Kernel.Tests || $project == */EndToEnd.Tests ]] || all+=("${project#tests/}")
done
all+=(Kernel.Tests EndToEnd.Tests)
chosen=()
for word in "$@"; do
  case $word in
    --unit) chosen+=("${all[@]:0:${#all[@]}-2}") ;;
    --kernel) chosen+=(Kernel.Tests) ;;
    --e2e) chosen+=(EndToEnd.Tests) ;;
    *) [[ -d tests/$word && $word == *.Tests ]] || die "no such test project: '$word'; see --help"; chosen+=("$word") ;;
  esac
done
[[ ${#chosen[@]} -gt 0 ]] || chosen=("${all[@]}")
whole=$([[ ${#chosen[@]} == "${#all[@]}" ]] && echo yes || true)

results=$root/artifacts/test
rm -rf "$results"
mkdir -p "$results"

build/deps.sh

step Build
dotnet build Cni.sln --nologo -v q

if [[ $whole ]]; then
  step 'Format'
  dotnet format Cni.sln --verify-no-changes --no-restore
fi
if [[ " ${chosen[*]} " == *' EndToEnd.Tests '* ]]; then
  step Publish
  build/publish.sh
  build/cnitool.sh
fi

passed=0 failed=0 skipped=0 problems=()

# count NAME CODE: adds up a project's results; a run that ended without an orderly result counts as one failure.
count() {
  local name=$1 code=$2 counters total executed good bad
  counters=$(grep -o '<Counters [^>]*>' "$results/$name.trx" 2>/dev/null | head -n 1 || true)
  field() { sed -nE "s/.* $1=\"([0-9]+)\".*/\1/p" <<<"$counters"; }
  total=$(field total) executed=$(field executed) good=$(field passed) bad=$(field failed)
  passed=$((passed + ${good:-0}))
  failed=$((failed + ${bad:-0}))
  skipped=$((skipped + ${total:-0} - ${executed:-0}))
  if [[ $code != 0 && ${bad:-0} == 0 ]]; then
    failed=$((failed + 1))
    problems+=("$name ended with code $code without naming a failed test")
  elif [[ ${total:-0} == 0 ]]; then
    problems+=("$name ran no test")
  fi
}

for name in "${chosen[@]}"; do
  step "$name"
  code=0
  timeout --kill-after=20s 20m dotnet test "tests/$name" --no-build --nologo --results-directory "$results" \
    --logger "trx;LogFileName=$name.trx" --logger 'console;verbosity=minimal' 2>&1 | tee "$results/$name.log" |
    grep -Ev '^(Test run for|A total of|Results File:|$)' || code=${PIPESTATUS[0]}
  count "$name" "$code"
done

# What tests counted (tests/Twill.Testing/Figures.cs).
if [[ -d $results/figures ]]; then
  step Figures
  cat "$results"/figures/*.txt
fi

echo
for problem in "${problems[@]}"; do printf '%s%s%s\n' "$red" "$problem" "$plain"; done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[[ $failed == 0 && $passed -gt 0 ]] || exit 1
[[ ${CI:-} != true || ( $skipped == 0 && ${#problems[@]} == 0 ) ]] || exit 1
