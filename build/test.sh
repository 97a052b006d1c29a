#!/usr/bin/env bash
# build/test.sh: builds everything, publishes the programs and runs all tests.
#
#   build/test.sh              everything
#   build/test.sh --unit       what needs neither root, network, etcd, Debian packages nor published programs; under a minute after a build
#   build/test.sh --kernel     what needs root or etcd but no published programs: Kernel.Tests, and the marked tests of the other projects
#   build/test.sh --e2e        only EndToEnd.Tests (published programs on hosts made of namespaces; root)
#   build/test.sh --only NAME  the tests whose full name contains NAME, of any ring; builds and publishes only what these need:
#                              a class (WireGuardKeyTests), a test (Del_twice_and_without), a part of either, or Class.Test
#   build/test.sh NAME...      only the test projects with these names, e.g. Twill.Cni.Tests
#
# Jobs run side by side, two at a time; each that ends says how long it took and how many are left. A test project that takes longer than
# TWILL_TEST_LIMIT (30m) is killed, which counts as a failed test.
# Of everything: tests that fail run once more at the end, with nothing beside them. One that passes then is named as unsteady and counts as passed.
# The last line is `N passed, N failed, N skipped`. The exit code is 0 when nothing failed and something passed; with
# CI=true in the environment a skipped test is a failure as well. Results and logs: artifacts/test/.
set -euo pipefail
. "$(dirname "$0")/lib/say.sh"
. "$(dirname "$0")/lib/compiler.sh"
help_if_asked "$@"
cd "$root"

# Debian's programs come first: the tests start thousands, and what a version manager puts before them is a shell script for each.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# What runs for seconds does not get back what it costs the JIT to look where it could be faster: 30 % of a test project's processor time.
export DOTNET_TieredPGO=0
limit=${TWILL_TEST_LIMIT:-30m}
results=$root/artifacts/test
framework=$(sed -nE 's/.*<TargetFramework>(.*)<\/TargetFramework>.*/\1/p' Directory.Build.props)

# The traits that [RequiresRootFact], [RequiresRootTheory] and [RequiresEtcd] give a test.
without_needs='Requires!=root&Requires!=etcd'
with_needs='Requires=root|Requires=etcd'

others=()
for project in tests/*.Tests; do
  [[ $project == */Kernel.Tests || $project == */EndToEnd.Tests ]] || others+=("${project#tests/}")
done

