#!/usr/bin/env bash
# Runs benchmarks in a CI job: gives each a verdict, compares it with earlier runs of the default branch, and checks its
# trend. Variables set everything (docs/ci.md); the exit code is the gate's.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=${FLEETLM_OUT:-fleetlm-results}
history=${FLEETLM_HISTORY:-fleetlm-history}
retries=${FLEETLM_RETRIES:-1}
inconclusive=${FLEETLM_INCONCLUSIVE:-fail}
gate=" ${FLEETLM_GATE:-thresholds regression} "
keep=${FLEETLM_KEEP:-false}
readonly KEPT_RUNS=200    # of each benchmark, for the trend
readonly NOISE_RUNS=2     # earlier runs beside the baseline: a difference between them is not a regression
readonly SUMMARY_BYTES=900000  # GitHub takes 1 MiB of a step's summary
readonly PASS=0 FAIL=3 INCONCLUSIVE=4

fail_usage() {
  echo "$1" >&2
  exit 2
}

[[ $retries =~ ^[0-9]$ ]] || fail_usage "FLEETLM_RETRIES is '$retries'; expected a number from 0 to 9"
[[ $inconclusive =~ ^(fail|neutral)$ ]] || fail_usage "FLEETLM_INCONCLUSIVE is '$inconclusive'; expected fail or neutral"
for part in $gate; do
  [[ $part =~ ^(thresholds|regression|trend|nothing)$ ]] ||
    fail_usage "FLEETLM_GATE has '$part'; expected some of thresholds, regression, trend, or nothing"
done

mkdir -p "$out"
summary=$out/summary.md
: > "$summary"

# A cancelled job ends its run cleanly, with a report, and starts no other.
child='' cancelled='' interrupted=''
cancel() {
  cancelled=yes interrupted=yes
  [[ -z $child ]] || kill -TERM "$child" 2> /dev/null || true
}
trap cancel INT TERM HUP

# Runs a command and sets `code` to its exit code. In the background, since bash handles no signal while it waits for a
# command: a `wait` that a signal interrupts returns 128 plus the signal, and the next one how the command ended.
run() {
  local status
  "$@" &
  child=$!
  [[ -z $cancelled ]] || cancel
  interrupted='' code=0
  wait "$child" || code=$?
  while [[ -n $interrupted ]]; do
    interrupted='' status=0
    wait "$child" || status=$?
    ((status == 127)) || code=$status  # 127: the command's own code was returned before
  done
  child=''
}

# Splits a line into `words` as a shell would, without running any of it. The last word shows that there was no mistake.
split() {
  local split_words='
import shlex, sys
try:
    words = shlex.split(sys.argv[1])
except ValueError as mistake:
    sys.exit(str(mistake))
sys.stdout.write("".join(word + "\0" for word in [*words, "whole"]))'
  mapfile -d '' -t words < <(python3 -c "$split_words" "$1")
  ((${#words[@]})) || fail_usage "cannot split '$1' into words; expected quotes in pairs, as in a shell"
  unset 'words[-1]'
}

# Sets `file` to the locustfile that a line names.
find_file() {
  split "$1"
  [[ ${words[0]:-} == *.py ]] && file=${words[0]} || file=$here/locustfiles/${words[0]:-}.py
  [[ -f $file ]] || fail_usage "there is no benchmark '${words[0]:-}': fleetlm-bench list shows them"
}

# Prints the newest runs of a benchmark in the history, newest first.
kept_runs() {
  [[ ! -d $history/$1 ]] || find "$history/$1" -mindepth 2 -maxdepth 2 -name summary.json -printf '%h\n' | sort -r
}

one_run() {
  local folder=$1 file=$2
  shift 2
  for ((attempt = 0; attempt <= retries; attempt++)); do
    run locust --headless -f "$file" "$@" --results-dir "$folder/results" \
      --junit "$folder/junit.xml" --markdown "$folder/run.md"
    [[ $code == "$INCONCLUSIVE" && -z $cancelled ]] || break
    ((attempt == retries)) || echo "$file is inconclusive: once more ($((attempt + 1)) of $retries)"
  done
}

# Sets `compared` to the exit code of the comparison with the newest earlier run; empty if there is none.
compare_run() {
  local folder=$1 name=$2 newest=$3 earlier noise=()
  compared=''
  mapfile -t earlier < <(kept_runs "$name")
  ((${#earlier[@]})) || return 0
  for other in "${earlier[@]:1:NOISE_RUNS}"; do noise+=(--noise "$other"); done
  compared=0
  fleetlm-bench compare "${earlier[0]}" "$newest" "${noise[@]}" --markdown > "$folder/compare.md" || compared=$?
  fleetlm-bench report "$newest" --baseline "${earlier[0]}" --html "$folder/report.html" ||
    echo "$newest: its page could not be written with the comparison"
}

# Sets `trending` to the exit code of the trend of all earlier runs and this one.
trend_run() {
  local folder=$1 name=$2 newest=$3 earlier=()
  [[ ! -d $history/$name ]] || earlier=("$history/$name")
  trending=0
  fleetlm-bench trend "${earlier[@]}" "$newest" --html "$folder/trend.html" > "$folder/trend.txt" || trending=$?
}

keep_run() {
  local kept
  kept=$history/$1/$(basename "$2")
  mkdir -p "$kept"
  cp "$2/summary.json" "$2/run.json" "$kept/"
  kept_runs "$1" | tail -n "+$((KEPT_RUNS + 1))" | while read -r old; do rm -r -- "$old"; done
}

describe() {
  local folder=$1
  {
    cat "$folder/run.md" 2> /dev/null || echo "## $2: no run (exit code $code)"
    [[ ! -s $folder/compare.md ]] || { echo; cat "$folder/compare.md"; }
    [[ ! -s $folder/trend.txt ]] || { echo; echo '<details><summary>Trend</summary>'; echo; echo '```'
      cat "$folder/trend.txt"; echo '```'; echo; echo '</details>'; }
    echo
  } >> "$summary"
}

# Prints the gate's exit code for the result of one benchmark.
gate_code() {
  case $code in
    0) ;;
    3) [[ $gate != *" thresholds "* ]] || { echo $FAIL; return; } ;;
    4) [[ $inconclusive == neutral ]] || { echo $INCONCLUSIVE; return; } ;;
    *) echo "$code"; return ;;
  esac
  if [[ $gate == *" regression "* && $compared == "$FAIL" ]] || [[ $gate == *" trend "* && $trending == "$FAIL" ]]; then
    echo $FAIL
  else
    echo $PASS
  fi
}

verdict_of() {
  case $1 in
    0) echo pass ;;
    3) echo fail ;;
    4) echo inconclusive ;;
    *) echo error ;;
  esac
}