# files_of NAME: the test sources that NAME can be in: those with each of its parts between dots, or, where a class inherits its tests,
# those of the projects that have each part somewhere.
files_of() {
  local name=$1 part files=() found project
  mapfile -t files < <(find tests/*.Tests \( -name bin -o -name obj \) -prune -o -name '*.cs' -print)
  found=("${files[@]}")
  for part in ${name//./ }; do
    mapfile -t found < <([[ ${#found[@]} == 0 ]] || grep -lF -- "$part" "${found[@]}")
  done
  if [[ ${#found[@]} == 0 ]]; then
    for project in tests/*.Tests; do
      for part in ${name//./ }; do
        grep -rqF --include='*.cs' --exclude-dir=obj -- "$part" "$project" || continue 2
      done
      found+=("$project"/*.cs)
    done
  fi
  [[ ${#found[@]} == 0 ]] || printf '%s\n' "${found[@]}"
}

# Which projects run, and of each which tests ('' for all).
chosen=() only='' needs=yes
declare -A filter=()
choose() { chosen+=("$1"); filter[$1]=${2:-}; }
# End-to-end tests that need what few need (programs for another processor or of an earlier version, roots of other systems), or compile, are a
# run of their own: the others need not wait for these.
further=-further mark='[Trait("Programs", "further")]'
choose_end_to_end() {
  choose EndToEnd.Tests 'Programs!=further'
  choose EndToEnd.Tests$further 'Programs=further'
}
whole=$([[ $# == 0 ]] && echo yes || true)
[[ $# -gt 0 ]] || set -- --all
while [[ $# -gt 0 ]]; do
  case $1 in
    --all)
      choose_end_to_end
      choose Kernel.Tests
      for name in "${others[@]}"; do choose "$name"; done
      ;;
    --unit)
      [[ ${#chosen[@]} == 0 && $# == 1 ]] || die "--unit goes with nothing else; see --help"
      for name in "${others[@]}"; do choose "$name" "$without_needs"; done
      export TWILL_TEST_RING=unit # what needs more than this ring has fails and says which mark it lacks
      needs=''
      ;;
    --kernel)
      choose Kernel.Tests
      for name in "${others[@]}"; do
        ! grep -rq --include='*.cs' --exclude-dir=obj '\[Requires' "tests/$name" || choose "$name" "$with_needs"
      done
      ;;
    --e2e) choose_end_to_end ;;
    --only)
      [[ ${#chosen[@]} == 0 && $# == 2 ]] || die "--only goes with one name and nothing else; see --help"
      only=$2
      shift
      [[ $only =~ ^[A-Za-z0-9_.]+$ ]] || die "--only takes a part of a test's name, made of letters, digits, '_' and '.': '$only'"
      mapfile -t sources < <(files_of "$only")
      [[ ${#sources[@]} -gt 0 ]] || die "no test's name contains '$only'"
      for name in $(printf '%s\n' "${sources[@]}" | cut -d/ -f2 | sort -u); do choose "$name" "FullyQualifiedName~$only"; done
      [[ ${filter[EndToEnd.Tests]+there} || ${filter[Kernel.Tests]+there} ]] || grep -q '\[Requires' "${sources[@]}" || needs=''
      ;;
    *)
      [[ -d tests/$1 && $1 == *.Tests ]] || die "no such test project: '$1'; see --help"
      if [[ $1 == EndToEnd.Tests ]]; then choose_end_to_end; else choose "$1"; fi
      ;;
  esac
  shift
done

rm -rf "$results"
mkdir -p "$results"

[[ -z $needs ]] || build/deps.sh

share_compiler
trap end_compiler EXIT
step Build
if [[ $only ]]; then
  for name in "${chosen[@]}"; do dotnet build "tests/$name" --nologo -v q; done
else
  dotnet build Cni.sln --nologo -v q
fi

passed=0 failed=0 skipped=0 problems=() unsteady=()
declare -A running=() began=()
trap 'kill "${!running[@]}" 2>/dev/null || true; end_compiler' EXIT

# count NAME CODE: adds up a project's results; a run that ended without an orderly result counts as one failure.
count() {
  local name=$1 code=$2 counters total executed good bad
  counters=$(grep -o '<Counters [^>]*>' "$results/$name.trx" 2>/dev/null | head -n 1 || true)
  field() { sed -nE "s/.* $1=\"([0-9]+)\".*/\1/p" <<<"$counters"; }
  total=$(field total) executed=$(field executed) good=$(field passed) bad=$(field failed)
  passed=$((passed + ${good:-0}))
  failed=$((failed + ${bad:-0}))
  skipped=$((skipped + ${total:-0} - ${executed:-0}))
  if [[ $code == 124 || $code == 137 ]]; then
    failed=$((failed + 1))
    problems+=("$name was killed after $limit (TWILL_TEST_LIMIT); artifacts/test/$name.log names the tests that ran for long")
  elif [[ $code != 0 && ${bad:-0} == 0 ]]; then
    failed=$((failed + 1))
    problems+=("$name ended with code $code without naming a failed test; its log is artifacts/test/$name.log")
  elif [[ ${total:-0} == 0 && -z $only ]]; then
    problems+=("$name ran no test")
  fi
}

# The jobs: what runs beside the script, each with its log in artifacts/test/.
publish() {
  local cnitool code=0
  build/cnitool.sh & # which waits for a mirror most of the time
  cnitool=$!
  build/publish.sh || code=$?
  wait "$cnitool" && return "$code"
}
publish_further() { build/publish.sh --arch arm64 && build/former.sh && build/roots.sh; }
# The build has judged code style with the same rules (EnforceCodeStyleInBuild); what it cannot judge is white space.
format() { dotnet format whitespace --folder . --verify-no-changes --exclude artifacts; }
run() { run_filtered "${1%"$further"}" "${filter[$1]}" "$1.trx"; }

# run_filtered PROJECT FILTER RESULT: the tests of a project that a filter leaves ('' for all); the result is a file in artifacts/test/.
run_filtered() {
  # The model of the lease protocol makes garbage all the time: with 128 MB between two collections it takes half the processor time.
  [[ $1 != Twill.Cluster.Tests ]] || export DOTNET_GCgen0size=0x8000000 DOTNET_TieredPGO=1
  # Agents of the published program start in a tenth of the processor time; one that this run has not made may be of other sources.
  [[ $1 != twilld.Tests || ${ended[publish]-} != 0 ]] || export TWILL_TEST_TWILLD=$root/artifacts/bin/twilld
  exec timeout --kill-after=20s "$limit" dotnet test "tests/$1/bin/Debug/$framework/$1.dll" --nologo \
    ${2:+--filter "$2"} --results-directory "$results" --logger "trx;LogFileName=$3" --logger 'console;verbosity=minimal'
}

# failed_in RESULT: the tests that failed, by full name without the arguments of a theory.
failed_in() { sed -nE 's/.*<UnitTestResult .*testName="([^"(]+).* outcome="Failed".*/\1/p' "$results/$1" 2>/dev/null | sort -u; }

# start NAME COMMAND...: a job of that name.
start() {
  local name=$1
  shift
  ("$@") >"$results/$name.log" 2>&1 &
  running[$!]=$name
  began[$name]=$SECONDS
}

# await: waits for the end of a job, and says how it went.
await() {
  local job code=0 name log
  wait -n -p job "${!running[@]}" || code=$?
  name=${running[$job]} log=$results/${running[$job]}.log
  unset "running[$job]"
  ended[$name]=$code
  step "$name: $((SECONDS - began[$name])) s; job ${#ended[@]} of $total${running[*]:+, now ${running[*]}}"
  case $name in
    *.Tests | *.Tests$further)
      grep -Ev '^(Test run for|A total of|Results File:|Starting test|$)|No test matches the given|Non-serializable data' "$log" || true
      count "$name" "$code"
      ;;
    *)
      cat "$log"
      if [[ $code != 0 ]]; then
        failed=$((failed + 1))
        problems+=("$name failed; its log is artifacts/test/$name.log")
      fi
      ;;
  esac
}