# A mistake outweighs a failure, a failure outweighs inconclusive, and inconclusive outweighs a pass.
weight() {
  case $1 in
    0) echo 0 ;;
    4) echo 1 ;;
    3) echo 2 ;;
    *) echo 3 ;;
  esac
}

benchmark() {
  local name folder file newest this
  find_file "$1"
  split "$1 ${FLEETLM_ARGS:-}"
  name=$(basename "${words[0]}")${1#"${words[0]}"}
  name=$(tr -cs 'A-Za-z0-9._\n' - <<< "$name" | cut -c 1-80 | sed 's/-*$//')
  while [[ -n ${taken[$name]:-} ]]; do name+=-2; done
  taken[$name]=yes
  folder=$out/$name compared='' trending=''
  rm -rf -- "$folder"  # left by an earlier job in the same workspace
  mkdir -p "$folder/results"
  echo "::group::$1" | { [[ -n ${GITHUB_ACTIONS:-} ]] && cat || sed 's/^::group:://'; }
  one_run "$folder" "$file" "${words[@]:1}"
  newest=$(find "$folder/results" -mindepth 2 -maxdepth 2 -name summary.json -printf '%h\n' | sort | tail -n 1)
  if [[ -n $newest && $code =~ ^[035]$ ]]; then
    compare_run "$folder" "$name" "$newest"
    trend_run "$folder" "$name" "$newest"
    [[ $keep != true ]] || keep_run "$name" "$newest"
  fi
  [[ -z ${GITHUB_ACTIONS:-} ]] || echo '::endgroup::'
  describe "$folder" "$1"
  this=$(gate_code)
  [[ $code != "$INCONCLUSIVE" ]] || seen_inconclusive=yes
  echo "$name: $(verdict_of "$code")${compared:+, compared: $compared}${trending:+, trend: $trending}"
  (($(weight "$this") <= $(weight "$worst"))) || worst=$this
}

declare -A taken=()
worst=$PASS seen_inconclusive='' lines=()
while IFS= read -r line || [[ -n $line ]]; do
  line=$(sed 's/^[[:space:]]*//; s/[[:space:]]*$//; s/^#.*//' <<< "$line")
  [[ -z $line ]] || lines+=("$line")
done <<< "${FLEETLM_BENCHMARKS:-mixed}"
((${#lines[@]})) || fail_usage "FLEETLM_BENCHMARKS names no benchmark; for example: mixed --preset light"
split "${FLEETLM_ARGS:-}"
for line in "${lines[@]}"; do find_file "$line"; done  # refuse a mistake before any load, not after hours of it

for line in "${lines[@]}"; do
  [[ -n $cancelled ]] || benchmark "$line"
done
[[ -z $cancelled || $worst != "$PASS" ]] || worst=$INCONCLUSIVE

verdict=$(verdict_of "$worst")
[[ $verdict != pass || -z $seen_inconclusive ]] || verdict=inconclusive
[[ -z ${GITHUB_STEP_SUMMARY:-} ]] || head -c $SUMMARY_BYTES "$summary" >> "$GITHUB_STEP_SUMMARY"
[[ -z ${GITHUB_OUTPUT:-} ]] || printf 'verdict=%s\nexit-code=%s\nresults=%s\n' "$verdict" "$worst" "$out" >> "$GITHUB_OUTPUT"
[[ -z ${GITHUB_ACTIONS:-} || $verdict != inconclusive ]] ||
  echo '::warning::FleetLM load test: inconclusive, so nothing can be said of this change'
echo "gate: $verdict (exit code $worst)"
exit "$worst"