# The jobs, in the order in which they start, two at a time: first what others wait for, then what takes longest.
declare -A needed=() ended=()
declare -A after=([EndToEnd.Tests]=publish [publish$further]=publish [EndToEnd.Tests$further]=publish$further)
for name in "${chosen[@]}"; do needed[$name]=yes; done
[[ -z $whole ]] || needed[format]=yes
[[ -z ${needed[EndToEnd.Tests]-} ]] || needed[publish]=yes
[[ -z ${needed[EndToEnd.Tests$further]-} ]] || needed[publish$further]=yes
[[ -z ${needed[publish]-} ]] || after[twilld.Tests]=publish
if [[ $only && ${needed[EndToEnd.Tests]-} ]] && grep -qF "$mark" "${sources[@]}"; then
  needed[publish$further]=yes
  after[EndToEnd.Tests]=publish$further
fi
waiting=()
for name in publish Kernel.Tests EndToEnd.Tests publish$further "${others[@]}" format EndToEnd.Tests$further; do
  [[ -z ${needed[$name]-} ]] || waiting+=("$name")
done
total=${#waiting[@]}
while [[ ${#waiting[@]} -gt 0 || ${#running[@]} -gt 0 ]]; do
  for i in "${!waiting[@]}"; do
    name=${waiting[$i]} before=${after[${waiting[$i]}]-}
    [[ ${#running[@]} -lt 2 ]] || break
    if [[ $before ]]; then
      [[ ${ended[$before]+there} ]] || continue
      [[ ${ended[$before]} == 0 ]] || { unset "waiting[$i]"; ended[$name]=1; continue; }
    fi
    unset "waiting[$i]"
    case $name in
      *.Tests | *.Tests$further) start "$name" run "$name" ;;
      *) start "$name" "${name//-/_}" ;;
    esac
  done
  [[ ${#running[@]} == 0 ]] || await
done

# Once more, alone, what failed: a machine that does many things at once may be late for a test, and a fault stays.
# Many failures are no lateness.
for name in ${whole:+"${chosen[@]}"}; do
  mapfile -t bad < <(failed_in "$name.trx")
  [[ ${#bad[@]} -gt 0 && ${#bad[@]} -le 5 ]] || continue
  before=$(grep -c '<UnitTestResult .* outcome="Failed"' "$results/$name.trx")
  step "$name: what failed, once more"
  (run_filtered "${name%"$further"}" "$(printf 'FullyQualifiedName=%s|' "${bad[@]}" | sed 's/|$//')" "$name.again.trx") || true
  [[ -s $results/$name.again.trx ]] || continue
  still=$(grep -c '<UnitTestResult .* outcome="Failed"' "$results/$name.again.trx" || true)
  ran=$(grep -c '<UnitTestResult ' "$results/$name.again.trx" || true)
  [[ $ran -ge $before && $still -lt $before ]] || continue
  passed=$((passed + before - still))
  failed=$((failed - before + still))
  mapfile -t steady < <(comm -23 <(printf '%s\n' "${bad[@]}") <(failed_in "$name.again.trx"))
  unsteady+=("${steady[@]}")
done

# What tests counted (tests/Twill.Testing/Figures.cs).
if [[ -d $results/figures ]]; then
  step Figures
  cat "$results"/figures/*.txt
fi

[[ -z $only || $((passed + failed + skipped)) -gt 0 ]] || problems+=("no test's name contains '$only'")
echo
for problem in "${problems[@]}"; do printf '%s%s%s\n' "$red" "$problem" "$plain"; done
for name in "${unsteady[@]}"; do printf 'unsteady: %s failed beside others and passed alone\n' "$name"; done
for name in "${chosen[@]}"; do
  result=$name.again.trx
  [[ -s $results/$result ]] || result=$name.trx
  for test in $(failed_in "$result"); do printf '%sfailed: %s%s\n' "$red" "$test" "$plain"; done
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[[ $failed == 0 && $passed -gt 0 ]] || exit 1
[[ ${CI:-} != true || ( $skipped == 0 && ${#problems[@]} == 0 ) ]] || exit 1
